/**
 * ReferenceSymbols: the symbols of a remote write 2.0 request, and what the series that is being read says in them.
 */

import { ProtobufReader, WIRE_BYTES, WIRE_VARINT } from "./protobuf-reader.js";
import { labelsTooLarge, METRIC_TYPE_MAX, throwNoEmptySymbol } from "./remote-write-format.js";
import type { EncodedMetadata } from "./remote-write-kernel.js";

interface EncodedSymbol {
  /** The length as it was written, and the text. */
  readonly encoded: Uint8Array;
  readonly text: Uint8Array;
}

export class ReferenceSymbols {
  /** Of the series: refs of labels, and whether a ref of it leads nowhere. */
  refCount = 0;
  hasBadRef = false;
  readonly #message: Uint8Array;
  readonly #symbols: EncodedSymbol[] = [];
  readonly #labelBytesMax: number;
  #labelBytes = 0;
  #labels: Uint8Array[] = [];
  #nameRef = 0;
  #type = 0;
  #helpRef = 0;
  #unitRef = 0;

  /** Reads the symbols of a message, wherever they stand in it. */
  constructor(message: Uint8Array, labelBytesMax: number) {
    this.#message = message;
    this.#labelBytesMax = labelBytesMax;
    const reader = new ProtobufReader(message);
    while (reader.nextField()) {
      if (!reader.isAt(4, WIRE_BYTES)) {
        reader.skip();
        continue;
      }
      const start = reader.position;
      const end = reader.readLength();
      this.#symbols.push({
        encoded: message.subarray(start, end),
        text: message.subarray(reader.position, end),
      });
      reader.position = end;
    }
    if (this.#symbols[0]?.encoded.length !== 1) throwNoEmptySymbol();
  }

  beginSeries(): void {
    this.refCount = 0;
    this.hasBadRef = false;
    this.#labels = [];
    this.#type = 0;
    this.#helpRef = 0;
    this.#unitRef = 0;
  }

  addRef(ref: number): void {
    const isValue = this.refCount++ % 2 === 1;
    if (ref >= this.#symbols.length) this.hasBadRef = true;
    else if (!isValue) this.#nameRef = ref;
    else if (!this.hasBadRef) this.#addLabel(this.#symbols[this.#nameRef]!, this.#symbols[ref]!);
  }

  addMetadata(start: number, end: number): void {
    const reader = new ProtobufReader(this.#message, start, end);
    while (reader.nextField()) {
      if (reader.isAt(1, WIRE_VARINT)) this.#type = Math.min(reader.readVarint(), METRIC_TYPE_MAX);
      else if (reader.isAt(3, WIRE_VARINT)) this.#helpRef = this.#checked(reader.readVarint());
      else if (reader.isAt(4, WIRE_VARINT)) this.#unitRef = this.#checked(reader.readVarint());
      else reader.skip();
    }
  }

  /** As the label fields of a TimeSeries of 1.0. */
  labels(): Uint8Array {
    return Buffer.concat(this.#labels);
  }

  metadata(): { readonly metadata: EncodedMetadata | undefined; readonly metadataKey: string } {
    if (this.#type === 0 && this.#helpRef === 0 && this.#unitRef === 0)
      return { metadata: undefined, metadataKey: "" };
    const help = this.#symbols[this.#helpRef]!.text;
    const unit = this.#symbols[this.#unitRef]!.text;
    const metadataKey = `${this.#type} ${Buffer.from(help).toString("latin1")}\0${Buffer.from(unit).toString("latin1")}`;
    return { metadata: { type: this.#type, help, unit }, metadataKey };
  }

  #addLabel(name: EncodedSymbol, value: EncodedSymbol): void {
    const size = name.encoded.length + value.encoded.length + 2;
    this.#labelBytes += size + 2;
    if (this.#labelBytes > this.#labelBytesMax) throw labelsTooLarge(this.#labelBytesMax);
    const header: number[] = [0x0a];
    let rest = size;
    for (; rest >= 0x80; rest = Math.floor(rest / 128)) header.push((rest % 128) | 0x80);
    header.push(rest, 0x0a);
    this.#labels.push(Uint8Array.from(header), name.encoded, Uint8Array.of(0x12), value.encoded);
  }

  #checked(ref: number): number {
    if (ref < this.#symbols.length) return ref;
    this.hasBadRef = true;
    return 0;
  }
}
