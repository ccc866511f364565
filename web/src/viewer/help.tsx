import { useEffect, useRef } from "react";

import { useWords } from "../language/language";
import { TOOL_KEYS, type Tool } from "./keys";

export function Help({ onClose }: { onClose: () => void }) {
  const words = useWords();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const rows: [string, string][] = [
    ["↑ ↓ ← →", words.help.scroll],
    ["PgUp PgDn", words.help.page],
    ["Home End", words.help.ends],
    ...(Object.keys(TOOL_KEYS) as Tool[]).map((tool): [string, string] => [
      TOOL_KEYS[tool].toUpperCase(),
      words.viewer[tool],
    ]),
    ["1 - 9", words.help.presets],
    ["I", words.viewer.invert],
    ["R", words.viewer.reset],
    ["C", words.viewer.cine],
    [", .", words.images.rate],
    ["M", words.viewer.mpr],
    ["F", words.images.fusion],
    ["K", words.images.markThis],
    ["Ctrl Z", words.images.undo],
    ["Ctrl Y", words.images.redo],
    ["?", words.help.sheet],
    ["Esc", words.help.escape],
  ];
  return (
    <dialog ref={dialog} aria-labelledby="help-title" onClose={onClose} className="help">
      <h2 id="help-title">{words.help.title}</h2>
      <dl>
        {rows.map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <p className="note">{words.help.mouse}</p>
      <button type="button" className="primary" onClick={onClose}>
        {words.close}
      </button>
    </dialog>
  );
}
