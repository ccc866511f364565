import { type SubmitEvent, useEffect, useState } from "react";

import { sentenceOf } from "../api/request";
import { readTemplates, type Template, type TemplateItem } from "../api/templates";
import { Dialog } from "../dialog";
import { useWords } from "../language/language";
import { type Answers, likely, nameOf, sentencesOf } from "./template-entry";

interface Props {
  modality: string;
  bodyPart: string;
  /** Sentences for the findings, which are the person's own. */
  onDone: (sentences: string[]) => void;
  onClose: () => void;
}

/** Structured entry: what a report of this type of study goes through, each answer a sentence of the draft. */
export function TemplateDialog({ modality, bodyPart, onDone, onClose }: Props) {
  const words = useWords();
  const [templates, setTemplates] = useState<Template[]>();
  const [chosen, setChosen] = useState("");
  const [answers, setAnswers] = useState<Answers>({});
  const [wrong, setWrong] = useState("");
  const unreachable = words.unreachable;

  useEffect(() => {
    const ended = new AbortController();
    readTemplates(ended.signal).then(setTemplates, (error: unknown) => {
      if (!ended.signal.aborted) setWrong(sentenceOf(error, unreachable));
    });
    return () => ended.abort();
  }, [unreachable]);

  const template = templates?.find((one) => one.id === chosen) ?? likely(templates ?? [], modality, bodyPart);
  const sentences = template ? sentencesOf(template, answers) : [];
  const set = (key: string, given: { value?: string; words?: string }) =>
    setAnswers((now) => ({ ...now, [key]: { value: "", ...now[key], ...given } }));

  function submit(event: SubmitEvent) {
    event.preventDefault();
    if (sentences.length > 0) onDone(sentences);
  }

  return (
    <Dialog title={words.template.title} onClose={onClose} wide>
      <form onSubmit={submit} className="template" data-testid="template">
        <p className="note">{words.template.why}</p>
        {wrong !== "" && <p role="alert">{wrong}</p>}
        {template && (
          <label className="inline">
            {words.template.choose}
            <select
              value={template.id}
              onChange={(event) => {
                setChosen(event.target.value);
                setAnswers({});
              }}
            >
              {templates?.map((one) => (
                <option key={one.id} value={one.id}>
                  {one.title}
                </option>
              ))}
            </select>
          </label>
        )}
        {template?.section.map((section) => (
          <fieldset key={section.title}>
            <legend>{section.title}</legend>
            {section.item.map((item) => (
              <Item key={item.key} item={item} value={answers[item.key]?.value ?? ""} more={answers[item.key]?.words ?? ""} onChange={(given) => set(item.key, given)} />
            ))}
          </fieldset>
        ))}
        <div className="choices">
          <button type="submit" className="primary" disabled={sentences.length === 0}>
            {words.template.insert(sentences.length)}
          </button>
          <button type="button" onClick={onClose}>
            {words.desk.cancel}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

interface ItemProps {
  item: TemplateItem;
  value: string;
  more: string;
  onChange: (given: { value?: string; words?: string }) => void;
}

function Item({ item, value, more, onChange }: ItemProps) {
  const words = useWords().template;
  const name = nameOf(item);
  const options = item.kind === "finding" ? (["present", "absent"] as const).map((one) => ({ one, shown: words[one] })) : (item.values ?? []).map((one) => ({ one, shown: one }));
  return (
    <p className="asked">
      <span title={item.asks}>{name}</span>
      {options.length > 0 ? (
        <select aria-label={name} value={value} onChange={(event) => onChange({ value: event.target.value })}>
          <option value="">-</option>
          {options.map(({ one, shown }) => (
            <option key={one} value={one}>
              {shown}
            </option>
          ))}
        </select>
      ) : (
        <input
          type="text"
          aria-label={name}
          inputMode={item.kind === "measurement" ? "decimal" : "text"}
          maxLength={item.kind === "measurement" ? 20 : 500}
          value={value}
          onChange={(event) => onChange({ value: event.target.value })}
        />
      )}
      {item.kind === "finding" && (
        <input
          type="text"
          aria-label={words.more(name)}
          placeholder={item.asks.split(":")[1]?.trim()}
          maxLength={500}
          value={more}
          onChange={(event) => onChange({ words: event.target.value })}
        />
      )}
      {item.unit}
    </p>
  );
}
