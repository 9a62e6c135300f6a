/**
 * What the body kernel and its module (assembly/body.ts) have agreed on.
 */

/** What bodies are made of. */
export const BODY_TEXT = 0;
export const BODY_OPEN_METRICS = 1;
export const BODY_INFLUX = 2;
export const BODY_GRAPHITE = 3;
export const BODY_JSON_LINES = 4;
export const BODY_JSON_VALUES = 5;
export const BODY_PACKED_VALUES = 6;

/** No key has this number. */
export const NO_KEY = 0xffffffff;

/** Owners of keys, behind the first of a body: of series in text by the kind of their metric, and of comments. */
export const COMMENT_OWNER = 3;
/** Of what stands before a sample, and before columns. */
export const JSON_SAMPLE_OWNER = 0;
export const JSON_COLUMNS_OWNER = 1;
/** In MessagePack what follows is part of it. */
export const PACKED_SAMPLE_OWNER = 2;
export const PACKED_TIMED_SAMPLE_OWNER = 3;
export const PACKED_COLUMNS_OWNER = 4;
export const PACKED_COLUMNS_WITH_TIMES_OWNER = 5;
export const PACKED_COLUMNS_WITH_TIME_OWNER = 6;
/** Of a body at the most. */
export const OWNERS_OF_BODY = 8;

/** Longer keys are not kept. */
export const BODY_KEY_SIZE_MAX = 65_536;
/** What stands before a device's values is not looked for further. */
export const BODY_HEAD_SIZE_MAX = 2048;
/** Columns of one value. */
export const BODY_COLUMNS_MAX = 512;
