import { describe, expect, it } from "vitest";

import type { Question } from "./api";
import { answerOf, chosen, draftOf, isWhole, nextWaiting } from "./draft";
import { itemSeries } from "./images";
import { actOf } from "./keys";
import { pixelAt } from "./outlines";
import { toDecide } from "./to-decide";

const key = (name: string, held: Partial<Pick<KeyboardEvent, "ctrlKey">> = {}) =>
  actOf({ key: name, ctrlKey: false, altKey: false, metaKey: false, ...held });

const question: Question = {
  kind: "labels",
  multiple: false,
  labels: [
    { key: "a", name: "A", normal: false },
    { key: "b", name: "B", normal: false },
  ],
};

describe("annotating", () => {
  it("has a key for each act, and leaves held keys to the browser", () => {
    expect(key("3")).toEqual({ do: "choose", at: 2 });
    expect(key("J")).toEqual({ do: "next" });
    expect(key("Enter")).toEqual({ do: "save" });
    expect(key("d", { ctrlKey: true })).toBeUndefined();
    expect(key("q")).toBeUndefined();
  });

  it("has decided first what people differ on, then what one skipped and another answered", () => {
    const items = [
      { item: 5, answers: 2, share: 0 },
      { item: 2, answers: 2, share: 1 },
    ];
    const order = toDecide({ kind: "labels", decided: [5], skipped: [9], agreement: { tables: [], items } });
    expect(order).toEqual([
      { item: 5, share: 0, waits: false },
      { item: 9, share: undefined, waits: true },
      { item: 2, share: 1, waits: false },
    ]);
  });

  it("chooses one label, or several where several may hold", () => {
    const one = chosen(chosen(draftOf(null), "a", false), "b", false);
    expect(one).toMatchObject({ labels: ["b"], changed: true });
    expect(answerOf(question, { ...one, comment: " sure " })).toEqual({ labels: ["b"], comment: "sure" });
    expect(isWhole(question, draftOf(null))).toBe(false);
    const several = chosen(chosen(draftOf(null), "a", true), "b", true);
    expect(several.labels).toEqual(["a", "b"]);
    expect(chosen(several, "a", true).labels).toEqual(["b"]);
    expect(isWhole({ ...question, multiple: true }, draftOf(null))).toBe(true);
  });

  it("goes on with what waits, from the beginning again, and not with what is done", () => {
    const tasks = [
      { item: 4, state: "started" },
      { item: 2, state: "done" },
      { item: 7, state: "open" },
      { item: 1, state: "skipped" },
    ];
    expect(nextWaiting(tasks, undefined)).toBe(4);
    expect(nextWaiting(tasks, 2)).toBe(7);
    expect(nextWaiting(tasks, 7)).toBe(4);
    expect(nextWaiting(tasks.slice(1, 2), 2)).toBeUndefined();
  });

  it("asks for frames by numbers", () => {
    const header = (image: number, uid: string) => ({
      "00080018": { vr: "UI", Value: [uid] },
      "00200013": { vr: "IS", Value: [image] },
      "00280010": { vr: "US", Value: [8] },
      "00280011": { vr: "US", Value: [8] },
      "00280008": { vr: "IS", Value: [2] },
    });
    const series = itemSeries("ab", 3, [header(2, "2.25.2"), header(1, "2.25.1")]);
    expect(series.frames.map(({ imageId }) => imageId.replace(/^wadors:.*\/api/, ""))).toEqual([
      "/annotations/ab/items/3/images/1/frames/1",
      "/annotations/ab/items/3/images/1/frames/2",
      "/annotations/ab/items/3/images/2/frames/1",
      "/annotations/ab/items/3/images/2/frames/2",
    ]);
  });

  it("finds the pixel under the pointer, also where the image is turned", () => {
    expect(pixelAt([2, 0, 0, 2, 10, 20], 14, 30)).toEqual([2, 5]);
    expect(pixelAt([0, 2, -2, 0, 100, 0], 96, 6)).toEqual([3, 2]);
  });
});
