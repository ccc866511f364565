import { type KeyboardEvent, useEffect, useId, useRef, useState } from "react";

import type { Macro } from "../api/macros";
import { useWords } from "../language/language";
import { expanded } from "../macros/expand";
import { MarkedText } from "./marked-text";
import { type CheckState, useCheck } from "./use-check";

interface Props {
  report: string;
  /** The sentence that is reworded; none where one is added. */
  sentence: string | null;
  /** As the report holds it. */
  saved: string;
  text: string;
  macros: readonly Macro[];
  onDone: (text: string, check: CheckState) => void;
  onCancel: () => void;
}

/** Rewords a sentence in its place: the gate's objections are underlined while it is typed. */
export function SentenceEditor({ report, sentence, saved, text: first, macros, onDone, onCancel }: Props) {
  const words = useWords();
  const [text, setText] = useState(first);
  const check = useCheck(report, sentence, text, saved);
  const field = useRef<HTMLTextAreaElement>(null);
  const caret = useRef<number>(undefined);
  const place = useRef<HTMLDivElement>(null);
  const told = useId();
  const problems = check.is === "checked" && check.text === text ? check.checked.problems : [];

  useEffect(() => {
    field.current?.focus();
    field.current?.setSelectionRange(first.length, first.length);
    // The field is new each time.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, []);
  useEffect(() => {
    if (caret.current === undefined) return;
    field.current?.setSelectionRange(caret.current, caret.current);
    caret.current = undefined;
  }, [text]);

  // What the gate says stands below the field, and is to be seen.
  useEffect(() => {
    if (check.is === "checked") place.current?.scrollIntoView({ block: "nearest" });
  }, [check]);

  function pressed(event: KeyboardEvent<HTMLTextAreaElement>) {
    // Enter and Tab belong to an input method as long as it composes.
    if (event.nativeEvent.isComposing) return;
    if (event.key === "Escape") {
      event.preventDefault();
      onCancel();
    } else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      onDone(text, check);
    } else if (event.key === "Tab" && !event.shiftKey) {
      const done = expanded({ text, caret: event.currentTarget.selectionStart }, macros);
      if (!done) return;
      event.preventDefault();
      caret.current = done.caret;
      setText(done.text);
    }
  }

  return (
    <div className="editor" ref={place}>
      <div className="field">
        <div className="mirror" aria-hidden="true">
          <MarkedText text={text} problems={problems} />{" "}
        </div>
        <textarea
          ref={field}
          rows={1}
          aria-label={words.desk.words}
          aria-describedby={told}
          aria-invalid={problems.length > 0}
          value={text}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={pressed}
        />
      </div>
      <div id={told} role="status" className="verdict" data-testid="verdict">
        <Verdict check={check} current={text} />
      </div>
      {macros.length > 0 && (
        <p className="note">{words.desk.macroHint(macros.slice(0, 6).map(({ name }) => `.${name}`).join(" "))}</p>
      )}
      <div className="acts">
        <button type="button" className="primary" onClick={() => onDone(text, check)}>
          {words.desk.done}
        </button>
        <button type="button" onClick={onCancel}>
          {words.desk.cancel}
        </button>
      </div>
    </div>
  );
}

function Verdict({ check, current }: { check: CheckState; current: string }) {
  const words = useWords();
  if (check.is === "checking") return <p className="note">{words.desk.checking}</p>;
  if (check.is === "unchecked" || check.text !== current) return null;
  const { verdict, problems } = check.checked;
  if (problems.length === 0) {
    return <p className="note">{verdict === "agrees" ? words.desk.agrees : words.desk.unknown}</p>;
  }
  return <Problems check={check} />;
}

/** What the gate objects to, in words. */
export function Problems({ check }: { check: CheckState }) {
  const words = useWords();
  if (check.is !== "checked") return null;
  const { problems } = check.checked;
  const against = problems.filter(({ stance }) => stance !== "unknown").length;
  return (
    <div className="problems">
      <p>
        <strong>{against === 0 ? words.desk.unknown : words.desk.contradicts(against)}</strong> {words.desk.mayStand}
      </p>
      <ul>
        {problems.map((problem, at) => (
          <li key={at}>
            <q>{check.text.slice(problem.start, problem.end)}</q>: {problem.reason}
          </li>
        ))}
      </ul>
    </div>
  );
}
