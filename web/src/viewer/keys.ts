/** What keys do in the viewer. One table: the listener and the help sheet read it. */

export const TOOLS = ["scroll", "windowLevel", "zoom", "pan", "length", "angle", "ellipse", "probe"] as const;
/** They paint segments on a stack. */
export const PAINTING = ["brush", "eraser", "threshold"] as const;
export type PaintTool = (typeof PAINTING)[number];
export type Tool = (typeof TOOLS)[number] | PaintTool | "crosshairs";

export type Command =
  | { do: "tool"; tool: Tool }
  | { do: "step"; by: number }
  | { do: "end"; at: "first" | "last" }
  | { do: "preset"; number: number }
  | { do: "rate"; by: 1 | -1 }
  | { do: "setRate"; rate: number }
  | { do: "fusion" | "key" | "undo" | "redo" }
  | { do: "invert" | "reset" | "cine" | "mpr" | "help" | "leave" };

export const TOOL_KEYS: Record<Tool, string> = {
  scroll: "s",
  windowLevel: "w",
  zoom: "z",
  pan: "p",
  length: "l",
  angle: "a",
  ellipse: "e",
  probe: "b",
  crosshairs: "x",
  brush: "d",
  eraser: "g",
  threshold: "t",
};

const OTHER_KEYS: Record<string, Command> = {
  ArrowUp: { do: "step", by: -1 },
  ArrowLeft: { do: "step", by: -1 },
  ArrowDown: { do: "step", by: 1 },
  ArrowRight: { do: "step", by: 1 },
  PageUp: { do: "step", by: -10 },
  PageDown: { do: "step", by: 10 },
  Home: { do: "end", at: "first" },
  End: { do: "end", at: "last" },
  i: { do: "invert" },
  r: { do: "reset" },
  c: { do: "cine" },
  m: { do: "mpr" },
  f: { do: "fusion" },
  k: { do: "key" },
  ",": { do: "rate", by: -1 },
  ".": { do: "rate", by: 1 },
  "?": { do: "help" },
  Escape: { do: "leave" },
};

/** With Control, or Command; Shift is in the key's own name. */
const HELD_KEYS: Record<string, Command> = { z: { do: "undo" }, Z: { do: "redo" }, y: { do: "redo" } };

/** The command of a key, if it has one; other keys held with others belong to the browser. */
export function command(event: Pick<KeyboardEvent, "key" | "ctrlKey" | "altKey" | "metaKey">): Command | undefined {
  if ((event.ctrlKey || event.metaKey) && !event.altKey) return HELD_KEYS[event.key];
  if (event.ctrlKey || event.altKey || event.metaKey) return undefined;
  if (/^[1-9]$/.test(event.key)) return { do: "preset", number: Number(event.key) };
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const tool = (Object.keys(TOOL_KEYS) as Tool[]).find((one) => TOOL_KEYS[one] === key);
  return tool === undefined ? OTHER_KEYS[key] : { do: "tool", tool };
}

/** Whether a key scrolls whatever has the focus, where nothing else takes it. */
export function isScrolling(key: string): boolean {
  return ["step", "end"].includes(OTHER_KEYS[key]?.do ?? "");
}

/** Whether a key is meant for a field that is being filled. */
export function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches("input:not([type=checkbox]), select, textarea");
}
