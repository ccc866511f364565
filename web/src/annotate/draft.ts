/** What somebody is about to answer, before it is sent. */

import type { Answer, Outline, Question, Version } from "./api";

export interface Draft {
  labels: string[];
  outlines: Outline[];
  comment: string;
  /** Whether it differs from what the archive has. */
  changed: boolean;
}

export function draftOf(version: Version | null | undefined): Draft {
  const answer = version?.answer;
  return { labels: answer?.labels ?? [], outlines: answer?.outlines ?? [], comment: answer?.comment ?? "", changed: false };
}

/** The draft with a label chosen; of one that is chosen already, where several may hold, without it. */
export function chosen(draft: Draft, key: string, multiple: boolean): Draft {
  const labels = !multiple
    ? [key]
    : draft.labels.includes(key)
      ? draft.labels.filter((one) => one !== key)
      : [...draft.labels, key];
  return { ...draft, labels, changed: true };
}

/** Whether it can be sent. */
export function isWhole(question: Question, draft: Draft): boolean {
  return question.kind === "outline" || question.multiple || draft.labels.length === 1;
}

export function answerOf(question: Question, draft: Draft): Answer {
  const comment = draft.comment.trim();
  return {
    ...(question.kind === "labels" ? { labels: draft.labels } : { outlines: draft.outlines }),
    ...(comment === "" ? {} : { comment }),
  };
}

/** The next item that waits, after one and then from the beginning; `undefined` where none does. */
export function nextWaiting(tasks: readonly { item: number; state: string }[], after: number | undefined): number | undefined {
  const at = tasks.findIndex(({ item }) => item === after);
  const order = [...tasks.slice(at + 1), ...tasks.slice(0, at + 1)];
  return order.find(({ item, state }) => item !== after && (state === "open" || state === "started"))?.item;
}
