/**
 * ValueTaker: takes the values of a body that need not be parsed, before JsonValues and MsgpackValues look at them.
 */

export interface ValueTaker {
  /**
   * Takes values from the one on that begins at `start`, with what stands between them, and returns where the first begins
   * that it does not take; NOWHERE when it has taken none. Each piece of a body is a buffer of its own.
   */
  take(bytes: Buffer, start: number, isInArray: boolean): number;
  /** How many it took the last time. */
  readonly taken: number;
}

export const NOWHERE = -1;

export const takesNothing: ValueTaker = { take: () => NOWHERE, taken: 0 };
