import { expect, test } from "vitest";

import type { Section } from "../api/report";
import { countOf, isEmpty, NOTHING, payload, rebased, removed, resolved, restored, reworded, withAdded } from "./edits";

const report = (texts: Record<string, string>): { sections: Section[] } => ({
  sections: [
    {
      heading: "findings",
      sentences: Object.entries(texts).map(([id, text]) => ({ id, text, bears: [], findings: [], author: { kind: "writer" } })),
      struck: [],
    },
  ],
});

const S1 = { id: "S1", text: "One." };

test("a sentence's own words again are no change", () => {
  const draft = reworded(NOTHING, S1, "Another.");
  expect(isEmpty(draft)).toBe(false);
  expect(isEmpty(reworded(draft, S1, " One. "))).toBe(true);
});

test("no words at all remove a sentence, and it can be brought back", () => {
  const draft = reworded(NOTHING, S1, "  ");
  expect(payload(draft, null).edits).toEqual([{ sentence: "S1", remove: true }]);
  expect(isEmpty(restored(draft, "S1"))).toBe(true);
});

test("what is sent are changes, removals and new sentences, with the reason", () => {
  let draft = reworded(NOTHING, S1, "Another.");
  draft = removed(draft, "S2");
  draft = withAdded(draft, { key: "n1", heading: "impression", text: "First" });
  draft = withAdded(draft, { key: "n1", heading: "impression", text: "Added. " });
  draft = withAdded(draft, { key: "n2", heading: "findings", text: " " });
  expect(countOf(draft)).toBe(3);
  expect(payload(draft, "typing error")).toEqual({
    edits: [{ sentence: "S1", text: "Another." }, { sentence: "S2", remove: true }],
    add: [{ heading: "impression", text: "Added." }],
    reason: "typing error",
  });
});

test("changes to other sentences carry over, and the other's are shown", () => {
  const draft = reworded(NOTHING, S1, "Mine.");
  const done = rebased(draft, report({ S1: "One.", S2: "Two." }), report({ S1: "One.", S2: "Theirs.", S3: "New." }));
  expect(done.draft.changed).toEqual({ S1: "Mine." });
  expect(done.both).toEqual([]);
  expect(done.others.map(({ sentence, before, theirs }) => [sentence, before, theirs])).toEqual([
    ["S2", "Two.", "Theirs."],
    ["S3", null, "New."],
  ]);
});

test("a sentence that both changed is chosen between, and neither wording is lost", () => {
  const draft = reworded(NOTHING, S1, "Mine.");
  const done = rebased(draft, report({ S1: "One." }), report({ S1: "Theirs." }));
  expect(done.both).toEqual([{ sentence: "S1", heading: "findings", before: "One.", theirs: "Theirs.", mine: "Mine." }]);
  expect(isEmpty(done.draft)).toBe(true);
  expect(resolved(done, new Set(["S1"])).changed).toEqual({ S1: "Mine." });
  expect(isEmpty(resolved(done, new Set()))).toBe(true);
});

test("the same change by both is no change any more", () => {
  const done = rebased(reworded(NOTHING, S1, "Same."), report({ S1: "One." }), report({ S1: "Same." }));
  expect([isEmpty(done.draft), done.both, done.others]).toEqual([true, [], []]);
});

test("my words of a sentence that the other removed are added anew", () => {
  const done = rebased(reworded(NOTHING, S1, "Mine."), report({ S1: "One." }), report({}));
  expect(resolved(done, new Set(["S1"]))).toEqual({
    changed: {},
    added: [{ key: "again-S1", heading: "findings", text: "Mine." }],
  });
  const bothRemoved = rebased(removed(NOTHING, "S1"), report({ S1: "One." }), report({}));
  expect([bothRemoved.both, isEmpty(bothRemoved.draft)]).toEqual([[], true]);
});
