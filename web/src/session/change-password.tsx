import { type SubmitEvent, useState } from "react";

import { Refused } from "../dicom/web";
import { useWords } from "../language/language";
import { changePassword, currentSession, type Session } from "./session";

/** What a person sees who signed in with a password that was made for them. */
export function ChangePassword({ onChanged }: { onChanged: (session: Session) => void }) {
  const words = useWords();
  const [old, setOld] = useState("");
  const [next, setNext] = useState("");
  const [again, setAgain] = useState("");
  const [wrong, setWrong] = useState("");
  const [busy, setBusy] = useState(false);

  async function submit(event: SubmitEvent) {
    event.preventDefault();
    if (next !== again) {
      setWrong(words.session.unequal);
      return;
    }
    setBusy(true);
    setWrong("");
    try {
      await changePassword(old, next);
      onChanged(await currentSession());
    } catch (error) {
      setWrong(error instanceof Refused ? `${words.session.refused}: ${error.message}` : words.unreachable);
    } finally {
      setBusy(false);
    }
  }

  const field = (label: string, value: string, set: (value: string) => void, kind: string) => (
    <label>
      {label}
      <input required type="password" autoComplete={kind} value={value} onChange={(event) => set(event.target.value)} />
    </label>
  );

  return (
    <main className="sign-in">
      <form onSubmit={(event) => void submit(event)}>
        <h1>{words.session.change}</h1>
        <p className="note">{words.session.changeWhy}</p>
        {field(words.session.password, old, setOld, "current-password")}
        {field(words.session.newPassword, next, setNext, "new-password")}
        {field(words.session.newAgain, again, setAgain, "new-password")}
        {wrong !== "" && <p role="alert">{wrong}</p>}
        <button type="submit" className="primary" disabled={busy}>
          {words.session.save}
        </button>
      </form>
    </main>
  );
}
