import { useWords } from "../language/language";
import type { DataSet } from "../dicom/json";
import { TOOL_KEYS, TOOLS, type Command, type Tool } from "./keys";
import { headerWindows, presets, type Window } from "./presets";

interface Props {
  modality: string;
  header: DataSet | undefined;
  tool: Tool;
  mpr: boolean;
  canMpr: boolean;
  cine: boolean;
  /** Frames a second. */
  rate: number;
  inverted: boolean;
  /** The window that is shown. */
  window: Window | undefined;
  onCommand: (command: Command) => void;
  onWindow: (window: Window | "full") => void;
}

export function Toolbar({ modality, header, tool, mpr, canMpr, cine, rate, inverted, window, onCommand, onWindow }: Props) {
  const words = useWords();
  const offered: Tool[] = mpr ? [...TOOLS, "crosshairs"] : [...TOOLS];
  const windows = windowChoices(modality, header);
  const chosen = windows.findIndex((choice) => choice.window !== "full" && window !== undefined && isSame(choice.window, window));
  const named = (name: string, key: string) => `${name} (${key.toUpperCase()})`;
  return (
    <div className="toolbar" role="toolbar" aria-label={words.viewer.tools}>
      {offered.map((one) => (
        <button
          key={one}
          type="button"
          aria-pressed={tool === one}
          title={named(words.viewer[one], TOOL_KEYS[one])}
          onClick={() => onCommand({ do: "tool", tool: one })}
        >
          {words.viewer[one]}
        </button>
      ))}
      <span className="gap" />
      <label className="inline">
        {words.viewer.presets}
        <select
          value={chosen < 0 ? "" : chosen}
          onChange={(event) => {
            const chosen = windows[Number(event.target.value)];
            if (chosen) onWindow(chosen.window);
          }}
        >
          <option value="" disabled>
            -
          </option>
          {windows.map((choice, at) => (
            <option key={at} value={at}>
              {choice.preset === undefined
                ? choice.window === "full"
                  ? words.viewer.full
                  : `${words.viewer.header(at + 1)} ${choice.explanation}`.trim()
                : words.presets[choice.preset]}
              {choice.window === "full" ? "" : ` ${choice.window.center}/${choice.window.width}`}
            </option>
          ))}
        </select>
      </label>
      <button type="button" aria-pressed={inverted} title={named(words.viewer.invert, "i")} onClick={() => onCommand({ do: "invert" })}>
        {words.viewer.invert}
      </button>
      <button type="button" aria-pressed={cine} disabled={mpr} title={named(words.viewer.cine, "c")} onClick={() => onCommand({ do: "cine" })}>
        {words.viewer.cine}
      </button>
      {cine && (
        <label className="inline">
          <input
            type="range"
            min="1"
            max="60"
            value={rate}
            aria-label={words.images.rate}
            onChange={(event) => onCommand({ do: "setRate", rate: Number(event.target.value) })}
          />
          {words.images.perSecond(rate)}
        </label>
      )}
      <button type="button" title={named(words.viewer.reset, "r")} onClick={() => onCommand({ do: "reset" })}>
        {words.viewer.reset}
      </button>
      <span className="gap" />
      <button
        type="button"
        aria-pressed={mpr}
        disabled={!canMpr}
        title={canMpr ? named(words.viewer.mpr, "m") : words.viewer.notAVolume}
        onClick={() => onCommand({ do: "mpr" })}
      >
        {words.viewer.mpr}
      </button>
      <button type="button" title={named(words.viewer.help, "?")} onClick={() => onCommand({ do: "help" })}>
        {words.viewer.help}
      </button>
    </div>
  );
}

/** Whether two windows are one in whole numbers, as they are written. */
function isSame(one: Window, other: Window): boolean {
  return Math.round(one.center) === Math.round(other.center) && Math.round(one.width) === Math.round(other.width);
}

interface WindowChoice {
  window: Window | "full";
  preset?: ReturnType<typeof presets>[number][0];
  explanation: string;
}

/** The windows of an image in the order of the number keys: the header's, those of the modality, everything. */
export function windowChoices(modality: string, header: DataSet | undefined): WindowChoice[] {
  return [
    ...headerWindows(header ?? {}).map(({ center, width, explanation }) => ({ window: { center, width }, explanation })),
    ...presets(modality).map(([preset, window]) => ({ window, preset, explanation: "" })),
    { window: "full", explanation: "" },
  ];
}
