/** What every object that the page makes says: of which patient and study it is, who made it, when. */

import { type DataSet, TAGS, text, type Value } from "./json";
import { newUid } from "./part10";

/** What every object says of itself. */
export const RESEARCH_USE = "research use only";

export interface Maker {
  /** The account that made it; empty where nobody is signed in. */
  name: string;
  at: Date;
}

export interface Code {
  value: string;
  scheme: string;
  meaning: string;
}

export function single(vr: string, value: Value): { vr: string; Value: Value[] } {
  return { vr, Value: value === "" || value === null ? [] : [value] };
}

export function sequence(...items: DataSet[]): { vr: string; Value: Value[] } {
  return { vr: "SQ", Value: items };
}

export function code({ value, scheme, meaning }: Code): DataSet {
  return { "00080100": single("SH", value), "00080102": single("SH", scheme), "00080104": single("LO", meaning) };
}

/** Patient and study as the source states them (PS3.3 Sections C.7.1.1, C.7.2.1); those of type 2 are there, empty at need. */
const KEPT: [string, string, boolean][] = [
  ["00080020", "DA", true],
  ["00080030", "TM", true],
  ["00080050", "SH", true],
  ["00080090", "PN", true],
  ["00081030", "LO", false],
  ["00100010", "PN", true],
  ["00100020", "LO", true],
  ["00100021", "LO", false],
  ["00100030", "DA", true],
  ["00100040", "CS", true],
  ["00200010", "SH", true],
];

export function dateOf(at: Date): string {
  return `${at.getFullYear()}${String(at.getMonth() + 1).padStart(2, "0")}${String(at.getDate()).padStart(2, "0")}`;
}

export function timeOf(at: Date): string {
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) => String(part).padStart(2, "0")).join("");
}

/** Words that a header takes: no backslash, no line, no more than so many characters. */
export function short(words: string, most: number): string {
  return Array.from(words.replace(/[\\\p{Cc}]/gu, " ").trim()).slice(0, most).join("");
}

interface Kind {
  sopClass: string;
  modality: string;
  seriesNumber: number;
  description: string;
}

/** The modules that all objects share. */
export function common(source: DataSet, { sopClass, modality, seriesNumber, description }: Kind, { at }: Maker): DataSet {
  const kept = KEPT.flatMap(([tag, vr, always]) => {
    const values = source[tag]?.Value ?? [];
    return always || values.length > 0 ? [[tag, { vr, Value: values }] as const] : [];
  });
  const [day, time] = [single("DA", dateOf(at)), single("TM", timeOf(at))];
  return {
    ...Object.fromEntries(kept),
    "00080005": single("CS", "ISO_IR 192"),
    "00080012": day,
    "00080013": time,
    "00080016": single("UI", sopClass),
    "00080018": single("UI", newUid()),
    "00080021": day,
    "00080023": day,
    "00080031": time,
    "00080033": time,
    "00080060": single("CS", modality),
    "00080070": single("LO", "Wilhelm"),
    "00081090": single("LO", "Wilhelm"),
    "0008103E": single("LO", short(`${short(description, 44)} (${RESEARCH_USE})`, 64)),
    "00181000": single("LO", "0"),
    "00181020": single("LO", "page"),
    "0020000D": single("UI", text(source, TAGS.studyInstanceUid)),
    "0020000E": single("UI", newUid()),
    "00200011": single("IS", String(seriesNumber)),
    "00200013": single("IS", "1"),
  };
}

/** A reference to an object (PS3.3 Table 10-11); its frames, counted from 1, where they are only some. */
export function reference(source: DataSet, frame?: number): DataSet {
  return {
    "00081150": single("UI", text(source, TAGS.sopClassUid)),
    "00081155": single("UI", text(source, TAGS.sopInstanceUid)),
    ...(frame === undefined ? {} : { "00081160": single("IS", String(frame)) }),
  };
}
