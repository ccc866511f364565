/** Structured reports (PS3.3 Section C.17.3): what they say, and the images that they say it of. */

import { type DataSet, items, text } from "./json";

/** An image that a content item points to. */
export interface ImageReference {
  sopInstanceUid: string;
  /** Counted from 1; the first where none is named. */
  frame: number;
}

export interface Measured {
  name: string;
  value: string;
  unit: string;
}

/** A measurement group (PS3.16 TID 1411, 1501): one finding with its numbers. */
export interface Finding {
  label: string;
  name: string;
  /** In percent. */
  certainty: number | undefined;
  low: number | undefined;
  high: number | undefined;
  measurements: Measured[];
  qualities: string[];
  images: ImageReference[];
}

export interface Section {
  heading: string;
  lines: string[];
}

export interface Report {
  title: string;
  sopInstanceUid: string;
  isWilhelms: boolean;
  findings: Finding[];
  sections: Section[];
  /** Every image named anywhere. */
  images: ImageReference[];
}

const CONTENT = "0040A730";
const VALUE_TYPE = "0040A040";

/** Codes of DCM and SCT that a measurement group is read by; a name in words would depend on the writer. */
const CODES = {
  measurementGroup: "125007",
  trackingIdentifier: "112039",
  finding: "121071",
  certainty: "111012",
  upperUncertainty: ["371886008", "R-00364"],
  lowerUncertainty: ["371885007", "R-00362"],
};

interface Code {
  value: string;
  meaning: string;
}

function code(data: DataSet, sequence: string): Code {
  const [item] = items(data, sequence);
  return item
    ? { value: text(item, "00080100") || text(item, "00080119") || text(item, "00080120"), meaning: text(item, "00080104") }
    : { value: "", meaning: "" };
}

const conceptName = (item: DataSet) => code(item, "0040A043");
const conceptCode = (item: DataSet) => code(item, "0040A168");

function measured(item: DataSet): Measured {
  const [value] = items(item, "0040A300");
  const unit = value ? code(value, "004008EA") : { value: "", meaning: "" };
  return {
    name: conceptName(item).meaning,
    value: value ? text(value, "0040A30A") : "",
    unit: unit.value === "1" || unit.value.startsWith("{") ? unit.meaning : unit.value,
  };
}

function imagesBelow(item: DataSet): ImageReference[] {
  const own = items(item, "00081199")
    .filter(() => text(item, VALUE_TYPE) === "IMAGE")
    .map((reference) => ({
      sopInstanceUid: text(reference, "00081155"),
      frame: Number(text(reference, "00081160")) || 1,
    }));
  return [...own, ...items(item, CONTENT).flatMap(imagesBelow)];
}

function finding(group: DataSet): Finding {
  const found: Finding = {
    label: "",
    name: "",
    certainty: undefined,
    low: undefined,
    high: undefined,
    measurements: [],
    qualities: [],
    images: imagesBelow(group),
  };
  for (const item of items(group, CONTENT)) {
    const name = conceptName(item);
    switch (text(item, VALUE_TYPE)) {
      case "TEXT":
        if (name.value === CODES.trackingIdentifier) found.label = text(item, "0040A160");
        break;
      case "CODE":
        if (name.value === CODES.finding) found.name = conceptCode(item).meaning;
        else found.qualities.push(`${name.meaning}: ${conceptCode(item).meaning}`);
        break;
      case "NUM": {
        const number = measured(item);
        if (!certain(found, item, name.value, number)) found.measurements.push(number);
        break;
      }
      default:
    }
  }
  return found;
}

/** Takes the certainty of a finding with its interval out of a number; `false` where it is another number. */
function certain(found: Finding, item: DataSet, name: string, number: Measured): boolean {
  const value = Number(number.value);
  if (name !== CODES.certainty || !Number.isFinite(value)) return false;
  found.certainty = value;
  for (const property of items(item, CONTENT)) {
    const range = Number(measured(property).value);
    const which = conceptName(property).value;
    if (CODES.upperUncertainty.includes(which)) found.high = value + range;
    if (CODES.lowerUncertainty.includes(which)) found.low = value - range;
  }
  return true;
}

function groups(item: DataSet): DataSet[] {
  if (conceptName(item).value === CODES.measurementGroup) return [item];
  return items(item, CONTENT).flatMap(groups);
}

/** Every text of a report under the name of its concept, in order. */
function sections(root: DataSet): Section[] {
  const found: Section[] = [];
  const visit = (item: DataSet) => {
    if (conceptName(item).value === CODES.measurementGroup) return;
    const heading = conceptName(item).meaning;
    if (text(item, VALUE_TYPE) === "TEXT" && text(item, "0040A010") !== "HAS OBS CONTEXT") {
      const line = text(item, "0040A160");
      const last = found.at(-1);
      if (last?.heading === heading) last.lines.push(line);
      else found.push({ heading, lines: [line] });
    }
    items(item, CONTENT).forEach(visit);
  };
  visit(root);
  return found;
}

export function report(object: DataSet): Report {
  const images = imagesBelow(object);
  const findings = groups(object).map(finding);
  for (const one of findings) {
    // A report of a single image says nowhere else which image a finding is of.
    if (one.images.length === 0 && images.length === 1) one.images = images;
  }
  return {
    title: text(object, "0008103E") || conceptName(object).meaning,
    sopInstanceUid: text(object, "00080018"),
    isWilhelms: text(object, "00080070") === "Wilhelm",
    findings,
    sections: sections(object),
    images,
  };
}
