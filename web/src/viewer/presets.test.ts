import { expect, test } from "vitest";

import { headerWindows, presets, rangeWindow, windowRange } from "./presets";

test("a window is a range as the Standard works it out", () => {
  // PS3.3 Section C.11.2.1.2.1, by hand: center 40, width 400: from 40 - 0.5 - 199.5 to 40 - 0.5 + 199.5.
  expect(windowRange({ center: 40, width: 400 })).toEqual({ lower: -160, upper: 239 });
  expect(windowRange({ center: 10, width: 1 })).toEqual({ lower: 9.5, upper: 9.5 });
  expect(rangeWindow({ lower: -160, upper: 239 })).toEqual({ center: 40, width: 400 });
});

test("the header's windows come with their names, and without a width not at all", () => {
  const header = {
    "00281050": { vr: "DS", Value: ["40", 300, 7] },
    "00281051": { vr: "DS", Value: [300, "1500"] },
    "00281055": { vr: "LO", Value: ["WINDOW1"] },
  };
  expect(headerWindows(header)).toEqual([
    { center: 40, width: 300, explanation: "WINDOW1" },
    { center: 300, width: 1500, explanation: "" },
  ]);
});

test("windows in Hounsfield units are offered for CT alone", () => {
  expect(presets("CT").map(([name]) => name)).toContain("lung");
  expect(presets("MR")).toEqual([]);
});
