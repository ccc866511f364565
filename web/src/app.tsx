import { lazy, Suspense, useEffect, useState } from "react";

import { AgreementPage } from "./annotate/agreement-page";
import { ProjectsPage } from "./annotate/projects-page";
import { SIGNED_OUT } from "./dicom/web";
import { ConsultationsPage } from "./consult/consult-page";
import { GuestLanding } from "./consult/guest-landing";
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

const AnnotateView = lazy(async () => ({ default: (await import("./annotate/annotate-view")).AnnotateView }));

export function App() {
  const words = useWords();
  const [session, setSession] = useState<Session>();
  const [failed, setFailed] = useState(false);
  const [route, setRoute] = useState(() => parseRoute(window.location.hash));
  // A link's secret, kept here alone once it has left the address.
  const [token, setToken] = useState(() => (route.at === "guest" ? route.token : ""));

  useEffect(() => {
    currentSession().then(setSession, () => setFailed(true));
    const moved = () => {
      const to = parseRoute(window.location.hash);
      if (to.at === "guest" && to.token !== "") setToken(to.token);
      setRoute(to);
    };
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

  if (route.at === "guest" && (route.token !== "" || token !== "")) {
    return (
      <GuestLanding
        token={route.token === "" ? token : route.token}
        session={session}
        onOpened={(opened) => {
          setToken("");
          setSession(opened);
          window.location.hash = "#/";
        }}
      />
    );
  }
  if (failed) return <p role="alert">{words.unreachable}</p>;
  if (session === undefined) return <p className="waiting">{words.loading}</p>;
  if (session.state === "signed-out") return <SignIn onSignedIn={setSession} />;
  if (session.state === "signed-in" && session.mustChange) return <ChangePassword onChanged={setSession} />;
  if (session.state === "signed-in" && session.guest) {
    const { study, consultation } = session.guest;
    return (
      <Suspense fallback={<p className="waiting">{words.loading}</p>}>
        <Viewer key={study} study={study} beside={undefined} report={undefined} consult={consultation} session={session} />
      </Suspense>
    );
  }
  if (route.at === "study" || route.at === "report") {
    const [beside, report] = route.at === "study" ? [route.beside, undefined] : [undefined, route.report];
    return (
      <Suspense fallback={<p className="waiting">{words.loading}</p>}>
        <Viewer key={route.study} study={route.study} beside={beside} report={report} consult={route.at === "study" ? route.consult : undefined} session={session} />
      </Suspense>
    );
  }
  if (route.at === "annotation" && route.view !== "agreement") {
    return (
      <Suspense fallback={<p className="waiting">{words.loading}</p>}>
        <AnnotateView key={`${route.project} ${route.view}`} project={route.project} view={route.view} item={route.item} />
      </Suspense>
    );
  }
  // Researchers see no readings: what they do comes first.
  const at = route.at === "worklist" && session.state === "signed-in" && session.role === "researcher" ? "annotations" : route.at;
  return (
    <>
      <TopBar session={session} at={at} onSignedOut={() => setSession({ state: "signed-out" })} />
      {at === "worklist" && <ReadingList />}
      {route.at === "studies" && <Worklist />}
      {route.at === "jobs" && <JobsPage />}
      {route.at === "consultations" && <ConsultationsPage />}
      {route.at === "decisions" && <DecisionsPage />}
      {route.at === "macros" && <MacrosPage />}
      {at === "annotations" && <ProjectsPage />}
      {route.at === "annotation" && <AgreementPage key={route.project} project={route.project} />}
    </>
  );
}
