import { Fragment } from "react";

import type { Macro } from "../api/macros";
import { type Heading, HEADINGS, type Section, type Sentence } from "../api/report";
import type { DecisionWord } from "../api/reports";
import { useWords } from "../language/language";
import { type Added, type Draft, removed, restored, reworded, withAdded } from "./edits";
import { SentenceEditor } from "./sentence-editor";
import { SentenceLine } from "./sentence-line";
import type { CheckState } from "./use-check";

/** Sections that a person may add to where the report has none of them. */
const OFFERED: readonly Heading[] = ["findings", "impression", "recommendation"];

interface Props {
  report: string;
  sections: readonly Section[];
  draft: Draft;
  macros: readonly Macro[];
  /** The chosen sentence, saved or new, by its name or key. */
  selected: string | undefined;
  editing: string | undefined;
  checks: Readonly<Record<string, CheckState | undefined>>;
  decisionsOn: (sentence: Sentence) => DecisionWord[];
  onSelect: (id: string) => void;
  onEditing: (id: string | undefined) => void;
  onDraft: (draft: Draft) => void;
  onCheck: (id: string, check: CheckState) => void;
  onAdd: (heading: Heading) => void;
}

/** The report's sections and sentences, those that are not saved among them. */
export function ReportText(given: Props) {
  const words = useWords();
  const { report, sections, draft, macros, selected, editing, checks } = given;
  const there = (heading: Heading) => sections.find((section) => section.heading === heading);
  const shown = HEADINGS.filter(
    (heading) => there(heading) !== undefined || OFFERED.includes(heading) || draft.added.some((one) => one.heading === heading),
  );

  function editor(id: string, of: { sentence: string | null; saved: string; text: string }, done: (text: string) => Draft) {
    return (
      <SentenceEditor
        report={report}
        {...of}
        macros={macros}
        onDone={(text, check) => {
          given.onCheck(id, check);
          given.onDraft(done(text));
          given.onEditing(undefined);
        }}
        onCancel={() => given.onEditing(undefined)}
      />
    );
  }

  function sentenceOf(sentence: Sentence) {
    const changed = draft.changed[sentence.id];
    if (editing === sentence.id) {
      const of = { sentence: sentence.id, saved: sentence.text, text: changed ?? sentence.text };
      return editor(sentence.id, of, (text) => reworded(draft, sentence, text));
    }
    return (
      <SentenceLine
        sentence={sentence}
        changed={changed}
        isNew={false}
        selected={selected === sentence.id}
        decisions={given.decisionsOn(sentence)}
        check={checks[sentence.id]}
        onSelect={() => given.onSelect(sentence.id)}
        onEdit={() => given.onEditing(sentence.id)}
        onRemove={() => given.onDraft(removed(draft, sentence.id))}
        onRestore={() => given.onDraft(restored(draft, sentence.id))}
      />
    );
  }

  function addedOf(one: Added) {
    if (editing === one.key) {
      return editor(one.key, { sentence: null, saved: "", text: one.text }, (text) => withAdded(draft, { ...one, text }));
    }
    return (
      <SentenceLine
        sentence={{ id: one.key, text: one.text, author: { kind: "writer" } }}
        changed={undefined}
        isNew
        selected={selected === one.key}
        decisions={[]}
        check={checks[one.key]}
        onSelect={() => given.onSelect(one.key)}
        onEdit={() => given.onEditing(one.key)}
        onRemove={() => undefined}
        onRestore={() => given.onDraft(withAdded(draft, { ...one, text: "" }))}
      />
    );
  }

  return shown.map((heading) => {
    const section = there(heading);
    const beingAdded = editing === newKey(heading) && !draft.added.some(({ key }) => key === editing);
    return (
      <section key={heading} className="of-report" aria-label={words.desk.headings[heading]}>
        <h3>
          {words.desk.headings[heading]}
          {heading !== "addendum" && (
            <button type="button" className="small" aria-label={words.desk.addTo(words.desk.headings[heading])} title={words.desk.add} onClick={() => given.onAdd(heading)}>
              +
            </button>
          )}
        </h3>
        {section?.sentences.map((sentence) => <Fragment key={sentence.id}>{sentenceOf(sentence)}</Fragment>)}
        {draft.added
          .filter((one) => one.heading === heading)
          .map((one) => (
            <Fragment key={one.key}>{addedOf(one)}</Fragment>
          ))}
        {beingAdded &&
          editor(editing, { sentence: null, saved: "", text: "" }, (text) => withAdded(draft, { key: freshKey(), heading, text }))}
        {section !== undefined && section.struck.length > 0 && (
          <details className="note">
            <summary>{words.desk.refused(section.struck.length)}</summary>
            {section.struck.map((one, at) => (
              <p key={at}>
                <del>{one.text}</del> {one.reason}
              </p>
            ))}
          </details>
        )}
      </section>
    );
  });
}

/** What stands for the sentence that is being added to a section. */
export function newKey(heading: Heading): string {
  return `new-${heading}`;
}

let made = 0;
export const freshKey = () => `added-${(made += 1)}`;
