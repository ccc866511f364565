import { useEffect, useState } from "react";

import { type Macro, readMacros, saveMacros } from "../api/macros";
import { type Heading, HEADINGS } from "../api/report";
import { isMissing, sentenceOf } from "../api/request";
import { useWords } from "../language/language";
import { MODALITIES } from "../worklist/search-form";
import { isName } from "./expand";

interface Line extends Macro {
  key: number;
}

let made = 0;
const line = (macro: Macro): Line => ({ ...macro, key: (made += 1) });
const EMPTY: Macro = { name: "", heading: "findings", text: "", modality: null, body_part: null };

/** The account's own macros: named pieces of text for sentences that come again. */
export function MacrosPage() {
  const words = useWords();
  const [lines, setLines] = useState<Line[]>();
  const [wrong, setWrong] = useState("");
  const [said, setSaid] = useState("");

  useEffect(() => {
    const ended = new AbortController();
    readMacros(ended.signal).then(
      (macros) => setLines(macros.map(line)),
      (error: unknown) => {
        if (!ended.signal.aborted) setWrong(isMissing(error) ? words.macros.missing : sentenceOf(error, words.unreachable));
      },
    );
    return () => ended.abort();
    // Once: a change of language asks for nothing.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, []);

  function change(key: number, part: Partial<Macro>) {
    setSaid("");
    setLines((now) => now?.map((one) => (one.key === key ? { ...one, ...part } : one)));
  }

  /** What forbids saving, or nothing. */
  function objection(macros: readonly Macro[]): string {
    if (macros.some(({ name }) => !isName(name))) return words.macros.badName;
    const empty = macros.find(({ text }) => text.trim() === "");
    if (empty) return words.macros.noText(empty.name);
    const names = macros.map(({ name }) => name.toLowerCase());
    const twice = names.find((name, at) => names.indexOf(name) !== at);
    return twice === undefined ? "" : words.macros.twice(twice);
  }

  async function save(all: readonly Line[]) {
    const macros = all.map(({ name, heading, text, modality, body_part }) => ({ name, heading, text, modality, body_part }));
    const against = objection(macros);
    setWrong(against);
    if (against !== "") return;
    try {
      await saveMacros(macros);
      setSaid(words.macros.saved);
    } catch (error) {
      setWrong(sentenceOf(error, words.unreachable));
    }
  }

  return (
    <main className="worklist">
      <h1>{words.macros.title}</h1>
      <p className="note">{words.macros.why}</p>
      {lines?.length === 0 && <p>{words.macros.none}</p>}
      <ul className="macros">
        {lines?.map((one) => (
          <li key={one.key}>
            <label>
              {words.macros.name}
              <input value={one.name} autoComplete="off" onChange={(event) => change(one.key, { name: event.target.value.trim() })} />
            </label>
            <label>
              {words.macros.heading}
              <select value={one.heading} onChange={(event) => change(one.key, { heading: event.target.value as Heading })}>
                {HEADINGS.map((heading) => (
                  <option key={heading} value={heading}>
                    {words.desk.headings[heading]}
                  </option>
                ))}
              </select>
            </label>
            <label>
              {words.macros.modality}
              <select value={one.modality ?? ""} onChange={(event) => change(one.key, { modality: event.target.value || null })}>
                <option value="">{words.macros.any}</option>
                {MODALITIES.map((modality) => (
                  <option key={modality}>{modality}</option>
                ))}
              </select>
            </label>
            <label>
              {words.macros.bodyPart}
              <input value={one.body_part ?? ""} onChange={(event) => change(one.key, { body_part: event.target.value || null })} />
            </label>
            <label className="wide">
              {words.macros.text}
              <textarea rows={2} value={one.text} onChange={(event) => change(one.key, { text: event.target.value })} />
            </label>
            <button
              type="button"
              aria-label={words.macros.removeOf(one.name)}
              onClick={() => {
                setSaid("");
                setLines((now) => now?.filter(({ key }) => key !== one.key));
              }}
            >
              {words.macros.remove}
            </button>
          </li>
        ))}
      </ul>
      {wrong !== "" && <p role="alert">{wrong}</p>}
      <p role="status">{said}</p>
      {lines && (
        <div className="choices">
          <button type="button" onClick={() => setLines([...lines, line(EMPTY)])}>
            {words.macros.add}
          </button>
          <button type="button" className="primary" onClick={() => void save(lines)}>
            {words.macros.save}
          </button>
        </div>
      )}
    </main>
  );
}
