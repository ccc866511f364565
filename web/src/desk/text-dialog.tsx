import { type SubmitEvent, useState } from "react";

import { Dialog } from "../dialog";
import { useWords } from "../language/language";

interface Props {
  title: string;
  why: string;
  /** The names of the fields, each of which has to be filled. */
  fields: readonly { name: string; rows: number }[];
  action: string;
  onDone: (values: string[]) => void;
  onClose: () => void;
}

/** Asks for one or more texts: a reason, an addendum. */
export function TextDialog({ title, why, fields, action, onDone, onClose }: Props) {
  const words = useWords();
  const [values, setValues] = useState<string[]>(() => fields.map(() => ""));
  const filled = values.every((value) => value.trim() !== "");
  function submit(event: SubmitEvent) {
    event.preventDefault();
    if (filled) onDone(values.map((value) => value.trim()));
  }
  return (
    <Dialog title={title} onClose={onClose}>
      <form onSubmit={submit}>
        <p>{why}</p>
        {fields.map(({ name, rows }, at) => (
          <label key={name} className="stacked">
            {name}
            <textarea
              required
              rows={rows}
              value={values[at]}
              onChange={(event) => setValues(values.map((value, one) => (one === at ? event.target.value : value)))}
            />
          </label>
        ))}
        <div className="choices">
          <button type="submit" className="primary" disabled={!filled}>
            {action}
          </button>
          <button type="button" onClick={onClose}>
            {words.desk.cancel}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
