import { expect, test } from "vitest";

import { report } from "./content";
import type { DataSet, Value } from "./json";

const sequence = (...items: DataSet[]): { vr: string; Value: Value[] } => ({ vr: "SQ", Value: items });
const one = (vr: string, value: string) => ({ vr, Value: [value] });
const coded = (value: string, meaning: string) =>
  sequence({ "00080100": one("SH", value), "00080104": one("LO", meaning) });

function item(type: string, code: [string, string], more: DataSet): DataSet {
  return { "0040A040": one("CS", type), "0040A043": coded(...code), ...more };
}

function numeric(code: [string, string], value: string, unit: string, below: DataSet[] = []): DataSet {
  const measured = sequence({ "0040A30A": one("DS", value), "004008EA": coded(unit, unit) });
  return item("NUM", code, { "0040A300": measured, "0040A730": sequence(...below) });
}

const IMAGE: DataSet = {
  "0040A040": one("CS", "IMAGE"),
  "00081199": sequence({ "00081155": one("UI", "1.2.3"), "00081160": one("IS", "4") }),
};

function document(group: DataSet[], library: DataSet[]): DataSet {
  const finding = item("CONTAINER", ["125007", "Measurement Group"], { "0040A730": sequence(...group) });
  return {
    "00080070": one("LO", "Wilhelm"),
    "0008103E": one("LO", "A report"),
    "0040A730": sequence(
      item("CONTAINER", ["111028", "Image Library"], { "0040A730": sequence(...library) }),
      item("CONTAINER", ["126010", "Imaging Measurements"], { "0040A730": sequence(finding) }),
      item("TEXT", ["121073", "Impression"], { "0040A160": one("UT", "Indeterminate.") }),
      item("TEXT", ["121075", "Recommendation"], { "0040A160": one("UT", "First.") }),
      item("TEXT", ["121075", "Recommendation"], { "0040A160": one("UT", "Second.") }),
    ),
  };
}

test("a finding is read with its certainty, its interval and its numbers", () => {
  const interval = [
    numeric(["371886008", "+"], "12", "%"),
    numeric(["371885007", "-"], "11", "%"),
  ];
  const group = [
    item("TEXT", ["112039", "Tracking Identifier"], { "0040A160": one("UT", "F1") }),
    item("CODE", ["121071", "Finding"], { "0040A168": coded("233604007", "Pneumonia") }),
    numeric(["111012", "Certainty of Finding"], "48", "%", interval),
    numeric(["410668003", "Length"], "12.5", "mm"),
  ];
  const read = report(document(group, [IMAGE]));
  expect(read.isWilhelms).toBe(true);
  expect(read.findings).toEqual([
    {
      label: "F1",
      name: "Pneumonia",
      certainty: 48,
      low: 37,
      high: 60,
      measurements: [{ name: "Length", value: "12.5", unit: "mm" }],
      qualities: [],
      images: [{ sopInstanceUid: "1.2.3", frame: 4 }],
    },
  ]);
  expect(read.sections).toEqual([
    { heading: "Impression", lines: ["Indeterminate."] },
    { heading: "Recommendation", lines: ["First.", "Second."] },
  ]);
});

test("a finding of one of several images that names none shows none", () => {
  expect(report(document([], [IMAGE, IMAGE])).findings[0]?.images).toEqual([]);
});
