import { lazy, Suspense, useEffect, useState } from "react";

import { SIGNED_OUT } from "./dicom/web";
import { DecisionsPage } from "./decisions/decisions-page";
import { JobsPage } from "./jobs/jobs-page";
import { useWords } from "./language/language";
import { MacrosPage } from "./macros/macros-page";
import { parseRoute } from "./route";
import { ChangePassword } from "./session/change-password";
import { currentSession, type Session } from "./session/session";
import { SignIn } from "./session/sign-in";
import { TopBar } from "./top-bar";
import { ReadingList } from "./worklist/reading-list";
import { Worklist } from "./worklist/worklist";

const loadViewer = () => import("./viewer/viewer");
const Viewer = lazy(async () => ({ default: (await loadViewer()).Viewer }));

export function App() {
  const words = useWords();
  const [session, setSession] = useState<Session>();
  const [failed, setFailed] = useState(false);
  const [route, setRoute] = useState(() => parseRoute(window.location.hash));

  useEffect(() => {
    currentSession().then(setSession, () => setFailed(true));
    const moved = () => setRoute(parseRoute(window.location.hash));
    const ended = () => setSession({ state: "signed-out" });
    window.addEventListener("hashchange", moved);
    window.addEventListener(SIGNED_OUT, ended);
    // The viewer is large: it comes while the list is read.
    void loadViewer();
    return () => {
      window.removeEventListener("hashchange", moved);
      window.removeEventListener(SIGNED_OUT, ended);
    };
  }, []);

  if (failed) return <p role="alert">{words.unreachable}</p>;
  if (session === undefined) return <p className="waiting">{words.loading}</p>;
  if (session.state === "signed-out") return <SignIn onSignedIn={setSession} />;
  if (session.state === "signed-in" && session.mustChange) return <ChangePassword onChanged={setSession} />;
  if (route.at === "study" || route.at === "report") {
    const [beside, report] = route.at === "study" ? [route.beside, undefined] : [undefined, route.report];
    return (
      <Suspense fallback={<p className="waiting">{words.loading}</p>}>
        <Viewer key={route.study} study={route.study} beside={beside} report={report} session={session} />
      </Suspense>
    );
  }
  return (
    <>
      <TopBar session={session} at={route.at} onSignedOut={() => setSession({ state: "signed-out" })} />
      {route.at === "worklist" && <ReadingList />}
      {route.at === "studies" && <Worklist />}
      {route.at === "jobs" && <JobsPage />}
      {route.at === "decisions" && <DecisionsPage />}
      {route.at === "macros" && <MacrosPage />}
    </>
  );
}
