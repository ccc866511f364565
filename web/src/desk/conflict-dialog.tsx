import { useState } from "react";

import { moment } from "../dicom/show";
import { Dialog } from "../dialog";
import { useLanguage, useWords } from "../language/language";
import { countOf } from "./edits";
import type { Conflict } from "./machine";
import { WordChanges } from "./word-changes";
import { signerName } from "../api/report";

interface Props {
  conflict: Conflict;
  onResolve: (mine: ReadonlySet<string>) => void;
  onDiscard: () => void;
  onLater: () => void;
}

/** Somebody else saved first: what they changed, and what becomes of one's own changes. */
export function ConflictDialog({ conflict: { theirs, rebased }, onResolve, onDiscard, onLater }: Props) {
  const words = useWords();
  const { language } = useLanguage();
  // One's own words are what would be lost: they are chosen at first.
  const [mine, setMine] = useState<ReadonlySet<string>>(() => new Set(rebased.both.map(({ sentence }) => sentence)));
  const last = theirs.report.versions.at(-1);
  const held = countOf(rebased.draft);

  function choose(sentence: string, own: boolean) {
    const next = new Set(mine);
    if (own) next.add(sentence);
    else next.delete(sentence);
    setMine(next);
  }

  return (
    <Dialog title={words.desk.conflictTitle} onClose={onLater} wide>
      <p>
        {words.desk.conflictWhat(signerName(last?.by ?? ""), theirs.report.version, last ? moment(last.at, language) : "")}
      </p>
      {rebased.others.length === 0 && rebased.both.length === 0 && <p>{words.desk.conflictNone}</p>}
      {rebased.both.length > 0 && <h3>{words.desk.conflictBoth}</h3>}
      <ul className="evidence" data-testid="both">
        {rebased.both.map((one) => (
          <li key={one.sentence}>
            <p className="note">
              {words.desk.headings[one.heading]} · {one.sentence} · {words.desk.before}: {one.before ?? words.desk.nothing}
            </p>
            {([true, false] as const).map((own) => (
              <label key={String(own)} className="wording">
                <input
                  type="radio"
                  name={`wording-${one.sentence}`}
                  checked={mine.has(one.sentence) === own}
                  onChange={() => choose(one.sentence, own)}
                />
                <span>
                  <strong>{own ? words.desk.mine : words.desk.theirs}</strong>{" "}
                  {(own ? one.mine : one.theirs) === null ? (
                    words.desk.nothing
                  ) : (
                    <WordChanges before={one.before ?? ""} after={(own ? one.mine : one.theirs) ?? ""} />
                  )}
                </span>
              </label>
            ))}
          </li>
        ))}
      </ul>
      {rebased.others.length > 0 && <h3>{words.desk.conflictOthers}</h3>}
      <ul className="evidence" data-testid="others">
        {rebased.others.map((one) => (
          <li key={one.sentence}>
            <p className="note">
              {words.desk.headings[one.heading]} · {one.sentence}
            </p>
            <p>
              <WordChanges before={one.before ?? ""} after={one.theirs ?? ""} />
            </p>
          </li>
        ))}
      </ul>
      {held > 0 && (
        <p className="note">
          {words.desk.conflictMine}: {words.desk.changesOf(held)}
        </p>
      )}
      <div className="choices">
        <button type="button" className="primary" onClick={() => onResolve(mine)}>
          {words.desk.reapply}
        </button>
        <button type="button" onClick={onDiscard}>
          {words.desk.takeTheirs}
        </button>
        <button type="button" onClick={onLater}>
          {words.desk.later}
        </button>
      </div>
    </Dialog>
  );
}
