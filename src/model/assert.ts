/**
 * assert and unreachable: for our bugs. What the world gets wrong is a TsdbError instead.
 */

class AssertionFailure extends Error {
  override readonly name = "AssertionFailure";
}

/** Throws when `condition` is false. `belief` says what was believed, so that the failure reads as a sentence. */
export function assert(condition: boolean, belief: string): asserts condition {
  if (!condition) throw new AssertionFailure(`believed, but false: ${belief}`);
}

/** Ends an exhaustive `switch` over a union: does not compile when a case is missing. */
export function unreachable(value: never): never {
  throw new AssertionFailure(`a case is missing for ${JSON.stringify(value)}`);
}
