/** What keys do while one annotates. One table: the listener and the list of keys read it. */

export type Act =
  | { do: "choose"; at: number }
  | { do: "save" | "next" | "previous" | "draw" | "undo" | "skip" | "leave" };

export const KEYS: readonly (readonly [string, Act["do"]])[] = [
  ["1-9", "choose"],
  ["Enter", "save"],
  ["J", "next"],
  ["K", "previous"],
  ["D", "draw"],
  ["Backspace", "undo"],
  ["U", "skip"],
  ["Esc", "leave"],
];

const ACTS: Record<string, Act> = {
  Enter: { do: "save" },
  j: { do: "next" },
  k: { do: "previous" },
  d: { do: "draw" },
  Backspace: { do: "undo" },
  Delete: { do: "undo" },
  u: { do: "skip" },
  Escape: { do: "leave" },
};

/** The act of a key, if it has one; keys held with others belong to the browser. */
export function actOf(event: Pick<KeyboardEvent, "key" | "ctrlKey" | "altKey" | "metaKey">): Act | undefined {
  if (event.ctrlKey || event.altKey || event.metaKey) return undefined;
  if (/^[1-9]$/.test(event.key)) return { do: "choose", at: Number(event.key) - 1 };
  return ACTS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
}
