import { expect, test } from "vitest";

import type { Macro } from "../api/macros";
import { expanded, fitting, isName } from "./expand";

const macro = (name: string, text: string, modality: string | null = null, body_part: string | null = null): Macro => ({
  name,
  text,
  heading: "findings",
  modality,
  body_part,
});
const MACROS = [macro("clear", "The lungs are clear."), macro("正常", "未见异常。")];
const at = (text: string) => ({ text: text.replace("|", ""), caret: text.indexOf("|") });
const typed = (text: string) => {
  const done = expanded(at(text), MACROS);
  return done && `${done.text.slice(0, done.caret)}|${done.text.slice(done.caret)}`;
};

test("a name after a period becomes the macro's words, the caret after them", () => {
  expect(typed(".clear|")).toBe("The lungs are clear.|");
  expect(typed("Heart normal. .Clear| No effusion.")).toBe("Heart normal. The lungs are clear.| No effusion.");
  expect(typed("。.正常|")).toBe("。未见异常。|");
});

test("a period that ends a word names no macro, nor does an unknown name", () => {
  expect(typed("unclear.clear|")).toBeUndefined();
  expect(typed(".unknown|")).toBeUndefined();
  expect(typed("clear|")).toBeUndefined();
});

test("macros of another modality or body part are left out", () => {
  const all = [macro("a", "A"), macro("b", "B", "CT"), macro("c", "C", null, "Chest"), macro("d", "D", "CR", "chest")];
  expect(fitting(all, "CR", "chest").map(({ name }) => name)).toEqual(["a", "c", "d"]);
});

test("a name has no spaces or periods", () => {
  expect([isName("chest-clear"), isName("正常"), isName("a b"), isName(".a"), isName("")]).toEqual([true, true, false, false, false]);
});
