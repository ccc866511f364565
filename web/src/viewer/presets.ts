/** Windows: from the header, and by modality. */

import { type DataSet, numbers, TAGS, text, texts } from "../dicom/json";

export interface Window {
  center: number;
  width: number;
}

export interface Range {
  lower: number;
  upper: number;
}

export type PresetName = "abdomen" | "lung" | "bone" | "brain" | "mediastinum" | "liver" | "angiography";

/** In Hounsfield units: customary windows, which differ from house to house. */
const CT: [PresetName, Window][] = [
  ["abdomen", { center: 40, width: 400 }],
  ["lung", { center: -600, width: 1500 }],
  ["mediastinum", { center: 50, width: 350 }],
  ["bone", { center: 480, width: 2500 }],
  ["brain", { center: 40, width: 80 }],
  ["liver", { center: 60, width: 160 }],
  ["angiography", { center: 300, width: 600 }],
];

export function presets(modality: string): [PresetName, Window][] {
  return modality === "CT" ? CT : [];
}

/** A customary window of CT. */
export function presetWindow(name: PresetName): Window | undefined {
  return CT.find(([preset]) => preset === name)?.[1];
}

/** The windows of a header, each with its explanation, which may be empty. */
export function headerWindows(header: DataSet): (Window & { explanation: string })[] {
  const centers = numbers(header, TAGS.windowCenter);
  const widths = numbers(header, TAGS.windowWidth);
  const explanations = texts(header, TAGS.windowExplanation);
  return centers.flatMap((center, at) => {
    const width = widths[at];
    return width === undefined || width < 1 ? [] : [{ center, width, explanation: explanations[at] ?? "" }];
  });
}

/** Lowest and highest value that are not clipped (PS3.3 Section C.11.2.1.2.1, LINEAR). */
export function windowRange({ center, width }: Window): Range {
  const half = (Math.max(width, 1) - 1) / 2;
  return { lower: center - 0.5 - half, upper: center - 0.5 + half };
}

/** The window of a range: the inverse of `windowRange`. */
export function rangeWindow({ lower, upper }: Range): Window {
  return { center: (lower + upper + 1) / 2, width: upper - lower + 1 };
}

export function isColor(header: DataSet): boolean {
  return (numbers(header, TAGS.samplesPerPixel)[0] ?? 1) > 1 || text(header, "00280004") === "PALETTE COLOR";
}
