import { expect, test } from "vitest";

import { command, isTyping } from "./keys";

const key = (name: string, held: Partial<KeyboardEvent> = {}) =>
  command({ key: name, ctrlKey: false, altKey: false, metaKey: false, ...held });

test("keys choose tools, scroll and set windows", () => {
  expect(key("L")).toEqual({ do: "tool", tool: "length" });
  expect(key("ArrowDown")).toEqual({ do: "step", by: 1 });
  expect(key("3")).toEqual({ do: "preset", number: 3 });
  expect(key("?")).toEqual({ do: "help" });
  expect(key("q")).toBeUndefined();
  expect(key("0")).toBeUndefined();
});

test("keys held with others belong to the browser", () => {
  expect(key("r", { ctrlKey: true })).toBeUndefined();
});

test("a field that is being filled keeps its keys", () => {
  const field = document.createElement("input");
  const box = document.createElement("input");
  box.type = "checkbox";
  expect(isTyping(field)).toBe(true);
  expect(isTyping(box)).toBe(false);
  expect(isTyping(document.body)).toBe(false);
});
