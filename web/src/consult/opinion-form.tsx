import { useId, useState } from "react";

import { type Agreement, type Anchor, giveOpinion, type Thread } from "../api/consult";
import { sentenceOf } from "../api/request";
import { useWords } from "../language/language";

const AGREEMENTS: readonly Agreement[] = ["agrees", "differs", "adds"];

interface Props {
  thread: Thread;
  /** The image that is shown, which the opinion points at where it is wished. */
  shown: () => Anchor | undefined;
  onGiven: () => void;
}

export function OpinionForm({ thread, shown, onGiven }: Props) {
  const words = useWords();
  const id = useId();
  const [agreement, setAgreement] = useState<Agreement>("agrees");
  const [report, setReport] = useState(thread.reports[0]?.id ?? "");
  const [text, setText] = useState("");
  const [pointed, setPointed] = useState(false);
  const [said, setSaid] = useState("");
  const [wrong, setWrong] = useState("");

  async function give() {
    setWrong("");
    setSaid("");
    const about = thread.reports.find((one) => one.id === report);
    const image = pointed ? shown() : undefined;
    try {
      const given = await giveOpinion(thread.id, {
        agreement,
        text,
        ...(about ? { report: { id: about.id, version: about.version } } : {}),
        ...(image ? { image: { instance: image.instance, frame: image.frame } } : {}),
      });
      setText("");
      setSaid(given.in_study ? words.consult.given : `${words.consult.given} ${words.consult.notInStudy}`);
      onGiven();
    } catch (error) {
      setWrong(sentenceOf(error, words.unreachable));
    }
  }

  return (
    <form
      className="asking"
      data-testid="opinion-form"
      onSubmit={(event) => {
        event.preventDefault();
        void give();
      }}
    >
      <h3>{words.consult.opinion}</h3>
      <p className="note">{words.consult.opinionWhy}</p>
      {thread.reports.length > 0 && (
        <label>
          {words.consult.aboutReport}
          <select value={report} onChange={(event) => setReport(event.target.value)}>
            {thread.reports.map((one) => (
              <option key={one.id} value={one.id}>
                {words.consult.reportOf(one.title, one.version)}
              </option>
            ))}
            <option value="">{words.consult.noReport}</option>
          </select>
        </label>
      )}
      <fieldset>
        <legend>{words.consult.agreement}</legend>
        {AGREEMENTS.map((one) => (
          <label key={one} className="check">
            <input type="radio" name={`${id}-agreement`} checked={agreement === one} onChange={() => setAgreement(one)} />
            {words.consult.agreements[one]}
          </label>
        ))}
      </fieldset>
      <label>
        {words.consult.opinion}
        <textarea rows={4} required maxLength={20000} value={text} onChange={(event) => setText(event.target.value)} />
      </label>
      <label className="check">
        <input type="checkbox" checked={pointed} onChange={(event) => setPointed(event.target.checked)} />
        {words.consult.point}
      </label>
      {wrong !== "" && <p role="alert">{wrong}</p>}
      <p role="status">{said}</p>
      <button type="submit">{words.consult.give}</button>
    </form>
  );
}
