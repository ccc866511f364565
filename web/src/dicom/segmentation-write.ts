/** Labels that were painted on images, as a binary segmentation object (PS3.3 Section A.51, C.8.20). */

import { type DataSet, number, numbers, TAGS, text } from "./json";
import { type Code, code, common, type Maker, reference, sequence, short, single } from "./made";
import { newUid, part10 } from "./part10";

const SEGMENTATION_STORAGE = "1.2.840.10008.5.1.4.1.1.66.4";
const SERIES_NUMBER = 9100;

/** What a segment may be of, with the category that the Standard has it under (PS3.16 CID 7150, 7159). */
export const PROPERTIES = {
  lesion: { category: ["49755003", "Morphologically Abnormal Structure"], type: ["52988006", "Lesion"] },
  mass: { category: ["49755003", "Morphologically Abnormal Structure"], type: ["4147007", "Mass"] },
  nodule: { category: ["49755003", "Morphologically Abnormal Structure"], type: ["27925004", "Nodule"] },
  organ: { category: ["123037004", "Anatomical Structure"], type: ["113343008", "Organ"] },
  tissue: { category: ["85756007", "Tissue"], type: ["85756007", "Tissue"] },
} as const;
export type Property = keyof typeof PROPERTIES;

export interface PaintedSegment {
  /** From 1. */
  number: number;
  label: string;
  property: Property;
  /** Whether a threshold chose some of its pixels. */
  byThreshold: boolean;
  /** Red, green and blue, 0 to 255. */
  color: readonly [number, number, number];
}

/** The labels of one image: a segment's number a pixel, 0 where nothing was painted; row by row. */
export interface PaintedImage {
  header: DataSet;
  labels: ArrayLike<number>;
}

const snomed = ([value, meaning]: readonly [string, string]): Code => ({ value, scheme: "SCT", meaning });

/** CIELab in 16 bits (PS3.3 Section C.10.7.1.1) of sRGB under D50, as ICC profiles have it. */
export function labOf(color: readonly [number, number, number]): [number, number, number] {
  const linear = color.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  const [red = 0, green = 0, blue = 0] = linear;
  // sRGB to XYZ, adapted from D65 to D50 by Bradford, over the white of D50.
  const x = (0.4360747 * red + 0.3850649 * green + 0.1430804 * blue) / 0.96422;
  const y = 0.2225045 * red + 0.7168786 * green + 0.0606169 * blue;
  const z = (0.0139322 * red + 0.0971045 * green + 0.7141733 * blue) / 0.82521;
  const bent = (share: number) => (share > 216 / 24389 ? Math.cbrt(share) : (share * 24389) / 27 / 116 + 16 / 116);
  const [fx, fy, fz] = [bent(x), bent(y), bent(z)];
  const scaled = (share: number) => Math.round(Math.min(Math.max(share, 0), 1) * 65535);
  return [scaled((116 * fy - 16) / 100), scaled((500 * (fx - fy) + 128) / 255), scaled((200 * (fy - fz) + 128) / 255)];
}

/** Why labels of these images cannot be saved; nothing where they can. */
export function unfitFor(headers: readonly DataSet[]): "position" | "frames" | undefined {
  const placed = (header: DataSet) =>
    numbers(header, TAGS.imagePosition).length === 3 &&
    numbers(header, TAGS.imageOrientation).length === 6 &&
    numbers(header, TAGS.pixelSpacing).length === 2 &&
    text(header, TAGS.frameOfReferenceUid) !== "";
  if (headers.some((header) => (number(header, TAGS.numberOfFrames) ?? 1) > 1)) return "frames";
  return headers.length > 0 && headers.every(placed) ? undefined : "position";
}

/** Packs one bit a pixel, the first into the lowest, frames without padding between them (PS3.5 Section 8.1.1). */
export function packed(frames: readonly { labels: ArrayLike<number>; segment: number }[]): Uint8Array {
  const pixels = frames.reduce((sum, { labels }) => sum + labels.length, 0);
  const bytes = new Uint8Array(Math.ceil(pixels / 8));
  let bit = 0;
  for (const { labels, segment } of frames) {
    for (let at = 0; at < labels.length; at += 1, bit += 1) {
      if (labels[at] === segment) bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) | (1 << (bit & 7));
    }
  }
  return bytes;
}

function segmentItem(segment: PaintedSegment, number: number): DataSet {
  const { category, type } = PROPERTIES[segment.property];
  return {
    "00620004": single("US", number),
    "00620005": single("LO", short(segment.label, 64)),
    "00620003": sequence(code(snomed(category))),
    "0062000F": sequence(code(snomed(type))),
    "00620008": single("CS", segment.byThreshold ? "SEMIAUTOMATIC" : "MANUAL"),
    ...(segment.byThreshold ? { "00620009": single("LO", "Wilhelm threshold brush") } : {}),
    "0062000D": { vr: "US", Value: labOf(segment.color) },
  };
}

const DERIVATION: Code = { value: "113076", scheme: "DCM", meaning: "Segmentation" };
const PURPOSE: Code = { value: "121322", scheme: "DCM", meaning: "Source image for image processing operation" };

interface Frame {
  image: PaintedImage;
  /** Its place among the images that were painted on, from 1. */
  place: number;
  segment: number;
}

