/** Where a text is underlined: the gate's problems as pieces that follow each other. */

import type { Problem } from "../api/reports";

export interface Marked {
  text: string;
  /** Which of the problems hold here, by their place in the list; none where nothing is underlined. */
  problems: number[];
}

/** An offset in UTF-16 units within a text, moved back where it would split a pair of surrogates. */
function within(text: string, offset: number): number {
  const at = Math.min(Math.max(Math.trunc(offset), 0), text.length);
  const splits = at > 0 && at < text.length && /[\uD800-\uDBFF]/.test(text[at - 1] ?? "") && /[\uDC00-\uDFFF]/.test(text[at] ?? "");
  return splits ? at - 1 : at;
}

/**
 * The text in pieces, each with the problems that hold throughout it. Ranges may overlap, and may be of a text that has
 * changed since: what lies beyond the end is cut off; an empty range becomes the whole text, since a problem has to be seen.
 */
export function marked(text: string, problems: readonly Pick<Problem, "start" | "end">[]): Marked[] {
  const ranges = problems.map(({ start, end }) => {
    const [from, to] = [within(text, start), within(text, end)];
    return from < to ? { from, to } : { from: 0, to: text.length };
  });
  const cuts = [...new Set([0, text.length, ...ranges.flatMap(({ from, to }) => [from, to])])].sort((one, other) => one - other);
  return cuts.slice(0, -1).map((from, at) => {
    const to = cuts[at + 1] ?? text.length;
    return {
      text: text.slice(from, to),
      problems: ranges.flatMap((range, number) => (range.from <= from && to <= range.to ? [number] : [])),
    };
  });
}
