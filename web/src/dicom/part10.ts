/** Files in Explicit VR Little Endian (PS3.10 Section 7.1, PS3.5 Section 7.1.2), out of the JSON model. */

import type { Attribute, DataSet, PersonNameValue, Value } from "./json";

/** Identifies this program as the writer, as the archive does. */
const IMPLEMENTATION_CLASS_UID = "2.25.329800735698586629295641978511506172918";
const EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1";
/** Value representations whose length takes four bytes (PS3.5 Table 7.1-1). */
const LONG = new Set(["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"]);
/** Bytes of one number. */
const SIZES: Record<string, number> = { AT: 4, US: 2, SS: 2, UL: 4, SL: 4, FL: 4, FD: 8 };
const PIXEL_DATA = "7FE00010";
const LONGEST_DECIMAL = 16;

/** A DS value of no more than 16 characters, as near to the number as they allow. */
export function decimal(number: number): string {
  let text = String(number);
  for (let digits = 15; text.length > LONGEST_DECIMAL; digits -= 1) text = String(Number(number.toPrecision(digits)));
  return text;
}

/** A new identifier, out of 128 random bits (PS3.5 Section B.2). */
export function newUid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  // Version 4, variant 1, as RFC 9562 has it.
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const number = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return `2.25.${number}`;
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function uint32(number: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, number, true);
  return bytes;
}

function tagBytes(tag: string): Uint8Array {
  const [group, element] = [parseInt(tag.slice(0, 4), 16), parseInt(tag.slice(4), 16)];
  return Uint8Array.of(group & 255, group >> 8, element & 255, element >> 8);
}

/** A name's groups, without those that are empty at its end. */
function personName(name: PersonNameValue): string {
  return `${name.Alphabetic ?? ""}=${name.Ideographic ?? ""}=${name.Phonetic ?? ""}`.replace(/=+$/, "");
}

function textOf(value: Value, vr: string): string {
  if (value === null) return "";
  if (typeof value === "number") return vr === "DS" ? decimal(value) : String(value);
  return typeof value === "string" ? value : personName(value);
}

function words(values: readonly Value[], vr: string): Uint8Array {
  const text = values.map((value) => textOf(value, vr)).join("\\");
  const bytes = new TextEncoder().encode(text);
  if (bytes.length % 2 === 0) return bytes;
  return joined([bytes, Uint8Array.of(vr === "UI" ? 0 : 32)]);
}

function binary(values: readonly Value[], vr: string, size: number): Uint8Array {
  const bytes = new Uint8Array(values.length * size);
  const view = new DataView(bytes.buffer);
  values.forEach((value, number) => {
    const at = number * size;
    if (vr === "AT") {
      if (typeof value === "string") bytes.set(tagBytes(value), at);
      return;
    }
    const written = Number(value);
    if (vr === "US") view.setUint16(at, written, true);
    else if (vr === "SS") view.setInt16(at, written, true);
    else if (vr === "UL") view.setUint32(at, written, true);
    else if (vr === "SL") view.setInt32(at, written, true);
    else if (vr === "FL") view.setFloat32(at, written, true);
    else view.setFloat64(at, written, true);
  });
  return bytes;
}

function items(values: readonly Value[]): Uint8Array {
  const begin = Uint8Array.of(0xfe, 0xff, 0x00, 0xe0);
  return joined(
    values.flatMap((value) => {
      const inside = dataSetBytes(value as DataSet);
      return [begin, uint32(inside.length), inside];
    }),
  );
}

function element(tag: string, vr: string, value: Uint8Array): Uint8Array {
  const head = [tagBytes(tag), new TextEncoder().encode(vr)];
  if (LONG.has(vr)) return joined([...head, Uint8Array.of(0, 0), uint32(value.length), value]);
  if (value.length > 0xffff) throw new Error(`the value of ${tag} is too long for its representation`);
  return joined([...head, Uint8Array.of(value.length & 255, value.length >> 8), value]);
}

function valueOf({ vr, Value: values = [] }: Attribute): Uint8Array {
  if (vr === "SQ") return items(values);
  const size = SIZES[vr];
  if (size !== undefined) return binary(values, vr, size);
  if (LONG.has(vr) && !["UC", "UR", "UT"].includes(vr)) throw new Error(`values of ${vr} are not written`);
  return words(values, vr);
}

/** A data set, its elements in the order of their tags; `pixels` become its Pixel Data, in bytes. */
export function dataSetBytes(data: DataSet, pixels?: Uint8Array): Uint8Array {
  const parts = Object.keys(data)
    .filter((tag) => tag < PIXEL_DATA)
    .sort()
    .flatMap((tag) => {
      const attribute = data[tag];
      return attribute ? [element(tag, attribute.vr, valueOf(attribute))] : [];
    });
  if (pixels) parts.push(element(PIXEL_DATA, "OB", pixels.length % 2 === 0 ? pixels : joined([pixels, new Uint8Array(1)])));
  return joined(parts);
}

/** A whole file of a data set, which names its class and itself. */
export function part10(data: DataSet, pixels?: Uint8Array): Uint8Array<ArrayBuffer> {
  const named = (tag: string) => ({ vr: "UI", Value: data[tag]?.Value ?? [] });
  const meta = joined([
    element("00020001", "OB", Uint8Array.of(0, 1)),
    dataSetBytes({
      "00020002": named("00080016"),
      "00020003": named("00080018"),
      "00020010": { vr: "UI", Value: [EXPLICIT_LITTLE_ENDIAN] },
      "00020012": { vr: "UI", Value: [IMPLEMENTATION_CLASS_UID] },
      "00020013": { vr: "SH", Value: ["WILHELM_PAGE"] },
    }),
  ]);
  const length = element("00020000", "UL", uint32(meta.length));
  const magic = new TextEncoder().encode("DICM");
  return joined([new Uint8Array(128), magic, length, meta, dataSetBytes(data, pixels)]);
}
