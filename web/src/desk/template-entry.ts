/** Answers to a template's items, as sentences of a report. */

import type { Template, TemplateItem } from "../api/templates";

/** By the item's key. Of a finding, whether it is there, and words on it. */
export type Answers = Readonly<Record<string, { value: string; words?: string } | undefined>>;

/** The template that an examination is likely to want: by modality and body part, else by modality, else the first. */
export function likely(templates: readonly Template[], modality: string, bodyPart: string): Template | undefined {
  const ofModality = templates.filter((one) => one.modalities.includes(modality));
  return ofModality.find((one) => one.body_parts.includes(bodyPart.trim().toLowerCase())) ?? ofModality[0] ?? templates[0];
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

/** What an item is called: what is asked, up to its colon, behind which the template says what to state. */
export function nameOf(item: TemplateItem): string {
  return capital(item.asks.split(":")[0]?.trim() ?? item.asks);
}

function sentence(item: TemplateItem, value: string, words: string): string | undefined {
  const more = words.trim().replace(/\.+$/, "");
  if (value.trim() === "" && more === "") return undefined;
  const name = nameOf(item);
  switch (item.kind) {
    case "finding":
      if (value === "absent") return `${name}: none${more === "" ? "" : `; ${more}`}.`;
      return `${name}: ${[value, more].filter((part) => part !== "").join("; ")}.`;
    case "measurement":
      return `${name}: ${value.trim()} ${item.unit ?? ""}`.trimEnd().concat(".");
    default:
      return `${name}: ${value.trim().replace(/\.+$/, "")}.`;
  }
}

/** One sentence for each item that was answered, in the template's order. */
export function sentencesOf(template: Template, answers: Answers): string[] {
  return template.section.flatMap(({ item }) =>
    item.flatMap((one) => {
      const given = answers[one.key];
      const written = given && sentence(one, given.value, given.words ?? "");
      return written === undefined ? [] : [written];
    }),
  );
}
