import { expect, test } from "vitest";

import type { DataSet } from "./json";
import { meanRateSecond, uptakeOf, uptakeOfSeries } from "./suv";

const HALF_LIFE = 6586.2;

/** 70 kg, 370 MBq at 10:00, scanned one half-life later. */
function textbook(change: DataSet = {}, drug: DataSet = {}): DataSet {
  const one = (value: string | number) => ({ vr: "DS", Value: [value] });
  return {
    "00080021": one("20240301"),
    "00080022": one("20240301"),
    "00080031": one("114946.2"),
    "00080032": one("114946.2"),
    "00101030": one(70),
    "00280051": { vr: "CS", Value: ["ATTN", "DECY"] },
    "00541001": one("BQML"),
    "00541102": one("START"),
    "00540016": {
      vr: "SQ",
      Value: [{ "00181072": one("100000"), "00181074": one(370e6), "00181075": one(HALF_LIFE), ...drug }],
    },
    ...change,
  };
}

const factor = (data: DataSet) => {
  const found = uptakeOf(data);
  return "factor" in found ? found.factor : NaN;
};
const value = (written: string | number) => ({ vr: "LO", Value: [written] });
const AT_INJECTION = 70_000 / 370e6;

test("one half-life after the injection, worked on paper", () => {
  // 70 kg = 70000 g over 185 MBq that are left.
  expect(factor(textbook()) / (70_000 / 185e6)).toBeCloseTo(1, 10);
});

test("values corrected to the injection are over the whole dose", () => {
  expect(factor(textbook({ "00541102": value("ADMIN") })) / AT_INJECTION).toBeCloseTo(1, 12);
});

test("a scan behind midnight has its injection on the day before", () => {
  const late = textbook({ "00080031": value("003000"), "00080032": value("003100") }, { "00181072": value("233000") });
  expect(factor(late) / (AT_INJECTION * 2 ** (3600 / HALF_LIFE))).toBeCloseTo(1, 12);
});

test("a later reconstruction takes the time of the scan, a frame without correction its own", () => {
  const later = textbook({
    "00080021": value("20240309"),
    "00080032": value("115946.2"),
    "00181242": value(120_000),
    "00541300": value((600 + meanRateSecond(120, HALF_LIFE)) * 1000),
  });
  expect(factor(later) / (2 * AT_INJECTION)).toBeCloseTo(1, 10);
  expect(meanRateSecond(120, HALF_LIFE)).toBeCloseTo(59.9369, 4);
  const none = textbook({ "00541102": value("NONE"), "00280051": value("ATTN"), "00181242": value(HALF_LIFE * 1000) });
  expect(factor(none) / (2 * AT_INJECTION * 2 * Math.LN2)).toBeCloseTo(1, 10);
});

test("a date and time of the injection is taken before a time, and its offset from UTC is undone", () => {
  const dated = textbook({ "00080201": value("+0100") }, { "00181078": value("20240301090000+0000") });
  expect(factor(dated) / (2 * AT_INJECTION)).toBeCloseTo(1, 10);
});

test("uptake values are taken as they are, where they are by body weight", () => {
  expect(uptakeOf(textbook({ "00541001": value("GML") }))).toEqual({ factor: 1 });
  expect(uptakeOf(textbook({ "00541001": value("GML"), "00541006": value("LBM") }))).toEqual({ why: "notByWeight" });
});

test("what is missing is named", () => {
  const cases: [string, DataSet][] = [
    ["counts", textbook({ "00541001": value("CNTS") })],
    ["unit", textbook({ "00541001": value("PROPCNTS") })],
    ["attenuation", textbook({ "00280051": value("DECY") })],
    ["decayUnlisted", textbook({ "00280051": value("ATTN") })],
    ["decayUnknown", textbook({ "00541102": undefined })],
    ["weight", textbook({ "00101030": value(0) })],
    ["dose", textbook({}, { "00181074": undefined })],
    ["halfLife", textbook({}, { "00181075": undefined })],
    ["injection", textbook({}, { "00181072": undefined })],
    ["later", textbook({ "00080021": value("20240302") })],
    ["day", textbook({}, { "00181078": value("20240228100000") })],
  ];
  for (const [why, data] of cases) expect(uptakeOf(data)).toEqual({ why });
});

test("images that want factors of their own have none together", () => {
  expect(uptakeOfSeries([textbook(), textbook({ "00101030": value(71) })])).toEqual({ why: "several" });
  expect(uptakeOfSeries([textbook(), textbook()])).toEqual(uptakeOf(textbook()));
});
