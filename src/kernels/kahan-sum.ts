/**
 * KahanSum: compensated summation with Neumaier's improvement, as Prometheus sums.
 *
 * `sum` alone is the plain running sum, `compensation` what it has lost. An infinite sum loses nothing any
 * more. The order of the operations is part of the contract: answers agree with Prometheus to the bit.
 */
export class KahanSum {
  sum = 0;
  compensation = 0;

  add(value: number): void {
    const total = this.sum + value;
    if (isInfinite(total)) this.compensation = 0;
    else if (Math.abs(this.sum) >= Math.abs(value)) this.compensation += this.sum - total + value;
    else this.compensation += value - total + this.sum;
    this.sum = total;
  }

  get total(): number {
    return this.sum + this.compensation;
  }
}

/** NaN is not. */
export function isInfinite(value: number): boolean {
  return value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY;
}
