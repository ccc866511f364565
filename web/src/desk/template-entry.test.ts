import { expect, test } from "vitest";

import type { Template } from "../api/templates";
import { likely, nameOf, sentencesOf } from "./template-entry";

const template = (id: string, modalities: string[], parts: string[]): Template => ({
  id,
  version: "1",
  title: id,
  modalities,
  body_parts: parts,
  section: [
    {
      title: "Lungs",
      item: [
        { key: "nodule", asks: "nodules: number, place", kind: "finding" },
        { key: "heart", asks: "transverse diameter of the heart", kind: "measurement", unit: "mm" },
        { key: "view", asks: "view", kind: "choice", values: ["PA", "AP"] },
        { key: "other", asks: "other", kind: "text" },
      ],
    },
  ],
});

test("a template is likely by modality and body part, then by modality", () => {
  const all = [template("a", ["CT"], ["abdomen"]), template("b", ["CT"], ["chest"]), template("c", ["MR"], ["brain"])];
  expect(likely(all, "CT", " Chest ")?.id).toBe("b");
  expect(likely(all, "CT", "neck")?.id).toBe("a");
  expect(likely(all, "MR", "")?.id).toBe("c");
  expect(likely([], "MR", "")).toBeUndefined();
});

test("answers become sentences in the template's order, and what is not answered none", () => {
  const one = template("a", ["CT"], []);
  expect(
    sentencesOf(one, { other: { value: "Port catheter." }, nodule: { value: "present", words: "6 mm, left" }, heart: { value: "120" } }),
  ).toEqual(["Nodules: present; 6 mm, left.", "Transverse diameter of the heart: 120 mm.", "Other: Port catheter."]);
  expect(sentencesOf(one, { nodule: { value: "absent" }, view: { value: " " } })).toEqual(["Nodules: none."]);
  expect(nameOf({ key: "", asks: "mass: place, size", kind: "finding" })).toBe("Mass");
});
