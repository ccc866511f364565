/** Segmentation objects (PS3.3 Section C.8.20): which frame outlines which segment of which image. */

import { parseDicom } from "dicom-parser";

import { type DataSet, items, number, numbers, TAGS, text } from "./json";

export interface Segment {
  number: number;
  label: string;
}

export interface SegmentFrame {
  segment: number;
  /** The image that it was drawn on, where it is named. */
  sopInstanceUid: string | undefined;
  imagePosition: number[];
}

export interface Segmentation {
  label: string;
  rows: number;
  columns: number;
  bits: number;
  segments: Segment[];
  frames: SegmentFrame[];
}

/** The functional group of a frame, its own before the shared one. */
function group(own: DataSet, shared: DataSet, sequence: string): DataSet | undefined {
  return items(own, sequence)[0] ?? items(shared, sequence)[0];
}

export function segmentation(header: DataSet): Segmentation {
  const shared = items(header, "52009229")[0] ?? {};
  const frames = items(header, "52009230").map((own) => {
    const derivation = group(own, shared, "00089124");
    const source = derivation && items(derivation, "00082112")[0];
    const plane = group(own, shared, "00209113");
    const identification = group(own, shared, "0062000A");
    return {
      segment: (identification && number(identification, "0062000B")) ?? 0,
      sopInstanceUid: source && (text(source, "00081155") || undefined),
      imagePosition: plane ? numbers(plane, TAGS.imagePosition) : [],
    };
  });
  return {
    label: text(header, TAGS.seriesDescription) || text(header, "00700080"),
    rows: number(header, TAGS.rows) ?? 0,
    columns: number(header, TAGS.columns) ?? 0,
    bits: number(header, TAGS.bitsAllocated) ?? 0,
    segments: items(header, "00620002").map((segment) => ({
      number: number(segment, "00620004") ?? 0,
      label: text(segment, "00620005"),
    })),
    frames,
  };
}

/** One pixel a byte of `count` packed bits from bit `start` on: the lowest bit of a byte comes first (PS3.5 Section 8.1.1). */
export function unpacked(packed: Uint8Array, start: number, count: number): Uint8Array {
  const pixels = new Uint8Array(count);
  for (let at = 0; at < count; at += 1) {
    const bit = start + at;
    pixels[at] = ((packed[bit >> 3] ?? 0) >> (bit & 7)) & 1;
  }
  return pixels;
}

/**
 * The pixels of every frame, 0 where nothing is outlined, one byte a pixel.
 *
 * Throws where the file's pixels are compressed or too short: the archive gives segmentations uncompressed.
 */
export function framePixels(file: Uint8Array, of: Segmentation): Uint8Array[] {
  const element = parseDicom(file).elements["x7fe00010"];
  if (!element || element.encapsulatedPixelData === true) throw new Error("the segmentation's pixels are compressed");
  const pixels = file.subarray(element.dataOffset, element.dataOffset + element.length);
  const size = of.rows * of.columns;
  if (pixels.length * 8 < size * of.bits * of.frames.length || ![1, 8].includes(of.bits)) {
    throw new Error("the segmentation's pixels do not fit its frames");
  }
  return of.frames.map((_, at) =>
    of.bits === 1 ? unpacked(pixels, at * size, size) : pixels.slice(at * size, (at + 1) * size),
  );
}
