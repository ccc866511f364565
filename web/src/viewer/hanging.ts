/**
 * Hanging protocols: how a study is laid out when it is opened, by modality, body part and the number of its series.
 *
 * One table, whose first rule that fits is taken (docs/page.md has it in words). It chooses what is shown first; everything stays
 * to be changed by hand.
 */

import type { PresetName } from "./presets";
import type { SeriesLine } from "./series";

export type RuleName = "fused" | "radiographs" | "mammograms" | "sequences" | "computed" | "first";

export interface Hanging {
  rule: RuleName;
  first: SeriesLine;
  /** Beside the first. */
  second?: SeriesLine;
  /** Planes, with this series over them. */
  over?: SeriesLine;
  window?: PresetName;
}

/** Fewer objects are a localizer, or a dose report. */
const FEW = 3;

/** The window of a body part in CT, by the terms of Body Part Examined (PS3.16 Annex L), which are often written otherwise. */
const WINDOWS: [RegExp, PresetName][] = [
  [/HEAD|BRAIN|SKULL/, "brain"],
  [/CHEST|LUNG|THORAX/, "lung"],
  [/SPINE|EXTREMITY|KNEE|HIP|SHOULDER|ANKLE|WRIST|HAND|FOOT/, "bone"],
  [/ABDOMEN|PELVIS/, "abdomen"],
];

function windowOf(line: SeriesLine): PresetName | undefined {
  return WINDOWS.find(([parts]) => parts.test(line.bodyPart.toUpperCase()))?.[1];
}

function most(lines: readonly SeriesLine[]): SeriesLine | undefined {
  return lines.reduce<SeriesLine | undefined>((best, line) => (best === undefined || line.count > best.count ? line : best), undefined);
}

const withWindow = (window: PresetName | undefined) => (window === undefined ? {} : { window });

interface Rule {
  name: RuleName;
  hang: (of: (...modalities: string[]) => SeriesLine[], all: SeriesLine[]) => Omit<Hanging, "rule"> | undefined;
}

function two([first, second]: readonly SeriesLine[]): Omit<Hanging, "rule"> | undefined {
  return first && second ? { first, second } : undefined;
}

const RULES: Rule[] = [
  {
    name: "fused",
    hang: (of) => {
      const [first, over] = [most(of("CT", "MR")), most(of("PT", "NM"))];
      return first && over && first.count >= FEW && over.count >= FEW ? { first, over } : undefined;
    },
  },
  { name: "radiographs", hang: (of) => two(of("CR", "DX", "RG")) },
  { name: "mammograms", hang: (of) => two(of("MG")) },
  { name: "sequences", hang: (of) => two(of("MR").filter((line) => line.count >= FEW)) },
  {
    name: "computed",
    hang: (of) => {
      const first = most(of("CT"));
      return first && { first, ...withWindow(windowOf(first)) };
    },
  },
  { name: "first", hang: (_, [first]) => first && { first } },
];

/** The layout of a study, in the order of its series; nothing for a study without images. */
export function hang(lines: readonly SeriesLine[]): Hanging | undefined {
  const images = lines.filter((line) => line.kind === "images");
  const of = (...modalities: string[]) => images.filter((line) => modalities.includes(line.modality));
  for (const { name, hang: by } of RULES) {
    const found = by(of, images);
    if (found) return { rule: name, ...found };
  }
  return undefined;
}

const KEPT_AS = "wilhelm.hanging";

/** Whether this browser lays studies out by rule. */
export function hangsByRule(): boolean {
  return localStorage.getItem(KEPT_AS) !== "off";
}

export function keepHanging(on: boolean): void {
  localStorage.setItem(KEPT_AS, on ? "on" : "off");
}
