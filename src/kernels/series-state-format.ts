/**
 * The memory of the series-state kernel: what an append reads and writes of a series, and the bytes of open chunks.
 *
 * Layout of the memory, in the byte order of the machine, from an origin aligned to 64 bytes
 *   ┌─────────────────┬────────────────────────────┬─────────────┬──────────┬──────────┬──────────────┬────────┬─────────┐
 *   │ first free cell │ page of each 1024 slots:   │ rows: slots │ times    │ values   │ scratch 32 B │ chunk: │ pages   │
 *   │ u32, free cells │ its address, u32 (0: none) │ u32 each    │ f64 each │ f64 each │ found 32 B   │ 64 KiB │ of      │
 *   │ u32             │                            │             │          │          │              │ + 32 B │ 64 KiB  │
 *   └─────────────────┴────────────────────────────┴─────────────┴──────────┴──────────┴──────────────┴────────┴─────────┘
 *   found: the value that a search has found; chunk: what is searched. A page holds 1024 records or 1024 cells.
 *
 * Record of a series, 64 bytes, so that an append touches one line of the processor's cache and one of the cell
 *   ┌────────────────┬──────────────┬───────────┬─────────────────┬─────────────┬─────────────┐
 *   │ newestTime f64 │ value 64 bits│ delta f64 │ openMinTime f64 │ minTime f64 │ maxTime f64 │
 *   ├────────────────┼──────────────┼───────────┴───┬───────────┬─┴───────────┬─┴───────────┬─┴──────────────┐
 *   │ sampleCount u32│ lastCell u32 │ bitLength u16 │ count u8  │ leading u8  │ trailing u8 │ marks: u8, u16 │
 *   └────────────────┴──────────────┴───────────────┴───────────┴─────────────┴─────────────┴────────────────┘
 *   value, delta, leading, trailing: of the newest sample, as the encoder needs them; no meaning while count is 0
 *   openMinTime, count, bitLength: of the open chunk; bitLength without its header
 *   marks: flags, then the generation in which a record last named the series, modulo 2^16
 *
 * Cell, 64 bytes: the number of the cell before it (u32, address / 64), then 60 bytes of the chunk's body without its
 * header. All cells of a chunk but the last are full. Free cells are linked in the same way.
 */

export const PAGE_SIZE_BYTES = 65_536;
export const RECORD_SIZE_BYTES = 64;
export const SLOTS_PER_PAGE_BITS = 10;
/** Pages of records: more slots than the memory of 4 GiB can have. */
export const SLOT_PAGES_MAX = 32_768;
/** Rows of samples that one call can work through. */
export const ROWS_MAX = 2048;

export const CELL_SIZE_BYTES = 64;
export const CELL_LINK_SIZE_BYTES = 4;
export const CELL_PAYLOAD_SIZE_BYTES = CELL_SIZE_BYTES - CELL_LINK_SIZE_BYTES;

/** From the origin on. */
export const FREE_CELL_AT = 0;
export const FREE_CELL_COUNT_AT = 4;
export const PAGE_TABLE_AT = 64;
export const ROW_SLOTS_AT = PAGE_TABLE_AT + 4 * SLOT_PAGES_MAX;
export const ROW_TIMES_AT = ROW_SLOTS_AT + 4 * ROWS_MAX;
export const ROW_VALUES_AT = ROW_TIMES_AT + 8 * ROWS_MAX;
export const SCRATCH_AT = ROW_VALUES_AT + 8 * ROWS_MAX;
export const FOUND_AT = SCRATCH_AT + 32;
export const CHUNK_AT = SCRATCH_AT + 64;
/** A chunk to be searched may have as many bytes. */
export const CHUNK_SIZE_MAX_BYTES = 65_536;
/** Zeros behind the chunk. */
export const CHUNK_PADDING_BYTES = 32;
export const REGIONS_SIZE_BYTES = CHUNK_AT + CHUNK_SIZE_MAX_BYTES + CHUNK_PADDING_BYTES;

/** From the first byte of a record on. */
export const NEWEST_TIME = 0;
export const VALUE = 8;
export const DELTA = 16;
export const OPEN_MIN_TIME = 24;
export const MIN_TIME = 32;
export const MAX_TIME = 40;
export const SAMPLE_COUNT = 48;
export const LAST_CELL = 52;
export const BIT_LENGTH = 56;
export const COUNT = 58;
export const LEADING = 59;
export const TRAILING = 60;
export const FLAGS = 61;
export const GENERATION = 62;

/**
 * What part of a full chunk the first chunk of a series is, of 256. Series that begin together would else close all their
 * chunks together: their cells would have to have room for all chunks when they are full, instead of half full.
 */
export function firstShareOf(slot: number): number {
  return 32 + (((Math.imul(slot, 0x9e3779b1) >>> 24) * 7) >>> 3);
}

/** `leading` of a chunk in which no value has differed from the one before. */
export const NO_LEADING = 0xff;
/** A bit of `trailing`: not all distances between the times of the open chunk are `delta`. */
export const IS_IRREGULAR = 0x80;
/** A durable record of this process has named the series. */
export const IS_NAMED = 1;
/** The newest sample stands in a durable record of this process. */
export const IS_NEWEST_OWN = 2;
/** All in-order samples of the series stand in durable records of this process. */
export const IS_OWN = 4;
