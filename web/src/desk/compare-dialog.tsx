import { useEffect, useState } from "react";

import { sentenceOf } from "../api/request";
import { type Change, compare, type Version } from "../api/reports";
import { Dialog } from "../dialog";
import { useWords } from "../language/language";
import { WordChanges } from "./word-changes";

interface Props {
  report: string;
  versions: readonly Version[];
  onClose: () => void;
}

/** Two versions, sentence by sentence, with the words that were added and removed. */
export function CompareDialog({ report, versions, onClose }: Props) {
  const words = useWords();
  const numbers = versions.map(({ number }) => number);
  const last = numbers.at(-1) ?? 1;
  const [from, setFrom] = useState(numbers[0] ?? 1);
  const [to, setTo] = useState(last);
  const [found, setFound] = useState<{ from: number; to: number; changes: Change[] }>();
  const [wrong, setWrong] = useState("");

  useEffect(() => {
    const ended = new AbortController();
    compare(report, from, to, ended.signal).then(
      (changes) => {
        setWrong("");
        setFound({ from, to, changes });
      },
      (error: unknown) => {
        if (!ended.signal.aborted) setWrong(sentenceOf(error, words.unreachable));
      },
    );
    return () => ended.abort();
    // A change of language asks for nothing.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [report, from, to]);

  const choice = (label: string, value: number, set: (number: number) => void) => (
    <label className="inline">
      {label}
      <select value={value} onChange={(event) => set(Number(event.target.value))}>
        {versions.map((version) => (
          <option key={version.number} value={version.number}>
            {version.number} ({words.desk.states[version.state]})
          </option>
        ))}
      </select>
    </label>
  );
  const kind = ({ before, after }: Change) =>
    before === null ? words.desk.wasAdded : after === null ? words.desk.wasRemoved : words.desk.wasChanged;
  return (
    <Dialog title={words.desk.compare} onClose={onClose} wide>
      <div className="choices">
        {choice(words.desk.compareFrom, from, setFrom)}
        {choice(words.desk.compareTo, to, setTo)}
      </div>
      {wrong !== "" && <p role="alert">{wrong}</p>}
      <div role="status">
        {found && (
          <>
            <h3>{words.desk.compared(found.from, found.to)}</h3>
            {found.changes.length === 0 && <p>{words.desk.noChanges}</p>}
          </>
        )}
      </div>
      <ul className="evidence" data-testid="changes">
        {found?.changes.map((change) => (
          <li key={`${change.sentence} ${change.heading}`}>
            <p className="note">
              {words.desk.headings[change.heading]} · {change.sentence} · {kind(change)}
            </p>
            <p>
              <WordChanges before={change.before ?? ""} after={change.after ?? ""} />
            </p>
          </li>
        ))}
      </ul>
      <button type="button" className="primary" onClick={onClose}>
        {words.close}
      </button>
    </Dialog>
  );
}
