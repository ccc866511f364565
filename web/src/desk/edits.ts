/** What a person changes in a report before it is saved, and what becomes of it where somebody else saved first. */

import { type Heading, type Report, type Sentence, sentences } from "../api/report";
import type { Edit, Edits } from "../api/reports";

export interface Added {
  /** Of the page's own, until the archive gives it a name. */
  key: string;
  heading: Heading;
  text: string;
}

export interface Draft {
  /** New words by sentence; `null` where it is to be removed. */
  changed: Readonly<Record<string, string | null>>;
  added: readonly Added[];
}

export const NOTHING: Draft = { changed: {}, added: [] };

export function isEmpty(draft: Draft): boolean {
  return Object.keys(draft.changed).length === 0 && draft.added.every(({ text }) => text.trim() === "");
}

/** How many sentences are changed, removed or added. */
export function countOf(draft: Draft): number {
  return Object.keys(draft.changed).length + draft.added.filter(({ text }) => text.trim() !== "").length;
}

function without(changed: Draft["changed"], id: string): Draft["changed"] {
  return Object.fromEntries(Object.entries(changed).filter(([one]) => one !== id));
}

/** Rewords a sentence; its own words again are no change, and no words at all remove it. */
export function reworded(draft: Draft, { id, text: own }: Pick<Sentence, "id" | "text">, text: string): Draft {
  const words = text.trim();
  if (words === own) return { ...draft, changed: without(draft.changed, id) };
  return { ...draft, changed: { ...draft.changed, [id]: words === "" ? null : words } };
}

export function removed(draft: Draft, id: string): Draft {
  return { ...draft, changed: { ...draft.changed, [id]: null } };
}

export function restored(draft: Draft, id: string): Draft {
  return { ...draft, changed: without(draft.changed, id) };
}

/** Adds a sentence, or changes an added one of the same key; no words take it away. */
export function withAdded(draft: Draft, one: Added): Draft {
  if (one.text.trim() === "") return { ...draft, added: draft.added.filter(({ key }) => key !== one.key) };
  const known = draft.added.some(({ key }) => key === one.key);
  return { ...draft, added: known ? draft.added.map((old) => (old.key === one.key ? one : old)) : [...draft.added, one] };
}

/** What is sent. */
export function payload(draft: Draft, reason: string | null): Edits {
  const edits = Object.entries(draft.changed).map(([sentence, text]): Edit =>
    text === null ? { sentence, remove: true } : { sentence, text },
  );
  const add = draft.added.filter(({ text }) => text.trim() !== "").map(({ heading, text }) => ({ heading, text: text.trim() }));
  return { edits, add, reason };
}

/** One sentence in three wordings; `null` where it is not there. */
export interface Threefold {
  sentence: string;
  heading: Heading;
  before: string | null;
  theirs: string | null;
  mine: string | null;
}

export interface Rebased {
  /** My changes that the other's do not touch: they hold on the new version as they are. */
  draft: Draft;
  /** Sentences that both changed, to be chosen between. */
  both: Threefold[];
  /** What the other changed that I did not. */
  others: Threefold[];
}

function texts(report: Pick<Report, "sections">) {
  return new Map(sentences(report).map(({ heading, sentence }) => [sentence.id, { heading, text: sentence.text }]));
}

/** My changes to one version of a report, carried over to a later one that somebody else saved. */
export function rebased(draft: Draft, before: Pick<Report, "sections">, theirs: Pick<Report, "sections">): Rebased {
  const [old, now] = [texts(before), texts(theirs)];
  const both: Threefold[] = [];
  const others: Threefold[] = [];
  let kept: Draft = { changed: {}, added: draft.added };
  for (const id of new Set([...old.keys(), ...now.keys()])) {
    const [was, is] = [old.get(id), now.get(id)];
    const mine = draft.changed[id];
    const one: Threefold = {
      sentence: id,
      heading: is?.heading ?? was?.heading ?? "findings",
      before: was?.text ?? null,
      theirs: is?.text ?? null,
      mine: mine === undefined ? (was?.text ?? null) : mine,
    };
    const changedByThem = one.before !== one.theirs;
    if (mine !== undefined && one.mine !== one.theirs) {
      if (changedByThem) both.push(one);
      else kept = { ...kept, changed: { ...kept.changed, [id]: mine } };
    } else if (changedByThem && mine === undefined) {
      others.push(one);
    }
  }
  return { draft: kept, both, others };
}

/**
 * The draft after a choice for each sentence that both changed. A sentence that the other removed and whose words of mine
 * are to stay is added anew.
 */
export function resolved({ draft, both }: Rebased, mine: ReadonlySet<string>): Draft {
  return both.reduce((now, one) => {
    if (!mine.has(one.sentence)) return now;
    if (one.theirs === null) {
      return one.mine === null ? now : withAdded(now, { key: `again-${one.sentence}`, heading: one.heading, text: one.mine });
    }
    return { ...now, changed: { ...now.changed, [one.sentence]: one.mine } };
  }, draft);
}
