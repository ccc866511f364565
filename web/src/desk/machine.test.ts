import { expect, test } from "vitest";

import type { DeskReport } from "../api/reports";
import type { Report } from "../api/report";
import { NOTHING, reworded } from "./edits";
import { type Base, decisionOn, next, opened } from "./machine";

function base(version: number, text: string, etag = `"${version}.0"`): Base {
  const sentence = { id: "S1", text, bears: [], findings: [], author: { kind: "writer" as const } };
  const sections = [{ heading: "findings" as const, sentences: [sentence], struck: [] }];
  const report = { sections } as unknown as Report;
  const desk: DeskReport = { id: "r", study: "1", series: "2", version, versions: [], report, decisions: {}, evidence: {}, earlier: [] };
  return { report: desk, etag };
}

const mine = reworded(NOTHING, { id: "S1", text: "One." }, "Mine.");

test("a later version takes the place of one without changes", () => {
  const state = next(opened(base(1, "One.")), { do: "loaded", base: base(2, "Two.") });
  expect([state.base.report.version, state.later]).toEqual([2, undefined]);
});

test("a later version waits beside a draft, whose ETag stays that of its own base", () => {
  const state = next(opened(base(1, "One."), mine), { do: "loaded", base: base(2, "Two.") });
  expect([state.base.etag, state.later?.report.version, state.draft]).toEqual(['"1.0"', 2, mine]);
});

test("newer decisions on the same version leave the draft as it is", () => {
  const state = next(opened(base(1, "One."), mine), { do: "loaded", base: base(1, "One.", '"1.3"') });
  expect([state.base.etag, state.later, state.draft]).toEqual(['"1.3"', undefined, mine]);
});

test("an answer that comes late is no step back", () => {
  const state = opened(base(2, "Two."));
  expect(next(state, { do: "loaded", base: base(1, "One.") })).toBe(state);
});

test("a conflict is resolved onto the other's version, with my words or with theirs", () => {
  let state = next(opened(base(1, "One."), mine), { do: "saving" });
  state = next(state, { do: "loaded", base: base(2, "Theirs.") });
  state = next(state, { do: "look" });
  expect([state.saving, state.conflict?.rebased.both.length]).toEqual([false, 1]);
  const kept = next(state, { do: "resolve", mine: new Set(["S1"]) });
  expect([kept.base.etag, kept.draft.changed, kept.conflict, kept.later]).toEqual(['"2.0"', { S1: "Mine." }, undefined, undefined]);
  const given = next(state, { do: "discard" });
  expect([given.base.report.version, given.draft]).toEqual([2, NOTHING]);
  const put = next(state, { do: "postpone" });
  expect([put.draft, put.later?.report.version, put.conflict]).toEqual([mine, 2, undefined]);
});

test("nothing is edited while it is being saved", () => {
  const state = next(opened(base(1, "One."), mine), { do: "saving" });
  expect(next(state, { do: "edit", draft: NOTHING }).draft).toBe(mine);
  expect(next(state, { do: "refused" }).saving).toBe(false);
});

test("a decision shows at once, and goes back where it is refused", () => {
  let state = next(opened(base(1, "One.")), { do: "deciding", finding: "F1", decision: "rejected" });
  expect(decisionOn(state, "F1")).toBe("rejected");
  expect(decisionOn(next(state, { do: "unsettled", finding: "F1" }), "F1")).toBe("undecided");
  const decisions = { F1: { decision: "rejected" as const, by: "a", at: "" } };
  state = next(state, { do: "decided", finding: "F1", decisions, etag: '"1.1"' });
  expect([decisionOn(state, "F1"), state.base.etag, state.pending]).toEqual(["rejected", '"1.1"', {}]);
});
