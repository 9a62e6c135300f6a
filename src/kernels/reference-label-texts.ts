/**
 * splitLabels: names and values of label fields in the usual form, the oracle of assembly/_label-texts.ts.
 */

const textSizeMax = 124;
const textsMax = 128;

/** In turn; undefined when the labels have another form, or are none. */
export function splitLabels(labels: Uint8Array, sizeMax: number): readonly string[] | undefined {
  const most = Math.min(sizeMax, textSizeMax);
  const texts: string[] = [];
  let nameBefore = "";
  for (let at = 0; at < labels.length; ) {
    if (labels[at] !== 0x0a || texts.length === textsMax) return undefined;
    let size = labels[at + 1] ?? 0;
    at += 2;
    if (size >= 0x80) size = (size & 0x7f) | ((labels[at++] ?? 0xff) << 7);
    const end = at + size;
    const name = textOf(labels, at, 0x0a, most);
    const value = name && textOf(labels, at + 2 + name.length, 0x12, most);
    if (!name || !value || name.length + value.length + 4 !== size || end > labels.length) return undefined;
    if (name <= nameBefore) return undefined;
    texts.push(name, value);
    nameBefore = name;
    at = end;
  }
  return texts.length === 0 ? undefined : texts;
}

/** The text of a field with this tag; undefined when it is not there, empty, too long, or not ASCII. */
function textOf(bytes: Uint8Array, at: number, tag: number, most: number): string | undefined {
  const size = bytes[at + 1] ?? 0;
  if (bytes[at] !== tag || size === 0 || size > most) return undefined;
  let text = "";
  for (const byte of bytes.subarray(at + 2, at + 2 + size)) {
    if (byte >= 0x80) return undefined;
    text += String.fromCharCode(byte);
  }
  return text.length === size ? text : undefined;
}
