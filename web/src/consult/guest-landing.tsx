import { useEffect, useState } from "react";

import { sentenceOf } from "../api/request";
import { Refused } from "../dicom/web";
import { useLanguage, useWords } from "../language/language";
import { openLink, type Session } from "../session/session";

interface Props {
  token: string;
  session: Session | undefined;
  onOpened: (session: Session) => void;
}

/** Where a link leads: whoever has it says a name, and the study opens. */
export function GuestLanding({ token, session, onOpened }: Props) {
  const words = useWords();
  const { language, choose } = useLanguage();
  const [name, setName] = useState("");
  const [wrong, setWrong] = useState("");

  useEffect(() => {
    // The secret leaves the address bar and the history at once.
    window.history.replaceState(null, "", "#/consult");
  }, []);

  async function open() {
    setWrong("");
    try {
      onOpened(await openLink(token, name));
    } catch (error) {
      const busy = error instanceof Refused && error.status === 429;
      setWrong(busy ? words.consult.tooMany : sentenceOf(error, words.unreachable));
    }
  }

  return (
    <main className="sign-in" data-testid="landing">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void open();
        }}
      >
        <h1>{words.consult.welcome}</h1>
        <p className="note">{words.consult.welcomeWhy}</p>
        {session?.state === "signed-in" && <p role="note">{words.consult.replaces(session.name)}</p>}
        <label>
          {words.consult.name}
          <input required maxLength={60} autoComplete="name" value={name} onChange={(event) => setName(event.target.value)} />
        </label>
        {wrong !== "" && <p role="alert">{wrong}</p>}
        <button type="submit" className="primary">
          {words.consult.openLink}
        </button>
        <label>
          {words.language}
          <select value={language} onChange={(event) => choose(event.target.value === "zh" ? "zh" : "en")}>
            <option value="en" lang="en">
              English
            </option>
            <option value="zh" lang="zh-Hans">
              中文
            </option>
          </select>
        </label>
        <p className="note">{words.research}</p>
      </form>
    </main>
  );
}
