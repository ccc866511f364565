import { useCallback, useEffect, useState } from "react";

import { sentenceOf } from "../api/request";
import { useWords } from "../language/language";
import { routeAddress } from "../route";
import * as act from "../viewer/commands";
import { choose, engine } from "../viewer/engine";
import { readProject, type Project } from "./api";
import { DecideItem } from "./decide-item";
import { OwnItem } from "./own-item";

void engine();

interface Props {
  project: string;
  view: "items" | "agreement" | "decide";
  item: number | undefined;
}

/** Items of a project one by one: to answer, or to decide where answers differ. */
export function AnnotateView({ project: id, view, item }: Props) {
  const words = useWords();
  const [project, setProject] = useState<Project>();
  const [wrong, setWrong] = useState("");

  useEffect(() => {
    const ended = new AbortController();
    readProject(id, ended.signal).then(setProject, (error: unknown) => {
      if (!ended.signal.aborted) setWrong(sentenceOf(error, words.unreachable));
    });
    choose("stack", "windowLevel");
    return () => ended.abort();
  }, [id, words]);
  useEffect(() => act.leave, []);

  const go = useCallback(
    (to: number) => {
      window.location.hash = routeAddress({ at: "annotation", project: id, view, item: to });
    },
    [id, view],
  );

  return (
    <div className="viewer annotating">
      <header className="bar">
        <a href={routeAddress({ at: "annotations" })}>← {words.annotate.back}</a>
        <h1>{project?.title ?? ""}</h1>
        {project?.state === "closed" && <span className="note">{words.annotate.closed}</span>}
        <span className="space" />
        <span className="note research">{words.research}</span>
      </header>
      {wrong !== "" && <p role="alert">{wrong}</p>}
      {project && view === "items" && <OwnItem project={project} item={item} onGo={go} />}
      {project && view === "decide" && <DecideItem project={project} item={item} onGo={go} />}
    </div>
  );
}
