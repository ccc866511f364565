import { expect, test } from "vitest";

import { isSigned, minutesSince, percent, rowState, service, waited } from "./triage";
import type { ReportLine } from "../api/worklist";

const UNITS = { day: "d", hour: "h", minute: "min" };
const report = (state: ReportLine["state"]): ReportLine => ({ id: "r", title: "", state, version: 1, updated: "" });

test("time since arrival is said in two units at most", () => {
  const said = [0, 5, 59, 60, 125, 1440, 1500, 4500].map((minutes) => waited(minutes, UNITS));
  expect(said).toEqual(["0 min", "5 min", "59 min", "1 h", "2 h 5 min", "1 d", "1 d 1 h", "3 d 3 h"]);
});

test("an instant to come has waited no time", () => {
  expect(minutesSince("2026-11-27T10:00:00Z", Date.parse("2026-11-27T10:05:59Z"))).toBe(5);
  expect(minutesSince("2026-11-27T10:00:00+01:00", Date.parse("2026-11-27T10:00:00Z"))).toBe(60);
  expect(minutesSince("2026-11-27T10:00:00Z", 0)).toBe(0);
  expect(minutesSince("", 1)).toBe(0);
});

test("what is urgent is due sooner, and what is signed not at all", () => {
  expect([44, 45, 59, 60].map((minutes) => service(minutes, "urgent", false))).toEqual(["within", "due", "due", "over"]);
  expect(service(60, "soon", false)).toBe("within");
  expect(service(1440, undefined, false)).toBe("over");
  expect(service(9999, "urgent", true)).toBe("signed");
});

test("a job comes before the reports, and of those the one that wants somebody most", () => {
  expect(rowState({ reading: { job: "1", state: "dead", error: "x" }, reports: [report("final")] })).toBe("dead");
  expect(rowState({ reading: { job: "1", state: "done", error: null }, reports: [report("final")] })).toBe("final");
  expect(rowState({ reading: null, reports: [report("final"), report("draft")] })).toBe("draft");
  expect(rowState({ reading: null, reports: [] })).toBe("unread");
  expect([isSigned({ reports: [] }), isSigned({ reports: [report("final")] }), isSigned({ reports: [report("final"), report("draft")] })]).toEqual([false, true, false]);
});

test("no probability is rounded to a certainty", () => {
  expect([0, 0.004, 0.484, 0.996, 1].map((share) => percent(share).replace("\u00a0", " "))).toEqual(["0 %", "< 1 %", "48 %", "> 99 %", "100 %"]);
});
