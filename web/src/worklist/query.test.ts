import { expect, test } from "vitest";

import { parseRoute, routeAddress } from "../route";
import { dateRange, NO_SEARCH, sorted, studyQuery } from "./query";

test("a search asks for what was filled in, and for one study more than is shown", () => {
  const query = studyQuery({ ...NO_SEARCH, patient: " wang ", from: "2024-01-02", modality: "CT" }, 2);
  expect(query.get("PatientName")).toBe("wang");
  expect(query.get("fuzzymatching")).toBe("true");
  expect(query.get("StudyDate")).toBe("20240102-");
  expect(query.get("ModalitiesInStudy")).toBe("CT");
  expect(query.has("PatientID")).toBe(false);
  expect([query.get("limit"), query.get("offset")]).toEqual(["51", "100"]);
});

test("a range of days may be open at either end", () => {
  expect(dateRange("", "2024-01-31")).toBe("-20240131");
  expect(dateRange("2024-01-31", "2024-01-31")).toBe("20240131");
  expect(dateRange("", "")).toBe("");
});

test("studies are sorted by numbers as numbers", () => {
  const study = (count: number) => ({ "00201208": { vr: "IS", Value: [count] } });
  const order = (descending: boolean) =>
    sorted([study(9), study(100), study(20)], "objects", descending).map((one) => one["00201208"]?.Value?.[0]);
  expect(order(false)).toEqual([9, 20, 100]);
  expect(order(true)).toEqual([100, 20, 9]);
});

test("an address leads to a study, and anything else to the list", () => {
  expect(parseRoute("#/study/1.2.3/4.5")).toEqual({ at: "study", study: "1.2.3", beside: "4.5" });
  expect(parseRoute(routeAddress({ at: "study", study: "1.2.3" }))).toEqual({ at: "study", study: "1.2.3" });
  expect(parseRoute("#/study/<script>")).toEqual({ at: "worklist" });
  expect(parseRoute("#/study/1.2.3/report/r-7")).toEqual({ at: "report", study: "1.2.3", report: "r-7" });
  expect(parseRoute("#/study/1.2.3/report/../x")).toEqual({ at: "study", study: "1.2.3" });
  expect(parseRoute(routeAddress({ at: "jobs" }))).toEqual({ at: "jobs" });
  expect(parseRoute("")).toEqual({ at: "worklist" });
});
