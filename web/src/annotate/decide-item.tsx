import { useCallback, useEffect, useState } from "react";

import { Conflicted, sentenceOf } from "../api/request";
import { useWords } from "../language/language";
import { routeAddress } from "../route";
import {
  type Agreement,
  type Answers,
  type Decided,
  type Project,
  readAgreement,
  readAnswers,
  sendFinal,
  type Version,
} from "./api";
import { AnswerForm } from "./answer-form";
import { colorOf } from "./colors";
import { answerOf, chosen, type Draft, draftOf, isWhole } from "./draft";
import { type FramePlace, ItemPane, type Layer } from "./item-pane";
import { KeyList } from "./key-list";
import type { Act } from "./keys";
import { added, contour, type Point } from "./outlines";
import { SkipForm } from "./skip-form";
import { toDecide } from "./to-decide";
import { useActs } from "./use-acts";

interface Props {
  project: Project;
  item: number | undefined;
  onGo: (item: number) => void;
}

/** Items on which people do not agree, one by one, with what each said. */
export function DecideItem({ project, item, onGo }: Props) {
  const words = useWords();
  const { question } = project;
  const [agreement, setAgreement] = useState<Agreement>();
  const [shown, setShown] = useState<{ value: Answers; etag: string }>();
  const [draft, setDraft] = useState<Draft>(draftOf(null));
  const [structure, setStructure] = useState(0);
  const [drawing, setDrawing] = useState(false);
  const [frame, setFrame] = useState<FramePlace>();
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [skipping, setSkipping] = useState(false);
  const [said, setSaid] = useState("");
  const [wrong, setWrong] = useState("");
  const fail = useCallback((error: unknown) => setWrong(sentenceOf(error, words.unreachable)), [words]);

  useEffect(() => {
    readAgreement(project.id).then(setAgreement, fail);
  }, [project.id, fail]);

  const order = agreement ? toDecide(agreement) : [];
  const current = item ?? order.find(({ waits }) => waits)?.item ?? order[0]?.item;

  useEffect(() => {
    if (current === undefined) return undefined;
    const ended = new AbortController();
    readAnswers(project.id, current, ended.signal).then(
      (found) => {
        setShown(found);
        setDraft(draftOf(found.value.final));
        setSkipping(false);
        setWrong("");
      },
      (error: unknown) => {
        if (!ended.signal.aborted) fail(error);
      },
    );
    return () => ended.abort();
  }, [project.id, current, fail]);

  async function send(decided: Decided) {
    if (!shown || current === undefined) return;
    setWrong("");
    try {
      await sendFinal(project.id, current, shown.etag, decided);
      setSaid(words.annotate.decidedItem(current));
      const now = await readAgreement(project.id);
      setAgreement(now);
      const next = toDecide(now).find(({ waits }) => waits);
      if (next && next.item !== current) onGo(next.item);
      else {
        const found = await readAnswers(project.id, current);
        setShown(found);
        setDraft(draftOf(found.value.final));
        setSaid(words.annotate.allDecided);
      }
    } catch (error) {
      if (error instanceof Conflicted) setWrong(words.annotate.elsewhere);
      else fail(error);
    }
  }

  const save = () => {
    if (isWhole(question, draft)) void send({ answer: answerOf(question, draft) });
    else setWrong(words.annotate.chooseFirst);
  };
  const change = (next: Draft) => {
    setDraft(next);
    setSaid("");
  };
  const run = (given: Act) => {
    const at = order.findIndex((one) => one.item === current);
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
      case "previous": {
        const to = order[at + (given.do === "next" ? 1 : -1)];
        if (to) onGo(to.item);
        break;
      }
      case "draw":
        if (question.kind === "outline") setDrawing(!drawing);
        break;
      case "skip":
        setSkipping(true);
        break;
      case "leave":
        window.location.hash = routeAddress({ at: "annotation", project: project.id, view: "agreement" });
        break;
      case "undo":
        break;
    }
  };
  useActs(run);

  const drawn = (points: Point[]) => {
    const key = question.kind === "outline" ? question.structures[structure]?.key : undefined;
    const line = frame && contour(points, frame);
    if (!line || key === undefined) return;
    const place = { image: frame.image, frame: frame.frame, structure: key };
    change({ ...draft, outlines: added(draft.outlines, place, line), changed: true });
  };

  const there = shown?.value.item === current ? shown : undefined;
  const people = there?.value.answers ?? [];
  const layers: Layer[] = [
    ...people.map(({ account, answer }, at) => ({
      key: account,
      outlines: hidden.has(account) ? [] : (answer?.answer?.outlines ?? []),
      dashed: true,
      name: account,
      color: () => colorOf(at + 1),
    })),
    { key: "own", outlines: draft.outlines, dashed: false, name: words.annotate.final, color: () => colorOf(0) },
  ];
  const share = order.find((one) => one.item === current)?.share;
  const open = order.filter(({ waits }) => waits).length;
  return (
    <>
      <main className="panes">
        {current !== undefined && there && (
          <ItemPane
            project={project.id}
            item={current}
            label={words.annotate.item(current)}
            layers={layers}
            pen={question.kind === "outline" && drawing ? colorOf(0) : undefined}
            onFrame={setFrame}
            onDrawn={drawn}
          />
        )}
        {agreement && order.length === 0 && <p className="over">{words.annotate.nothingToDecide}</p>}
      </main>
      <aside className="side right" aria-label={words.annotate.decide}>
        <p className="note" data-testid="progress">{words.annotate.toDecide(open, order.length)}</p>
        {there && (
          <>
            <h2>
              {words.annotate.item(there.value.item)}
              {share !== undefined && ` (${words.annotate.agreeing(share, question.kind)})`}
            </h2>
            <ul className="said" data-testid="said" aria-label={words.annotate.answersOf}>
              {people.map(({ account, answer, state }, at) => (
                <li key={account}>
                  <span className="swatch" style={{ background: colorOf(at + 1) }} />
                  <strong>{account}</strong>
                  <span>{answer ? <Told version={answer} project={project} /> : words.annotate.states[state]}</span>
                  {question.kind === "outline" && (
                    <label className="check">
                      <input
                        type="checkbox"
                        checked={!hidden.has(account)}
                        onChange={() =>
                          setHidden((now) => {
                            const next = new Set(now);
                            if (!next.delete(account)) next.add(account);
                            return next;
                          })
                        }
                      />
                      {words.annotate.show}
                    </label>
                  )}
                  {answer?.answer && (
                    <button type="button" aria-label={words.annotate.takeOf(account)} onClick={() => void send({ taken_from: account })}>
                      {words.annotate.take}
                    </button>
                  )}
                </li>
              ))}
            </ul>
            <h2>{words.annotate.final}</h2>
            {there.value.final && (
              <p className="note" data-testid="final">
                {words.annotate.decidedBy(there.value.final.by, there.value.final.taken_from)}{" "}
                <Told version={there.value.final} project={project} />
              </p>
            )}
            <form
              onSubmit={(event) => {
                event.preventDefault();
                save();
              }}
            >
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
              <div className="choices">
                <button type="submit" className="primary">
                  {words.annotate.decideNow} <kbd>Enter</kbd>
                </button>
                <button type="button" aria-expanded={skipping} onClick={() => setSkipping(!skipping)}>
                  {words.annotate.leaveOut} <kbd>U</kbd>
                </button>
              </div>
            </form>
            {skipping && <SkipForm why={words.annotate.leaveOutWhy} onSkip={(skipped) => void send({ skipped })} />}
          </>
        )}
        {wrong !== "" && <p role="alert">{wrong}</p>}
        <p role="status">{said}</p>
        <KeyList outline={question.kind === "outline"} />
      </aside>
    </>
  );
}

/** What a version says, in words. */
function Told({ version, project: { question } }: { version: Version; project: Project }) {
  const words = useWords();
  if (version.skipped !== null) return <em>{words.annotate.wasSkipped(version.skipped)}</em>;
  const { labels, outlines, comment } = version.answer ?? {};
  const name = (key: string) =>
    (question.kind === "labels" ? question.labels.find((one) => one.key === key)?.name : undefined) ?? key;
  const told = labels ? (labels.length === 0 ? words.annotate.noneHolds : labels.map(name).join(", ")) : words.annotate.outlined(outlines?.length ?? 0);
  return (
    <>
      {told}
      {comment && <q>{comment}</q>}
    </>
  );
}
