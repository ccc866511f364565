import { useId, useState } from "react";

import { type GuestRole, invite } from "../api/consult";
import { sentenceOf } from "../api/request";
import { Dialog } from "../dialog";
import { useWords } from "../language/language";

const HOURS = [4, 24, 48, 7 * 24, 30 * 24] as const;
const OPENS = [1, 3, 10] as const;
const ROLES: readonly GuestRole[] = ["viewer", "second-reader"];

interface Props {
  study: string;
  onMade: () => void;
  onClose: () => void;
}

/** What a colleague is asked, and the link that opens the study for them. */
export function InviteDialog({ study, onMade, onClose }: Props) {
  const words = useWords();
  const id = useId();
  const [question, setQuestion] = useState("");
  const [role, setRole] = useState<GuestRole>("second-reader");
  const [hours, setHours] = useState(48);
  const [opens, setOpens] = useState(3);
  const [hides, setHides] = useState(false);
  const [shows, setShows] = useState(false);
  const [link, setLink] = useState<string>();
  const [said, setSaid] = useState("");
  const [wrong, setWrong] = useState("");

  async function make() {
    setWrong("");
    try {
      const asked = { question, role, hours, opens, hides_patient: hides, shows_reports: shows && !hides };
      const made = await invite(study, asked);
      setLink(`${window.location.origin}${made.link}`);
      onMade();
    } catch (error) {
      setWrong(sentenceOf(error, words.unreachable));
    }
  }

  async function copy() {
    if (link === undefined) return;
    try {
      await navigator.clipboard.writeText(link);
      setSaid(words.consult.copied);
    } catch {
      // Without a clipboard the link is chosen, to be copied by hand.
      document.querySelector<HTMLInputElement>(`[id="${id}-link"]`)?.select();
    }
  }

  if (link !== undefined) {
    return (
      <Dialog title={words.consult.link} onClose={onClose}>
        <label htmlFor={`${id}-link`} className="hidden">
          {words.consult.link}
        </label>
        <input id={`${id}-link`} className="link" readOnly value={link} onFocus={(event) => event.target.select()} data-testid="link" />
        <p>{words.consult.linkOnce}</p>
        <p role="status">{said}</p>
        <div className="choices">
          <button type="button" className="primary" onClick={() => void copy()}>
            {words.consult.copy}
          </button>
          <button type="button" onClick={onClose}>
            {words.close}
          </button>
        </div>
      </Dialog>
    );
  }
  return (
    <Dialog title={words.consult.inviteTitle} onClose={onClose}>
      <form
        className="asking"
        onSubmit={(event) => {
          event.preventDefault();
          void make();
        }}
      >
        <p className="note">{words.consult.inviteWhy}</p>
        <label>
          {words.consult.question}
          <textarea rows={3} required maxLength={4000} value={question} onChange={(event) => setQuestion(event.target.value)} />
        </label>
        <fieldset>
          <legend>{words.consult.role}</legend>
          {ROLES.map((one) => (
            <label key={one} className="check">
              <input type="radio" name={`${id}-role`} checked={role === one} onChange={() => setRole(one)} />
              {words.consult.roles[one]}
            </label>
          ))}
        </fieldset>
        <div className="choices">
          <label>
            {words.consult.hours}
            <select value={hours} onChange={(event) => setHours(Number(event.target.value))}>
              {HOURS.map((one) => (
                <option key={one} value={one}>
                  {words.consult.hoursOf(one)}
                </option>
              ))}
            </select>
          </label>
          <label>
            {words.consult.opens}
            <select value={opens} onChange={(event) => setOpens(Number(event.target.value))}>
              {OPENS.map((one) => (
                <option key={one} value={one}>
                  {words.consult.opensOf(one)}
                </option>
              ))}
            </select>
          </label>
        </div>
        <label className="check">
          <input type="checkbox" checked={hides} onChange={(event) => setHides(event.target.checked)} />
          {words.consult.hidesPatient}
        </label>
        <label className="check">
          <input type="checkbox" checked={shows && !hides} disabled={hides} onChange={(event) => setShows(event.target.checked)} />
          {words.consult.showsReports}
        </label>
        {wrong !== "" && <p role="alert">{wrong}</p>}
        <div className="choices">
          <button type="submit" className="primary">
            {words.consult.make}
          </button>
          <button type="button" onClick={onClose}>
            {words.desk.cancel}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
