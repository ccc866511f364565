import { type SubmitEvent, useState } from "react";

import { Refused } from "../dicom/web";
import { useWords } from "../language/language";
import { type Session, signIn } from "./session";

export function SignIn({ onSignedIn }: { onSignedIn: (session: Session) => void }) {
  const words = useWords();
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [wrong, setWrong] = useState("");
  const [busy, setBusy] = useState(false);

  async function submit(event: SubmitEvent) {
    event.preventDefault();
    setBusy(true);
    setWrong("");
    try {
      onSignedIn(await signIn(name, password));
    } catch (error) {
      const refused = error instanceof Refused && [400, 401, 403].includes(error.status);
      const waits = error instanceof Refused && error.status === 429;
      setWrong(refused ? words.session.wrong : waits ? words.session.tooMany : words.unreachable);
      setPassword("");
    } finally {
      setBusy(false);
    }
  }

  return (
    <main className="sign-in">
      <form onSubmit={(event) => void submit(event)}>
        <h1>{words.session.title}</h1>
        <label>
          {words.session.name}
          <input required autoComplete="username" value={name} onChange={(event) => setName(event.target.value)} />
        </label>
        <label>
          {words.session.password}
          <input
            required
            type="password"
            autoComplete="current-password"
            value={password}
            onChange={(event) => setPassword(event.target.value)}
          />
        </label>
        {wrong !== "" && <p role="alert">{wrong}</p>}
        <button type="submit" className="primary" disabled={busy}>
          {words.session.signIn}
        </button>
        <p className="note">{words.research}</p>
      </form>
    </main>
  );
}
