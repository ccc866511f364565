import { useEffect, useRef, useState } from "react";

import { type Macro, readMacros } from "../api/macros";
import { type Finding, type Heading, SIGNED, sentences, type Sentence, signerName } from "../api/report";
import type { DecisionWord, Place } from "../api/reports";
import { AlsoOpenNote, OpinionsPanel, useOpinions } from "../consult/desk-parts";
import { useWords } from "../language/language";
import { fitting } from "../macros/expand";
import type { Session } from "../session/session";
import { isTyping } from "../viewer/keys";
import { ConflictDialog } from "./conflict-dialog";
import { type Asked, DeskHeader } from "./desk-header";
import { DeskHelp } from "./desk-help";
import { deskCommand, type DeskCommand, isSave } from "./desk-keys";
import { countOf, type Draft, isEmpty, removed, withAdded } from "./edits";
import { EvidencePanel, isOnImage } from "./evidence-panel";
import { type Choice, FindingsPanel } from "./findings-panel";
import { decisionOn } from "./machine";
import { freshKey, newKey, ReportText } from "./report-text";
import { SignDialog } from "./sign-dialog";
import { Tabs } from "./tabs";
import { TemplateDialog } from "./template-dialog";
import { TextDialog } from "./text-dialog";
import type { CheckState } from "./use-check";
import { useDesk } from "./use-desk";
import { VersionsPanel } from "./versions-panel";

type Tab = "evidence" | "findings" | "versions" | "opinions";

interface Props {
  study: string;
  report: string;
  session: Session;
  /** Shows the place of evidence on the image; nothing where there is none. */
  onPlace: (place: Place | undefined) => void;
  onOverlay: () => void;
}

