/** What keys do at the desk. One table: the listener and the sheet of keys read it. */

export type DeskCommand = "next" | "previous" | "edit" | "accept" | "reject" | "show" | "overlay" | "help";

/** They hold wherever the focus is; the viewer has no use for them. */
const EVERYWHERE: Record<string, DeskCommand> = { j: "next", k: "previous" };

/** They hold within the report alone: elsewhere the viewer has uses of its own for some of them. */
const WITHIN: Record<string, DeskCommand> = {
  enter: "edit",
  a: "accept",
  x: "reject",
  e: "show",
  o: "overlay",
  "?": "help",
};

export const SHEET: [string, "next" | "edit" | "accept" | "reject" | "show" | "overlay" | "save" | "macro" | "leave" | "sheet"][] = [
  ["J K", "next"],
  ["Enter", "edit"],
  ["A", "accept"],
  ["X", "reject"],
  ["E", "show"],
  ["O", "overlay"],
  ["Ctrl S", "save"],
  [".name Tab", "macro"],
  ["Esc", "leave"],
  ["?", "sheet"],
];

type Pressed = Pick<KeyboardEvent, "key" | "ctrlKey" | "altKey" | "metaKey">;

/** The command of a key, if it has one here; keys held with others belong to the browser. */
export function deskCommand(event: Pressed, within: boolean): DeskCommand | undefined {
  if (event.ctrlKey || event.altKey || event.metaKey) return undefined;
  const key = event.key.toLowerCase();
  return EVERYWHERE[key] ?? (within ? WITHIN[key] : undefined);
}

/** Whether a key saves: S held with Ctrl, or Command. */
export function isSave(event: Pressed): boolean {
  return (event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "s";
}
