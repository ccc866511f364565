import { useId } from "react";

import { useWords } from "../language/language";
import type { Question } from "./api";
import { colorOf } from "./colors";
import { chosen, type Draft } from "./draft";
import type { FramePlace } from "./item-pane";
import { removed } from "./outlines";

interface Props {
  question: Question;
  draft: Draft;
  onChange: (draft: Draft) => void;
  /** The structure that is drawn next. */
  structure: number;
  onStructure: (at: number) => void;
  drawing: boolean;
  onDrawing: (drawing: boolean) => void;
  frame: FramePlace | undefined;
}

/** The question with its labels to choose, or with its structures to outline. */
export function AnswerForm(props: Props) {
  const words = useWords();
  const { question, draft, onChange } = props;
  const name = useId();
  return (
    <>
      {question.kind === "labels" ? (
        <fieldset className="labels" data-testid="labels">
          <legend>{question.multiple ? words.annotate.chooseAny : words.annotate.chooseOne}</legend>
          {question.labels.map((label, at) => (
            <label key={label.key} className="check">
              <input
                type={question.multiple ? "checkbox" : "radio"}
                name={name}
                checked={draft.labels.includes(label.key)}
                onChange={() => onChange(chosen(draft, label.key, question.multiple))}
              />
              {label.name}
              {at < 9 && <kbd>{at + 1}</kbd>}
            </label>
          ))}
        </fieldset>
      ) : (
        <Structures {...props} structures={question.structures} />
      )}
      <label className="stacked">
        {words.annotate.comment}
        <textarea
          rows={2}
          maxLength={500}
          value={draft.comment}
          onChange={(event) => onChange({ ...draft, comment: event.target.value, changed: true })}
        />
      </label>
    </>
  );
}

type Outlined = Props & { structures: Extract<Question, { kind: "outline" }>["structures"] };

function Structures({ structures, draft, onChange, structure, onStructure, drawing, onDrawing, frame }: Outlined) {
  const words = useWords();
  const name = useId();
  const here = draft.outlines.filter((one) => one.image === frame?.image && one.frame === frame.frame);
  const count = (key: string) =>
    draft.outlines.filter((one) => one.structure === key).reduce((sum, one) => sum + Math.max(one.contours?.length ?? 0, 1), 0);
  return (
    <fieldset className="labels" data-testid="structures">
      <legend>{words.annotate.outline}</legend>
      {structures.map((one, at) => (
        <label key={one.key} className="check">
          <input type="radio" name={name} checked={at === structure} onChange={() => onStructure(at)} />
          <span className="swatch" style={{ background: colorOf(at) }} />
          {one.name}
          <span className="count">{count(one.key)}</span>
          {at < 9 && <kbd>{at + 1}</kbd>}
        </label>
      ))}
      <button type="button" aria-pressed={drawing} onClick={() => onDrawing(!drawing)}>
        {words.annotate.draw} <kbd>D</kbd>
      </button>
      <p className="note">{words.annotate.drawHow}</p>
      {here.length > 0 && (
        <ul className="lines" aria-label={words.annotate.onThisImage}>
          {here.flatMap((one) =>
            (one.contours ?? [undefined]).map((line, at) => (
              <li key={`${one.structure} ${at}`}>
                <span>
                  {structures.find(({ key }) => key === one.structure)?.name ?? one.structure}
                  {line === undefined ? `, ${words.annotate.pixels}` : ` ${at + 1}`}
                </span>
                <button
                  type="button"
                  aria-label={words.annotate.removeOf(one.structure, at + 1)}
                  onClick={() => onChange({ ...draft, outlines: removed(draft.outlines, one, at), changed: true })}
                >
                  {words.annotate.remove}
                </button>
              </li>
            )),
          )}
        </ul>
      )}
    </fieldset>
  );
}