function frameItem({ image, place, segment }: Frame): DataSet {
  const source = {
    ...reference(image.header),
    "0040A170": sequence(code(PURPOSE)),
    "0028135A": single("CS", "YES"),
  };
  return {
    "00089124": sequence({ "00089215": sequence(code(DERIVATION)), "00082112": sequence(source) }),
    "00209111": sequence({ "00209157": { vr: "UL", Value: [segment, place] } }),
    "00209113": sequence({ "00200032": { vr: "DS", Value: numbers(image.header, TAGS.imagePosition) } }),
    "0062000A": sequence({ "0062000B": single("US", segment) }),
  };
}

/** Space between slices and their thickness in mm: the header's, else the distance of the images. */
function thickness(images: readonly PaintedImage[]): number {
  const stated = number(images[0]?.header ?? {}, "00180050");
  return stated !== undefined && stated > 0 ? stated : 1;
}

/**
 * The file of what was painted: a frame for each segment on each image that holds some of it. `images` lie in the order of
 * their positions.
 *
 * Throws where nothing was painted, or `unfitFor` names a reason.
 */
export function segmentationFile(
  images: readonly PaintedImage[],
  segments: readonly PaintedSegment[],
  label: string,
  maker: Maker,
): Uint8Array<ArrayBuffer> {
  const first = images[0]?.header ?? {};
  const unfit = unfitFor(images.map(({ header }) => header));
  if (unfit !== undefined) throw new Error(`these images cannot be segmented: ${unfit}`);
  const [rows, columns] = [number(first, TAGS.rows) ?? 0, number(first, TAGS.columns) ?? 0];
  const found = images.map(({ labels }) => new Set(Array.from(labels)));
  const places = new Map<PaintedImage, number>();
  images.forEach((image, at) => {
    if (segments.some(({ number: one }) => found[at]?.has(one))) places.set(image, places.size + 1);
  });
  const frames = segments.flatMap(({ number: segment }) =>
    images.flatMap((image, at) => (found[at]?.has(segment) ? [{ image, place: places.get(image) ?? 0, segment }] : [])),
  );
  if (frames.length === 0) throw new Error("nothing was painted");
  // Numbers of segments go from 1 by 1 (PS3.3 Section C.8.20.4): one that holds nothing leaves no gap.
  const used = segments.filter(({ number: segment }) => frames.some((frame) => frame.segment === segment));
  const numberOf = new Map(used.map(({ number: segment }, at) => [segment, at + 1]));
  const [dimensions, lossy] = [newUid(), ["00282110", "00282112", "00282114"]];
  const kept = lossy.flatMap((tag) => (first[tag] ? [[tag, first[tag]] as const] : []));
  const pointer = (tag: string, group: string, words: string): DataSet => ({
    "00209164": single("UI", dimensions),
    "00209165": { vr: "AT", Value: [tag] },
    "00209167": { vr: "AT", Value: [group] },
    "00209421": single("LO", words),
  });
  const data: DataSet = {
    ...common(first, { sopClass: SEGMENTATION_STORAGE, modality: "SEG", seriesNumber: SERIES_NUMBER, description: label }, maker),
    ...Object.fromEntries(kept),
    "00080008": { vr: "CS", Value: ["DERIVED", "PRIMARY"] },
    "00081115": sequence({
      "0008114A": sequence(...[...places.keys()].map(({ header }) => reference(header))),
      "0020000E": single("UI", text(first, TAGS.seriesInstanceUid)),
    }),
    "00200052": single("UI", text(first, TAGS.frameOfReferenceUid)),
    "00201040": single("LO", text(first, "00201040")),
    "00209221": sequence({ "00209164": single("UI", dimensions) }),
    "00209222": sequence(
      pointer("0062000B", "0062000A", "ReferencedSegmentNumber"),
      pointer("00200032", "00209113", "ImagePositionPatient"),
    ),
    "00280002": single("US", 1),
    "00280004": single("CS", "MONOCHROME2"),
    "00280008": single("IS", String(frames.length)),
    "00280010": single("US", rows),
    "00280011": single("US", columns),
    "00280100": single("US", 1),
    "00280101": single("US", 1),
    "00280102": single("US", 0),
    "00280103": single("US", 0),
    ...(first["00282110"] ? {} : { "00282110": single("CS", "00") }),
    "00620001": single("CS", "BINARY"),
    "00620002": sequence(...used.map((segment) => segmentItem(segment, numberOf.get(segment.number) ?? 0))),
    "00620013": single("CS", "NO"),
    "00700080": single("CS", "PAINTED"),
    "00700081": single("LO", short(label, 64)),
    "00700084": single("PN", short(maker.name, 64)),
    "52009229": sequence({
      "00209116": sequence({ "00200037": { vr: "DS", Value: numbers(first, TAGS.imageOrientation) } }),
      "00289110": sequence({
        "00180050": { vr: "DS", Value: [thickness(images)] },
        "00280030": { vr: "DS", Value: numbers(first, TAGS.pixelSpacing) },
      }),
    }),
    "52009230": sequence(...frames.map((frame) => frameItem({ ...frame, segment: numberOf.get(frame.segment) ?? 0 }))),
  };
  return part10(data, packed(frames.map(({ image, segment }) => ({ labels: image.labels, segment }))));
}
