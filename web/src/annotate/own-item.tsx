import { useCallback, useEffect, useRef, useState } from "react";

import { Conflicted, sentenceOf } from "../api/request";
import { useWords } from "../language/language";
import { routeAddress } from "../route";
import { type Given, type Item, type Project, readItem, readTasks, sendAnswer, start, type Task } from "./api";
import { AnswerForm } from "./answer-form";
import { colorOf } from "./colors";
import { answerOf, chosen, type Draft, draftOf, isWhole, nextWaiting } from "./draft";
import { type FramePlace, ItemPane } from "./item-pane";
import type { Act } from "./keys";
import { KeyList } from "./key-list";
import { added, contour, type Point, removed } from "./outlines";
import { SkipForm } from "./skip-form";
import { useActs } from "./use-acts";

interface Props {
  project: Project;
  item: number | undefined;
  onGo: (item: number) => void;
}

/** One's own items, one by one. */
export function OwnItem({ project, item, onGo }: Props) {
  const words = useWords();
  const [tasks, setTasks] = useState<Task[]>();
  const [shown, setShown] = useState<{ item: Item; etag: string }>();
  const [draft, setDraft] = useState<Draft>(draftOf(null));
  const [structure, setStructure] = useState(0);
  const [drawing, setDrawing] = useState(project.question.kind === "outline");
  const [frame, setFrame] = useState<FramePlace>();
  const [skipping, setSkipping] = useState(false);
  const [said, setSaid] = useState("");
  const [wrong, setWrong] = useState("");
  // What was begun of other items stays while the page is open.
  const kept = useRef(new Map<number, Draft>());

  const look = useCallback(
    () => readTasks(project.id).then(setTasks, (error: unknown) => setWrong(sentenceOf(error, words.unreachable))),
    [project.id, words],
  );
  useEffect(() => {
    void look();
  }, [look]);

  const current = item ?? (tasks && (nextWaiting(tasks, undefined) ?? tasks[0]?.item));
  useEffect(() => {
    if (current === undefined) return undefined;
    const ended = new AbortController();
    readItem(project.id, current, ended.signal).then(
      ({ value, etag }) => {
        setShown({ item: value, etag });
        setDraft(kept.current.get(current) ?? draftOf(value.answer));
        setSkipping(false);
        setWrong("");
        if (value.state === "open" && project.state === "open") void start(project.id, current);
      },
      (error: unknown) => {
        if (!ended.signal.aborted) setWrong(sentenceOf(error, words.unreachable));
      },
    );
    return () => ended.abort();
  }, [project, current, words]);

  const change = (next: Draft) => {
    setDraft(next);
    setSaid("");
    if (current !== undefined) kept.current.set(current, next);
  };

  async function send(given: Given) {
    if (!shown || current === undefined) return;
    setWrong("");
    try {
      await sendAnswer(project.id, current, shown.etag, given);
      kept.current.delete(current);
      setSaid(words.annotate.saved(current));
      const now = await readTasks(project.id);
      setTasks(now);
      const next = nextWaiting(now, current);
      if (next !== undefined) {
        onGo(next);
        return;
      }
      setSaid(words.annotate.allDone);
      const { value, etag } = await readItem(project.id, current);
      setShown({ item: value, etag });
      setDraft(draftOf(value.answer));
      setSkipping(false);
    } catch (error) {
      setWrong(error instanceof Conflicted ? words.annotate.elsewhere : sentenceOf(error, words.unreachable));
    }
  }

  const save = () => {
    if (project.state !== "open") return;
    if (isWhole(project.question, draft)) void send({ answer: answerOf(project.question, draft) });
    else setWrong(words.annotate.chooseFirst);
  };

  const question = project.question;
  const place = (key: string) => ({ image: frame?.image ?? 1, frame: frame?.frame ?? 1, structure: key });
  const drawn = (points: Point[]) => {
    const key = question.kind === "outline" ? question.structures[structure]?.key : undefined;
    const line = frame && contour(points, frame);
    if (line && key !== undefined) {
      change({ ...draft, outlines: added(draft.outlines, place(key), line), changed: true });
    }
  };

  const move = (by: 1 | -1) => {
    const at = tasks?.findIndex((task) => task.item === current) ?? -1;
    const next = tasks?.[at + by]?.item;
    if (next !== undefined) onGo(next);
  };

  const run = (given: Act) => {
    switch (given.do) {
      case "choose": {
        if (question.kind === "outline") {
          if (given.at < question.structures.length) setStructure(given.at);
          break;
        }
        const label = question.labels[given.at];
        if (label) change(chosen(draft, label.key, question.multiple));
        break;
      }
      case "save":
        save();
        break;
      case "next":
        move(1);
        break;
      case "previous":
        move(-1);
        break;
      case "draw":
        if (question.kind === "outline") setDrawing(!drawing);
        break;
      case "undo": {
        const here = draft.outlines.filter((one) => one.image === frame?.image && one.frame === frame.frame);
        const last = here[here.length - 1];
        if (last) {
          const outlines = removed(draft.outlines, last, (last.contours?.length ?? 1) - 1);
          change({ ...draft, outlines, changed: true });
        }
        break;
      }
      case "skip":
        setSkipping(true);
        break;
      case "leave":
        window.location.hash = routeAddress({ at: "annotations" });
        break;
    }
  };
  useActs(run);

  const done = tasks?.filter(({ state }) => state === "done" || state === "skipped").length ?? 0;
  const task = tasks?.find((one) => one.item === current);
  const there = shown?.item.item === current ? shown : undefined;
  const color = (key: string) =>
    colorOf(question.kind === "outline" ? question.structures.findIndex((one) => one.key === key) : 0);
  const pen = question.kind === "outline" && drawing ? colorOf(structure) : undefined;
  return (
    <>
      <main className="panes">
        {current !== undefined && there && (
          <ItemPane
            project={project.id}
            item={current}
            label={words.annotate.item(current)}
            layers={[{ key: "own", outlines: draft.outlines, dashed: false, name: words.annotate.own, color }]}
            pen={pen}
            onFrame={setFrame}
            onDrawn={drawn}
          />
        )}
        {tasks?.length === 0 && <p className="over">{words.annotate.nothing}</p>}
      </main>
      <aside className="side right" aria-label={words.annotate.answer}>
        <p className="progress-of" data-testid="progress">
          {words.annotate.doneOf(done, tasks?.length ?? 0)}
          <progress max={tasks?.length ?? 1} value={done} aria-label={words.annotate.progress} />
        </p>
        {task && (
          <p className="note" data-testid="task">
            {words.annotate.item(task.item)}: {words.annotate.states[task.state]}
            {task.score !== null && `, ${words.annotate.score} ${task.score.toFixed(3)}`}
            {task.reason !== "" && ` (${task.reason})`}
          </p>
        )}
        {project.instructions !== undefined && project.instructions !== "" && (
          <details open>
            <summary>{words.annotate.instructions}</summary>
            <p className="instructions">{project.instructions}</p>
          </details>
        )}
        {there && (
          <form
            onSubmit={(event) => {
              event.preventDefault();
              save();
            }}
          >
            {there.item.answer?.skipped && <p className="note">{words.annotate.wasSkipped(there.item.answer.skipped)}</p>}
            <AnswerForm
              question={question}
              draft={draft}
              onChange={change}
              structure={structure}
              onStructure={setStructure}
              drawing={drawing}
              onDrawing={setDrawing}
              frame={frame}
            />
            {draft.changed && <p className="note">{words.annotate.unsaved}</p>}
            <div className="choices">
              <button type="submit" className="primary" disabled={project.state !== "open"}>
                {words.annotate.save} <kbd>Enter</kbd>
              </button>
              <button type="button" onClick={() => setSkipping(!skipping)} aria-expanded={skipping} disabled={project.state !== "open"}>
                {words.annotate.skip} <kbd>U</kbd>
              </button>
            </div>
          </form>
        )}
        {there && skipping && <SkipForm why={words.annotate.skipWhy} onSkip={(skipped) => void send({ skipped })} />}
        {there?.item.study && (
          <p>
            <a href={routeAddress({ at: "study", study: there.item.study.study })}>{words.annotate.openStudy}</a>
          </p>
        )}
        {wrong !== "" && <p role="alert">{wrong}</p>}
        <p role="status">{said}</p>
        <KeyList outline={question.kind === "outline"} />
      </aside>
    </>
  );
}
