import { useLanguage, useWords } from "./language/language";
import { type Session, signOut } from "./session/session";

export function TopBar({ session, onSignedOut }: { session: Session; onSignedOut: () => void }) {
  const words = useWords();
  const { language, choose } = useLanguage();
  return (
    <header className="top">
      <a className="name" href="#/">
        Wilhelm
      </a>
      <span className="note">{words.research}</span>
      <span className="space" />
      <label className="inline">
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
      {session.state === "signed-in" && (
        <>
          <span>{session.role === "" ? session.name : `${session.name} (${session.role})`}</span>
          <button type="button" onClick={() => void signOut().finally(onSignedOut)}>
            {words.session.signOut}
          </button>
        </>
      )}
    </header>
  );
}
