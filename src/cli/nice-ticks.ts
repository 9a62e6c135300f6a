/**
 * Round numbers for an axis: multiples of 1, 2 or 5 times a power of ten that enclose a range.
 *
 * Source: Heckbert, "Nice Numbers for Graph Labels", Graphics Gems (1990).
 */

/** At least two ascending ticks, about `count`; the first is not above `min`, the last not below `max`. */
export function niceTicks(min: number, max: number, count: number): number[] {
  const magnitude = Math.max(Math.abs(min), Math.abs(max));
  // A spread that the ticks' twelve digits could not show counts as none.
  const isFlat = max - min <= Math.max(1e-300, magnitude * 1e-10);
  const spread = isFlat ? Math.max(1, magnitude / 10) : max - min;
  const step = niceStep(spread / (count - 1));
  const first = Math.floor(min / step);
  const last = Math.max(first + 1, Math.ceil(max / step));
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = rough / power;
  if (factor < 1.5) return power;
  if (factor < 3) return 2 * power;
  return factor < 7 ? 5 * power : 10 * power;
}
