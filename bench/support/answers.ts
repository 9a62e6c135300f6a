/**
 * Whether two servers gave the same answer: a fast wrong one would not count.
 */

interface AnsweredSeries {
  readonly metric: Readonly<Record<string, string>>;
  readonly value?: readonly [number, string];
  readonly values?: readonly (readonly [number, string])[];
}

/** Sums in another order may differ by this, relative to the value. */
const tolerance = 1e-11;

/** What differs first, in words; undefined when nothing does. */
export function differenceOf(first: Buffer, second: Buffer): string | undefined {
  if (first.equals(second)) return undefined;
  const [a, b] = [first, second].map(
    (body) => (JSON.parse(body.toString()) as { readonly data: unknown }).data,
  );
  if (Array.isArray(a) || Array.isArray(b)) return sameSets(a, b) ? undefined : "other names or series";
  const left = sortedSeries(a);
  const right = sortedSeries(b);
  if (left.length !== right.length) return `${left.length} series, not ${right.length}`;
  for (const [i, [key, series]] of left.entries()) {
    const [otherKey, other] = right[i]!;
    if (key !== otherKey) return `series ${key}, not ${otherKey}`;
    const difference = differenceOfPoints(pointsOf(series), pointsOf(other));
    if (difference !== undefined) return `${key}: ${difference}`;
  }
  return undefined;
}

function sameSets(a: unknown, b: unknown): boolean {
  const key = (list: unknown) =>
    (list as readonly unknown[])
      .map((each) => JSON.stringify(sortedEntries(each)))
      .sort()
      .join();
  return key(a) === key(b);
}

function sortedEntries(value: unknown): unknown {
  return typeof value === "object" && value !== null ? Object.entries(value).sort() : value;
}

function sortedSeries(answer: unknown): (readonly [string, AnsweredSeries])[] {
  const { result } = answer as { readonly result: readonly AnsweredSeries[] };
  const keyed = result.map((series) => [JSON.stringify(sortedEntries(series.metric)), series] as const);
  return keyed.sort(([a], [b]) => (a < b ? -1 : 1));
}

function pointsOf({ value, values }: AnsweredSeries): readonly (readonly [number, string])[] {
  return values ?? (value === undefined ? [] : [value]);
}

function differenceOfPoints(
  left: readonly (readonly [number, string])[],
  right: readonly (readonly [number, string])[],
): string | undefined {
  if (left.length !== right.length) return `${left.length} points, not ${right.length}`;
  for (const [i, [time, text]] of left.entries()) {
    const [otherTime, otherText] = right[i]!;
    if (time !== otherTime) return `time ${time}, not ${otherTime}`;
    if (text !== otherText && !isNear(Number(text), Number(otherText)))
      return `${text}, not ${otherText}, at ${time}`;
  }
  return undefined;
}

function isNear(a: number, b: number): boolean {
  return Math.abs(a - b) <= tolerance * Math.max(Math.abs(a), Math.abs(b));
}
