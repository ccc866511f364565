/** What was added and removed between two wordings, word by word (Chinese: character by character). */

export interface Piece {
  kind: "same" | "removed" | "added";
  text: string;
}

/** Above this many words in either text, the whole is one change: the table would be large. */
const MOST_WORDS = 2000;

/** Words, single characters of Han, numbers with their point, runs of space, and single marks. */
export function tokens(text: string): string[] {
  return text.match(/\p{Script=Han}|\d+(?:[.,]\d+)*|[\p{L}\p{M}\p{N}_]+|\s+|./gsu) ?? [];
}

function push(pieces: Piece[], kind: Piece["kind"], text: string) {
  const last = pieces.at(-1);
  if (last?.kind === kind) last.text += text;
  else pieces.push({ kind, text });
}

/** Changes that only space lies between as one: read word by word, a new wording would be a patchwork. */
function joined(pieces: readonly Piece[]): Piece[] {
  const whole: Piece[] = [];
  let [gone, come] = ["", ""];
  const flush = () => {
    if (gone !== "") push(whole, "removed", gone);
    if (come !== "") push(whole, "added", come);
    [gone, come] = ["", ""];
  };
  pieces.forEach(({ kind, text }, at) => {
    const between = kind === "same" && text.trim() === "" && gone + come !== "" && at + 1 < pieces.length;
    if (kind === "same" && !between) {
      flush();
      push(whole, "same", text);
      return;
    }
    if (kind !== "added") gone += text;
    if (kind !== "removed") come += text;
  });
  flush();
  return whole;
}

/**
 * The pieces of both texts in order: all but the added ones make `before`, all but the removed ones `after`.
 *
 * # Source
 * Longest common subsequence: Wagner and Fischer 1974, doi:10.1145/321796.321811
 */
export function wordDiff(before: string, after: string): Piece[] {
  const [old, now] = [tokens(before), tokens(after)];
  const pieces: Piece[] = [];
  if (old.length > MOST_WORDS || now.length > MOST_WORDS) {
    if (before !== "") push(pieces, "removed", before);
    if (after !== "") push(pieces, "added", after);
    return pieces;
  }
  const width = now.length + 1;
  // The length of the longest common subsequence of what follows row and column.
  const common = new Uint16Array((old.length + 1) * width);
  const at = (row: number, column: number) => common[row * width + column] ?? 0;
  for (let row = old.length - 1; row >= 0; row -= 1) {
    for (let column = now.length - 1; column >= 0; column -= 1) {
      common[row * width + column] =
        old[row] === now[column] ? at(row + 1, column + 1) + 1 : Math.max(at(row + 1, column), at(row, column + 1));
    }
  }
  let [row, column] = [0, 0];
  while (row < old.length || column < now.length) {
    const [gone, come] = [old[row], now[column]];
    if (gone !== undefined && gone === come) {
      push(pieces, "same", gone);
      row += 1;
      column += 1;
    } else if (gone !== undefined && (come === undefined || at(row + 1, column) >= at(row, column + 1))) {
      push(pieces, "removed", gone);
      row += 1;
    } else if (come !== undefined) {
      push(pieces, "added", come);
      column += 1;
    }
  }
  return joined(pieces);
}
