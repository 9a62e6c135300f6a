/**
 * What is wrong with a body, and where. The numbers stand in ../remote-write-format.ts.
 */

export const CUT_SHORT: i32 = 1;
export const VARINT_TOO_LONG: i32 = 2;
export const FIELD_TOO_LONG: i32 = 3;
export const BAD_FIELD_NUMBER: i32 = 4;
export const BAD_WIRE_TYPE: i32 = 5;
export const NO_EMPTY_SYMBOL: i32 = 6;
export const LABELS_TOO_LARGE: i32 = 7;
/** No fault of the body: a region is full, and its scan must begin anew with a larger one. */
export const REGION_FULL: i32 = 8;
export const SNAPPY_ELEMENT_INCOMPLETE: i32 = 10;
export const SNAPPY_TOO_MUCH: i32 = 11;
export const SNAPPY_LITERAL_INCOMPLETE: i32 = 12;
export const SNAPPY_COPY_BEFORE_START: i32 = 13;
export const SNAPPY_TOO_LITTLE: i32 = 14;

/** 0 while nothing is wrong. */
export let fault: i32 = 0;
/** An address. */
export let faultAt: usize = 0;

export function forgetFault(): void {
  fault = 0;
  faultAt = 0;
}

/** Keeps the fault; returns 0, which is no position. */
export function fail(kind: i32, at: usize): usize {
  fault = kind;
  faultAt = at;
  return 0;
}
