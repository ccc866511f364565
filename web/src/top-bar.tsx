import { useLanguage, useWords } from "./language/language";
import { type Route, routeAddress } from "./route";
import { type Session, signOut } from "./session/session";

const PAGES = ["worklist", "studies", "annotations", "jobs", "consultations", "decisions", "macros"] as const;

interface Props {
  session: Session;
  at: Route["at"];
  onSignedOut: () => void;
}

export function TopBar({ session, at, onSignedOut }: Props) {
  const words = useWords();
  const { language, choose } = useLanguage();
  return (
    <header className="top">
      <a className="name" href="#/">
        Wilhelm
      </a>
      <nav className="pages-of" aria-label={words.nav.label}>
        {PAGES.map((page) => (
          <a key={page} href={routeAddress({ at: page })} aria-current={page === at || (page === "annotations" && at === "annotation") ? "page" : undefined}>
            {words.nav[page]}
          </a>
        ))}
      </nav>
      <span className="space" />
      <span className="note">{words.research}</span>
      <label>
        <span className="hidden">{words.language}</span>
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
        <span className="account">
          {session.role === "" ? session.name : `${session.name} (${session.role})`}
          <button type="button" onClick={() => void signOut().finally(onSignedOut)}>
            {words.session.signOut}
          </button>
        </span>
      )}
    </header>
  );
}
