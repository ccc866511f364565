/** Macros as they are typed: `.name` before the caret, then Tab. */

import type { Macro } from "../api/macros";

export interface Typed {
  text: string;
  caret: number;
}

/** Lower case letters, digits and hyphens; also Han, which is typed as readily. */
const NAME = /^[\p{L}\p{N}-]{1,40}$/u;

export function isName(name: string): boolean {
  return NAME.test(name);
}

/** Which macros an examination may use: those of its modality and body part, and those of any. */
export function fitting(macros: readonly Macro[], modality: string, bodyPart: string): Macro[] {
  const fits = (wanted: string | null, is: string) => wanted === null || wanted.toLowerCase() === is.toLowerCase();
  return macros.filter((macro) => fits(macro.modality, modality) && fits(macro.body_part, bodyPart));
}

/**
 * The text with the macro's words where its name stood, and the caret after them; `undefined` where no macro is named.
 *
 * The period has to begin a word: after a letter it ends a sentence.
 */
export function expanded({ text, caret }: Typed, macros: readonly Macro[]): Typed | undefined {
  const before = text.slice(0, caret);
  const match = /(?:^|[^\p{L}\p{N}])\.([\p{L}\p{N}-]+)$/u.exec(before);
  const name = match?.[1]?.toLowerCase();
  const macro = macros.find((one) => one.name.toLowerCase() === name);
  if (name === undefined || !macro) return undefined;
  const kept = before.slice(0, before.length - name.length - 1);
  return { text: kept + macro.text + text.slice(caret), caret: kept.length + macro.text.length };
}
