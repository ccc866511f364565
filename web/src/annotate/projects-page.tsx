import { useState } from "react";

import { sentenceOf } from "../api/request";
import { useFresh } from "../api/use-fresh";
import { useWords } from "../language/language";
import { routeAddress } from "../route";
import { type Project, readProjects, setRanking, setState, trainingSetAddress, unlabeledAddress } from "./api";
import { MakeForm } from "./make-form";

const load = (signal: AbortSignal) => readProjects(signal);
const concerns = ({ what }: { what: string }) => what === "look";

/** The projects in which one has a part, with how far they are. */
export function ProjectsPage() {
  const words = useWords();
  const { value, error, again } = useFresh(load, concerns);
  const [making, setMaking] = useState(false);
  const [said, setSaid] = useState("");
  const [wrong, setWrong] = useState("");
  const fail = (refused: unknown) => setWrong(sentenceOf(refused, words.unreachable));
  const problem = wrong !== "" ? wrong : error === undefined ? "" : sentenceOf(error, words.unreachable);

  async function change(project: Project) {
    setWrong("");
    try {
      await setState(project.id, project.state === "open" ? "closed" : "open");
      again();
    } catch (refused) {
      fail(refused);
    }
  }

  async function rank(project: Project, file: File | undefined) {
    if (!file) return;
    setWrong("");
    try {
      setSaid(words.annotate.rankedItems(await setRanking(project.id, await file.text())));
      again();
    } catch (refused) {
      fail(refused);
    }
  }

  return (
    <main className="worklist">
      <h1>{words.annotate.title}</h1>
      <p className="note">{words.annotate.why}</p>
      {problem !== "" && <p role="alert">{problem}</p>}
      <p role="status" className={said === "" ? "hidden" : "note"}>
        {said}
      </p>
      {value?.may_make && (
        <button type="button" aria-expanded={making} onClick={() => setMaking(!making)}>
          {words.annotate.make}
        </button>
      )}
      {making && (
        <MakeForm
          onMade={(project) => {
            setMaking(false);
            setSaid(words.annotate.made(project.title, project.progress.items));
            again();
          }}
        />
      )}
      {value?.projects.length === 0 && <p>{words.annotate.none}</p>}
      <ul className="projects" data-testid="projects">
        {value?.projects.map((project) => (
          <li key={project.id}>
            <ProjectCard project={project} onState={() => void change(project)} onRanking={(file) => void rank(project, file)} />
          </li>
        ))}
      </ul>
    </main>
  );
}

interface CardProps {
  project: Project;
  onState: () => void;
  onRanking: (file: File | undefined) => void;
}

function ProjectCard({ project, onState, onRanking }: CardProps) {
  const words = useWords();
  const { progress, own, question } = project;
  const mine = progress.annotators.find(({ account }) => account === own.account);
  const total = (part: { open: number; started: number; done: number; skipped: number }) =>
    part.open + part.started + part.done + part.skipped;
  const asked =
    question.kind === "labels"
      ? words.annotate.askedLabels(question.labels.map(({ name }) => name).join(", "), question.multiple)
      : words.annotate.askedOutline(question.structures.map(({ name }) => name).join(", "));
  return (
    <article aria-label={project.title}>
      <h2>
        {project.title}
        {project.state === "closed" && <span className="note"> {words.annotate.closed}</span>}
      </h2>
      <p className="note">
        {asked} · {words.annotate.orders[project.order]}
        {project.blinded && ` · ${words.annotate.blinded}`}
      </p>
      <p>
        {words.annotate.progressOf(progress.answered, progress.items, progress.decided)}
        {progress.gone > 0 && ` ${words.annotate.gone(progress.gone)}`}
      </p>
      <ul className="people">
        {progress.annotators.map((part) => (
          <li key={part.account}>
            <span>{part.account}</span>
            <progress max={Math.max(1, total(part))} value={part.done + part.skipped} aria-label={words.annotate.progressBy(part.account)} />
            <span className="note">
              {part.done + part.skipped}/{total(part)}
              {part.skipped > 0 && ` (${words.annotate.skippedCount(part.skipped)})`}
            </span>
          </li>
        ))}
      </ul>
      <div className="choices">
        {own.annotates && (
          <a className="button primary" href={routeAddress({ at: "annotation", project: project.id, view: "items" })}>
            {mine && mine.open + mine.started > 0 ? words.annotate.annotate : words.annotate.lookAgain}
          </a>
        )}
        {(own.adjudicates || own.manages) && (
          <a className="button" href={routeAddress({ at: "annotation", project: project.id, view: "agreement" })}>
            {words.annotate.agreement}
          </a>
        )}
        {own.adjudicates && (
          <a className="button" href={routeAddress({ at: "annotation", project: project.id, view: "decide" })}>
            {words.annotate.decide}
          </a>
        )}
        {own.manages && (
          <>
            <a className="button" href={trainingSetAddress(project.id)} download>
              {words.annotate.trainingSet}
            </a>
            <a className="button" href={unlabeledAddress(project.id)} download>
              {words.annotate.unlabeled}
            </a>
            <label className="button file">
              {words.annotate.ranking}
              <input
                type="file"
                accept=".csv,text/csv"
                onChange={(event) => {
                  onRanking(event.target.files?.[0]);
                  event.target.value = "";
                }}
              />
            </label>
            <button type="button" onClick={onState}>
              {project.state === "open" ? words.annotate.close : words.annotate.open}
            </button>
          </>
        )}
      </div>
    </article>
  );
}
