import { expect, test } from "vitest";

import { color } from "./color";

test("somebody has one color, and a few people are told apart", () => {
  expect(color("account jane")).toBe(color("account jane"));
  const colors = new Set(["account jane", "guest 0a1b", "guest 77ff", "account li"].map(color));
  expect(colors.size).toBeGreaterThan(1);
  expect(color("")).toMatch(/^#[0-9a-f]{6}$/);
});
