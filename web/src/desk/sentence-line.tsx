import { type Author, type Sentence, signerName } from "../api/report";
import type { DecisionWord } from "../api/reports";
import { useWords } from "../language/language";
import type { Words } from "../language/en";
import { MarkedText } from "./marked-text";
import { Problems } from "./sentence-editor";
import type { CheckState } from "./use-check";

interface Props {
  sentence: Pick<Sentence, "id" | "text" | "author">;
  /** Unsaved words; `null` where it is to be removed, `undefined` where it is as the report holds it. */
  changed: string | null | undefined;
  isNew: boolean;
  selected: boolean;
  /** What was decided on the findings that it speaks of. */
  decisions: DecisionWord[];
  check: CheckState | undefined;
  onSelect: () => void;
  onEdit: () => void;
  onRemove: () => void;
  onRestore: () => void;
}

export function authorName(author: Author, words: Words): string {
  if (author.kind === "language_model") return words.desk.authors.language_model(author.model);
  return author.kind === "person" ? words.desk.authors.person(signerName(author.name)) : words.desk.authors.writer;
}

const CLASSES = { writer: "writer", language_model: "model", person: "person" } as const;

/** One sentence with who worded it; the chosen one with what can be done to it. */
export function SentenceLine({ sentence, changed, isNew, selected, decisions, check, onSelect, onEdit, onRemove, onRestore }: Props) {
  const words = useWords();
  const text = changed ?? sentence.text;
  const checked = check?.is === "checked" && check.text === text ? check : undefined;
  const objected = checked !== undefined && checked.checked.verdict === "contradicts";
  const unsaved = isNew || changed !== undefined;
  const mark = isNew ? words.desk.addedMark : changed === null ? words.desk.removedMark : words.desk.changedMark;
  return (
    <div className={`sentence${selected ? " selected" : ""}${changed === null ? " gone" : ""}`} data-sentence={sentence.id}>
      <button type="button" className="words" aria-current={selected} onClick={onSelect}>
        {changed === null ? <del>{text}</del> : <MarkedText text={text} problems={checked?.checked.problems ?? []} />}
      </button>
      <p className="by">
        <span className={`author ${unsaved ? "you" : CLASSES[sentence.author.kind]}`}>
          <span className="hidden">{words.desk.sentenceBy("")}</span>
          {unsaved ? words.desk.authors.you : authorName(sentence.author, words)}
        </span>
        {unsaved && <span className="mark">{mark}</span>}
        {[...new Set(decisions)].map((decision) => (
          <span key={decision} className={`decision ${decision}`}>
            {words.desk.decisions[decision]}
          </span>
        ))}
        {selected && (
          <span className="acts">
            {changed !== null && (
              <button type="button" aria-label={words.desk.editOf(text)} onClick={onEdit}>
                {words.desk.edit}
              </button>
            )}
            {!unsaved && (
              <button type="button" aria-label={words.desk.removeOf(text)} onClick={onRemove}>
                {words.desk.remove}
              </button>
            )}
            {unsaved && (
              <button type="button" aria-label={words.desk.restoreOf(text)} onClick={onRestore}>
                {words.desk.restore}
              </button>
            )}
          </span>
        )}
      </p>
      {objected && <Problems check={checked} />}
    </div>
  );
}