/** A report beside its images: read, checked against its evidence, changed, signed. */
export function DeskPanel({ study, report: id, session, onPlace, onOverlay }: Props) {
  const words = useWords();
  const desk = useDesk(id);
  const opinions = useOpinions(study);
  const { state } = desk;
  const root = useRef<HTMLElement>(null);
  const [macros, setMacros] = useState<Macro[]>([]);
  const [selected, setSelected] = useState<string>();
  const [editing, setEditing] = useState<string>();
  const [shown, setShown] = useState<string>();
  const [checks, setChecks] = useState<Record<string, CheckState | undefined>>({});
  const [tab, setTab] = useState<Tab>("findings");
  const [asked, setAsked] = useState<Asked>();
  const [speaking, setSpeaking] = useState<string[]>([]);

  useEffect(() => {
    const ended = new AbortController();
    // Without macros a report is written all the same.
    readMacros(ended.signal).then(setMacros, () => undefined);
    return () => ended.abort();
  }, []);

  const all = state ? sentences(state.base.report.report) : [];
  const order = [
    ...all.map(({ sentence }) => sentence.id),
    ...(state?.draft.added.map(({ key }) => key) ?? []),
  ];
  const find = (sentence: string | undefined): Sentence | undefined => all.find((one) => one.sentence.id === sentence)?.sentence;

  function showEvidence(evidence: string | undefined) {
    setShown(evidence);
    onPlace(evidence === undefined ? undefined : state?.base.report.evidence[evidence]);
  }

  function select(sentence: string) {
    setSelected(sentence);
    setTab("evidence");
    const places = state?.base.report.evidence ?? {};
    showEvidence(find(sentence)?.bears.find((one) => isOnImage(places[one])));
  }

  function focusOn(sentence: string) {
    // After the next drawing, when the line is there again.
    setTimeout(() => {
      const line = root.current?.querySelector(`[data-sentence="${sentence}"]`);
      line?.querySelector<HTMLElement>(".words")?.focus();
      line?.scrollIntoView({ block: "nearest" });
    }, 0);
  }

  function go(by: 1 | -1) {
    if (order.length === 0) return;
    const at = selected === undefined ? -1 : order.indexOf(selected);
    const to = order[at < 0 ? (by > 0 ? 0 : order.length - 1) : Math.min(Math.max(at + by, 0), order.length - 1)];
    if (to === undefined) return;
    select(to);
    focusOn(to);
  }

  async function decide(finding: Finding, choice: Choice) {
    const found = await desk.decideOn(finding.id, choice);
    desk.say(words.desk.decided(finding.observation.name, words.desk.decisions[choice]));
    if (choice === "rejected") setSpeaking(found.filter((one) => find(one) && state?.draft.changed[one] !== null));
    else setSpeaking([]);
  }

  function decideSelected(choice: Choice) {
    if (state && SIGNED.includes(state.base.report.report.state)) return;
    const of = find(selected)?.findings ?? [];
    for (const finding of state?.base.report.report.findings ?? []) {
      if (of.includes(finding.id)) void decide(finding, choice);
    }
  }

  function save() {
    if (!state || isEmpty(state.draft) || state.saving) return;
    if (SIGNED.includes(state.base.report.report.state)) setAsked("reason");
    else void saved(null);
  }

  async function saved(reason: string | null) {
    setAsked(undefined);
    const version = (state?.base.report.version ?? 0) + 1;
    if (!(await desk.save(reason))) return;
    setEditing(undefined);
    setChecks({});
    desk.say(words.desk.saved(version));
  }

  function run(command: DeskCommand) {
    const commands: Record<DeskCommand, () => void> = {
      next: () => go(1),
      previous: () => go(-1),
      edit: () => selected !== undefined && setEditing(selected),
      accept: () => decideSelected("accepted"),
      reject: () => decideSelected("rejected"),
      show: () => selected !== undefined && select(selected),
      overlay: onOverlay,
      help: () => setAsked("help"),
    };
    commands[command]();
  }

  const latest = useRef({ run, save });
  useEffect(() => {
    latest.current = { run, save };
  });
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (document.querySelector("dialog[open]") !== null) return;
      if (isSave(event)) {
        event.preventDefault();
        latest.current.save();
        return;
      }
      if (isTyping(event.target)) return;
      const target = event.target instanceof Element ? event.target : undefined;
      const within = target !== undefined && (root.current?.contains(target) ?? false);
      const command = deskCommand(event, within);
      if (!command) return;
      // Enter on a button presses it; on a sentence it edits.
      if (command === "edit" && !target?.matches(".words")) return;
      event.preventDefault();
      event.stopPropagation();
      latest.current.run(command);
    };
    // Before the viewer's own listener, which hears nothing of what was taken.
    window.addEventListener("keydown", pressed, { capture: true });
    return () => window.removeEventListener("keydown", pressed, { capture: true });
  }, []);

  if (!state) {
    return (
      <aside className="side right desk" aria-label={words.desk.title}>
        {desk.wrong === "" ? (
          <p>{words.loading}</p>
        ) : (
          <p role="alert">
            {words.desk.noReport}: {desk.wrong}
          </p>
        )}
      </aside>
    );
  }

  const { base, draft, conflict, later, saving } = state;
  const { report } = base.report;
  const bodyPart = report.exam.body_part ?? "";
  const sentence = find(selected);
  const isNew = draft.added.some(({ key }) => key === selected);
  const undecided = report.findings.filter((finding) => decisionOn(state, finding.id) === "undecided");
  const change = (next: Draft) => desk.edit(next);

  function edit(which: string | undefined) {
    if (which === undefined && editing !== undefined) focusOn(editing);
    setEditing(which);
  }

  function add(heading: Heading) {
    setEditing(newKey(heading));
  }

  return (
    <aside className="side right desk" aria-label={words.desk.title} ref={root}>
      <DeskHeader
        report={base.report}
        unsaved={countOf(draft)}
        busy={saving}
        onSave={save}
        onDiscard={() => {
          desk.discard();
          setChecks({});
        }}
        onAsk={setAsked}
      />
      <div className="notes">
        {desk.wrong !== "" && <p role="alert">{desk.wrong}</p>}
        <AlsoOpenNote report={id} />
        <p role="status" className="hidden" data-testid="said">
          {desk.said}
        </p>
        {later && !conflict && (
          <p role="alert">
            {words.desk.changedByOther(signerName(later.report.versions.at(-1)?.by ?? ""), later.report.version)}{" "}
            <button type="button" onClick={desk.look}>
              {words.desk.look}
            </button>
          </p>
        )}
        {speaking.length > 0 && (
          <div className="caution" role="alert" data-testid="speaking">
            {words.desk.removeRejected(speaking.length)}{" "}
            <button
              type="button"
              onClick={() => {
                change(speaking.reduce(removed, draft));
                setSpeaking([]);
              }}
            >
              {words.desk.removeThem}
            </button>{" "}
            <button type="button" onClick={() => setSpeaking([])}>
              {words.desk.keepThem}
            </button>
          </div>
        )}
      </div>
      {/* A long report is scrolled by the keyboard. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <div className="report-text" role="group" aria-label={report.title} tabIndex={0}>
        <ReportText
          report={id}
          sections={report.sections}
          draft={draft}
          macros={fitting(macros, report.exam.modality ?? "", bodyPart)}
          selected={selected}
          editing={editing}
          checks={checks}
          decisionsOn={({ findings }) =>
            findings.map((one) => decisionOn(state, one)).filter((one): one is DecisionWord => one !== "undecided")
          }
          onSelect={select}
          onEditing={edit}
          onDraft={change}
          onCheck={(one, check) => setChecks((now) => ({ ...now, [one]: check }))}
          onAdd={add}
        />
      </div>
      <Tabs<Tab>
        label={words.desk.title}
        tabs={[
          { name: "evidence", title: words.desk.evidence },
          { name: "findings", title: `${words.desk.findings} (${report.findings.length})` },
          { name: "versions", title: `${words.desk.versions} (${base.report.versions.length})` },
          ...(opinions.length > 0
            ? [{ name: "opinions" as const, title: `${words.consult.opinions} (${opinions.length})` }]
            : []),
        ]}
        chosen={tab}
        onChoose={setTab}
      >
        {tab === "evidence" && (
          <EvidencePanel
            report={report}
            places={base.report.evidence}
            bears={isNew ? [] : sentence?.bears}
            shown={shown}
            onShow={(one) => showEvidence(shown === one ? undefined : one)}
          />
        )}
        {tab === "findings" && (
          <FindingsPanel
            findings={report.findings}
            decisions={base.report.decisions}
            shownAs={(finding) => decisionOn(state, finding)}
            abstentions={report.abstentions}
            locked={SIGNED.includes(report.state)}
            onDecide={(finding, choice) => void decide(finding, choice)}
          />
        )}
        {tab === "opinions" && <OpinionsPanel opinions={opinions} />}
        {tab === "versions" && <VersionsPanel report={id} versions={base.report.versions} earlier={base.report.earlier} />}
      </Tabs>
      {asked === "help" && <DeskHelp onClose={() => setAsked(undefined)} />}
      {asked === "template" && (
        <TemplateDialog
          modality={report.exam.modality ?? ""}
          bodyPart={bodyPart}
          onDone={(given) => {
            setAsked(undefined);
            change(given.reduce((now, text) => withAdded(now, { key: freshKey(), heading: "findings", text }), draft));
          }}
          onClose={() => setAsked(undefined)}
        />
      )}
      {asked === "sign" && (
        <SignDialog
          mayBePreliminary={report.state === "draft"}
          by={session.state === "signed-in" ? session.name : undefined}
          undecided={undecided.map(({ observation }) => observation.name)}
          onSign={(as) => {
            setAsked(undefined);
            void desk.signAs(as).then((done) => {
              if (done) desk.say(words.desk.signed(words.desk.states[as]));
            });
          }}
          onClose={() => setAsked(undefined)}
        />
      )}
      {asked === "reason" && (
        <TextDialog
          title={words.desk.save}
          why={words.desk.reasonWhy}
          fields={[{ name: words.desk.reason, rows: 2 }]}
          action={words.desk.save}
          onDone={([reason]) => void saved(reason ?? null)}
          onClose={() => setAsked(undefined)}
        />
      )}
      {asked === "addendum" && (
        <TextDialog
          title={words.desk.addendumTitle}
          why={words.desk.addendumWhy}
          fields={[
            { name: words.desk.addendumText, rows: 4 },
            { name: words.desk.addendumReason, rows: 2 },
          ]}
          action={words.desk.addendum}
          onDone={([text = "", reason = ""]) => {
            setAsked(undefined);
            void desk.addTo(text, reason).then((done) => {
              if (done) desk.say(words.desk.addendumDone);
            });
          }}
          onClose={() => setAsked(undefined)}
        />
      )}
      {conflict && (
        <ConflictDialog
          key={conflict.theirs.report.version}
          conflict={conflict}
          onResolve={(mine) => {
            desk.resolve(mine);
            desk.say(words.desk.reapplied(conflict.theirs.report.version));
          }}
          onDiscard={() => {
            desk.discard();
            setChecks({});
          }}
          onLater={desk.postpone}
        />
      )}
    </aside>
  );
}
