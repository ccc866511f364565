import { expect, test } from "vitest";

import { tokens, wordDiff } from "./word-diff";

const written = (before: string, after: string) =>
  wordDiff(before, after)
    .map(({ kind, text }) => (kind === "same" ? text : kind === "added" ? `{+${text}+}` : `[-${text}-]`))
    .join("");

test("a changed word stands as removed and added, the rest as it was", () => {
  expect(written("Indeterminate for pneumonia.", "Probable for pneumonia.")).toBe("[-Indeterminate-]{+Probable+} for pneumonia.");
  expect(written("", "New.")).toBe("{+New.+}");
  expect(written("Gone.", "")).toBe("[-Gone.-]");
  expect(written("Same.", "Same.")).toBe("Same.");
});

test("a number is one word, and Chinese is compared by the character", () => {
  expect(tokens("4.5 mm")).toEqual(["4.5", " ", "mm"]);
  expect(written("结节 4.5 mm", "结节 5.5 mm")).toBe("结节 [-4.5-]{+5.5+} mm");
  expect(written("右肺结节", "左肺结节")).toBe("[-右-]{+左+}肺结节");
});

test("changes that only space lies between are one", () => {
  expect(written("was seen on the left", "was found at once")).toBe("was [-seen on the left-]{+found at once+}");
});

test("the pieces make both texts again", () => {
  const [before, after] = ["No effusion on the left, none right.", "Small effusion on the right 😀, none left."];
  const pieces = wordDiff(before, after);
  const whole = (left: string) => pieces.filter(({ kind }) => kind !== left).map(({ text }) => text).join("");
  expect([whole("added"), whole("removed")]).toEqual([before, after]);
});

test("what is very long is one change", () => {
  const long = "word ".repeat(1500);
  expect(wordDiff(long, "short").map(({ kind }) => kind)).toEqual(["removed", "added"]);
});
