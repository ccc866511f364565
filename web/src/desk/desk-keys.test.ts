import { expect, test } from "vitest";

import { deskCommand, isSave } from "./desk-keys";

const key = (name: string, held: Partial<KeyboardEvent> = {}) => ({ key: name, ctrlKey: false, altKey: false, metaKey: false, ...held });

test("J and K hold everywhere, what the viewer uses too only within the report", () => {
  expect([deskCommand(key("j"), false), deskCommand(key("K"), false)]).toEqual(["next", "previous"]);
  expect([deskCommand(key("a"), false), deskCommand(key("x"), false), deskCommand(key("?"), false)]).toEqual([undefined, undefined, undefined]);
  expect([deskCommand(key("a"), true), deskCommand(key("x"), true), deskCommand(key("Enter"), true)]).toEqual(["accept", "reject", "edit"]);
});

test("keys held with others belong to the browser, but for saving", () => {
  expect(deskCommand(key("a", { ctrlKey: true }), true)).toBeUndefined();
  expect([isSave(key("s", { ctrlKey: true })), isSave(key("S", { metaKey: true })), isSave(key("s"))]).toEqual([true, true, false]);
});
