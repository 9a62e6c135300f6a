/**
 * The index file of a block: Prometheus' index, version 2. Numbers are big-endian.
 *
 *   ┌────────────────────┬────────────┐
 *   │ 0xBAAAD700 u32     │ 2 u8       │
 *   ├────────────────────┴────────────┴──────────────────────────────────────────────┐
 *   │ symbols              one section: strings, sorted by bytes                     │
 *   │ series               one entry per series, sorted by labels                    │
 *   │ postings             one section per label pair; the first is of all series    │
 *   │ postings offsets     one section: label pair to offset of its postings         │
 *   │ TOC                  fixed size, at the end of the file                        │
 *   └────────────────────────────────────────────────────────────────────────────────┘
 *
 *   section     length u32 │ body[length] │ crc32c(body) u32              zero bytes may stand between sections
 *   symbols     count u32 │ (length uvarint, text)...
 *   postings    count u32 │ (series ref u32)...                           increasing
 *   offsets     count u32 │ (2 u8, name, value, offset uvarint)...        sorted; name and value are: length
 *                                                                         uvarint, text; ("", "") is all series
 *
 *   series      length uvarint │ body[length] │ crc32c(body) u32          aligned to 16 bytes
 *     body      labels uvarint │ (name symbol uvarint, value symbol uvarint)... │
 *               chunks uvarint │ (times and ref)...
 *     first     minTime varint  │ maxTime - minTime uvarint │ chunk ref uvarint
 *     others    minTime - maxTime before uvarint │ maxTime - minTime uvarint │ chunk ref - ref before varint
 *
 *   TOC         symbols u64 │ series u64 │ label indices u64 │ label indices table u64 │ postings u64 │
 *               postings offsets u64 │ crc32c u32
 *
 * Invariants
 *  1. A series ref is the offset of the series' entry divided by 16; a symbol ref is the symbol's index.
 *  2. Series refs and chunk refs grow with the order of labels.
 *  3. The label index sections of older writers are not read and not written: both TOC entries then name the
 *     place where they would stand, which readers use as the end of the section before.
 *
 * Source: Prometheus `tsdb/docs/format/index.md`.
 */

export const INDEX_MAGIC = 0xbaaad700;
export const INDEX_VERSION = 2;
export const INDEX_HEADER_SIZE_BYTES = 5;
export const TOC_SIZE_BYTES = 6 * 8 + 4;
export const SERIES_ALIGNMENT_BYTES = 16;
export const SECTION_ALIGNMENT_BYTES = 4;
/** The number of strings in a key of the postings offset table. */
export const POSTINGS_KEY_PARTS = 2;

/** Where each section begins. */
export interface IndexToc {
  readonly symbols: number;
  readonly series: number;
  readonly labelIndices: number;
  readonly labelIndicesTable: number;
  readonly postings: number;
  readonly postingsOffsets: number;
}
