/**
 * CRC-32C of short and long inputs.
 */

import { crc32c } from "../../src/kernels/crc32c.js";
import { referenceCrc32c } from "../../src/kernels/reference-crc32c.js";
import { printSideBySide } from "../support/side-by-side.js";

const sizes = [32, 128, 256, 512, 1024, 4096, 32_768, 1_048_576];

await printSideBySide(
  "CRC-32C (crc32c takes the shorter way up to its threshold)",
  "byte",
  sizes.map((sizeBytes) => {
    const bytes = Uint8Array.from({ length: sizeBytes }, (_, i) => i * 31);
    const calls = Math.ceil(65_536 / sizeBytes);
    const repeat = (sum: (bytes: Uint8Array, seed: number) => number) => () => {
      let crc = 0;
      for (let i = 0; i < calls; i++) crc = sum(bytes, crc);
      return crc;
    };
    return {
      name: `${sizeBytes} bytes`,
      units: sizeBytes * calls,
      forms: { TypeScript: repeat(referenceCrc32c), crc32c: repeat(crc32c) },
    };
  }),
);
