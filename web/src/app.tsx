import { lazy, Suspense, useEffect, useState } from "react";

import { SIGNED_OUT } from "./dicom/web";
import { useWords } from "./language/language";
import { parseRoute } from "./route";
import { ChangePassword } from "./session/change-password";
import { currentSession, type Session } from "./session/session";
import { SignIn } from "./session/sign-in";
import { TopBar } from "./top-bar";
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
  if (route.at === "study") {
    return (
      <Suspense fallback={<p className="waiting">{words.loading}</p>}>
        <Viewer key={route.study} study={route.study} beside={route.beside} />
      </Suspense>
    );
  }
  return (
    <>
      <TopBar session={session} onSignedOut={() => setSession({ state: "signed-out" })} />
      <Worklist />
    </>
  );
}
