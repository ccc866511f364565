import { useCallback, useEffect, useMemo, useRef, useState } from "react";

import type { Anchor, View } from "../api/consult";
import type { Place } from "../api/reports";
import { ConsultationsOfStudy } from "../consult/of-study";
import { ShareLayer, takeOver } from "../consult/share-layer";
import { ThreadPanel } from "../consult/thread-panel";
import { useRoom } from "../consult/use-room";
import { DeskPanel } from "../desk/desk";
import type { ImageReference } from "../dicom/content";
import { type DataSet, TAGS, text } from "../dicom/json";
import { date, patientName } from "../dicom/show";
import { seriesMetadata } from "../dicom/web";
import { useLanguage, useWords } from "../language/language";
import { routeAddress } from "../route";
import type { Session } from "../session/session";
import * as act from "./commands";
import { choose, engine, stack, viewport } from "./engine";
import { type Link, linkedIndex } from "./geometry";
import { frameRate, stepRate } from "./frame-rate";
import { FusionPanel } from "./fusion-panel";
import { type Hanging, hang, hangsByRule, keepHanging, type RuleName } from "./hanging";
import { Help } from "./help";
import { KeyImagesPanel } from "./key-images-panel";
import { KeyStrip } from "./key-strip";
import { type Command, command, isScrolling, isTyping, PAINTING, type Tool } from "./keys";
import { Measurements } from "./measurements";
import { OverlayControl } from "./overlay-control";
import { PaintPanel } from "./paint-panel";
import { redo, undo } from "./painting";
import { PlaceLayer } from "./place-layer";
import { presetWindow, type Window } from "./presets";
import { ReportPanel } from "./report-panel";
import { ReportsOfStudy } from "./reports-of-study";
import { SegmentsPanel } from "./segments-panel";
import { SendPanel } from "./send-panel";
import { type ImageSeries, imageSeries, type SeriesLine } from "./series";
import { SeriesList } from "./series-list";
import { type Shown, StackPane } from "./stack-pane";
import { Toolbar, windowChoices } from "./toolbar";
import { labelOf, useFusion } from "./use-fusion";
import { useKeyImages } from "./use-key-images";
import { type Study, usePriors, useStudy } from "./use-study";
import { VOLUME_PANES, type VolumePane, VolumePanes } from "./volume-panes";

// What the first image needs is started while the headers are still on their way.
void engine();

const PANES = ["one", "two"] as const;
type PaneId = (typeof PANES)[number];

interface Pane {
  series: ImageSeries;
  label: string;
  start: number | undefined;
  window?: Window | undefined;
}

const NO_LINES: SeriesLine[] = [];

/** Of an overlay at first: the image shows through. */
const OPACITY = 0.6;

interface Props {
  study: string;
  beside: string | undefined;
  /** The report whose desk stands beside the images. */
  report: string | undefined;
  /** The consultation in which it is looked at. */
  consult: string | undefined;
  session: Session;
}

export function Viewer({ study, beside, report, consult, session }: Props) {
  const words = useWords();
  const { language } = useLanguage();
  // What is saved into the study here is looked for again.
  const [time, setTime] = useState(0);
  const own = useStudy(study, time);
  const other = useStudy(beside);
  const ownStudy = own.state === "there" ? own.value : undefined;
  const otherStudy = other.state === "there" ? other.value : undefined;
  const priors = usePriors(ownStudy?.header ?? {});
  const [panes, setPanes] = useState<Partial<Record<PaneId, Pane>>>({});
  const [active, setActive] = useState<PaneId>("one");
  const [activePlane, setActivePlane] = useState<VolumePane>("axial");
  const [tool, setTool] = useState<Tool>("windowLevel");
  const [windows, setWindows] = useState<Partial<Record<PaneId, Window | undefined>>>({});
  const [mpr, setMpr] = useState(false);
  const [cine, setCine] = useState(false);
  const [inverted, setInverted] = useState(false);
  const [linked, setLinked] = useState(true);
  const [help, setHelp] = useState(false);
  const [wrong, setWrong] = useState("");
  const [drawn, setDrawn] = useState(false);
  const [place, setPlace] = useState<Place>();
  const [opacity, setOpacity] = useState(OPACITY);
  const [listed, setListed] = useState(false);
  const [followed, setFollowed] = useState<string>();
  const [mark, setMark] = useState<Anchor>();
  const link = useRef<Link>(undefined);
  const room = useRoom(consult);
  const isGuest = session.state === "signed-in" && session.guest !== undefined;
  const [twoUp, setTwoUp] = useState(false);
  const [rule, setRule] = useState<RuleName>();
  const [byRule, setByRule] = useState(hangsByRule);
  const [chosenRate, setChosenRate] = useState<number>();
  const [unsaved, setUnsaved] = useState(false);
  const hung = useRef(false);
  const atDesk = report !== undefined;
  const account = session.state === "signed-in" ? session.name : "";
  const fusion = useFusion(ownStudy?.lines ?? NO_LINES, panes.one?.series, mpr);
  const keys = useKeyImages(study, useKind(ownStudy, "keys"));
  const again = useCallback(() => setTime((now) => now + 1), []);

  const put = useCallback((id: PaneId, pane: Pane) => {
    setPanes((now) => ({ ...now, [id]: pane }));
    setWrong("");
    if (id === "one") setDrawn(false);
    link.current = undefined;
  }, []);
  const fail = useCallback((error: unknown) => setWrong(error instanceof Error ? error.message : ""), []);
  const show = (id: PaneId, line: SeriesLine) => {
    loaded(line).then((pane) => put(id, pane), fail);
  };

  const { choose: chooseOver } = fusion;
  useEffect(() => {
    if (!ownStudy || hung.current) return;
    hung.current = true;
    const alone = atDesk || beside !== undefined;
    const first = firstImages(ownStudy);
    const plan: Partial<Hanging> | undefined = alone || !hangsByRule() ? first && { first } : hang(ownStudy.lines);
    if (!plan?.first) return;
    const { second, over } = plan;
    loaded(plan.first).then((pane) => {
      put("one", { ...pane, window: plan.window && presetWindow(plan.window) });
      setRule(plan.rule);
      if (!over || !pane.series.isVolume) return;
      chooseOver(over.series);
      choose("mpr", "windowLevel");
      setMpr(true);
    }, fail);
    if (second) {
      loaded(second).then((pane) => {
        put("two", pane);
        setTwoUp(true);
      }, fail);
    }
  }, [ownStudy, put, fail, atDesk, beside, chooseOver]);

  useEffect(() => {
    const first = firstImages(otherStudy);
    if (first) loaded(first).then((pane) => put("two", pane), fail);
  }, [otherStudy, put, fail]);

  useEffect(() => act.leave, []);

  const one = panes.one;
  const two = beside === undefined && !twoUp ? undefined : panes.two;
  const acting = active === "two" && two ? two : one;
  const actingId: PaneId = acting === two && two ? "two" : "one";
  const images = useKind(ownStudy, "images");
  const shownIds = useMemo<readonly string[]>(() => (mpr ? VOLUME_PANES : [actingId]), [mpr, actingId]);
  const header = acting?.series.frames[0]?.header;
  const modality = acting?.series.modality ?? "";
  const canMpr = (acting?.series.isVolume ?? false) && !two;

  const rate = chosenRate ?? frameRate(header);
  const isUnsaved = unsaved || keys.marked.length > 0;
  const question = words.images.unsaved;
  const mayLeave = useCallback(() => !isUnsaved || window.confirm(question), [isUnsaved, question]);

  const run = useCallback(
    (given: Command) => {
      const target = mpr ? activePlane : actingId;
      switch (given.do) {
        case "tool":
          if (given.tool === "crosshairs" ? !mpr : isPaint(given.tool) && (mpr || atDesk || actingId !== "one")) return;
          setTool(given.tool);
          choose(mpr ? "mpr" : "stack", given.tool);
          break;
        case "step":
          act.step(target, given.by);
          break;
        case "end":
          act.toEnd(target, given.at);
          break;
        case "preset": {
          const choice = windowChoices(modality, header)[given.number - 1];
          if (choice) act.setWindow(shownIds, choice.window);
          break;
        }
        case "invert":
          setInverted(act.invert(shownIds));
          break;
        case "reset":
          act.reset(shownIds);
          setInverted(false);
          break;
        case "cine":
          if (mpr) return;
          act.cine(actingId, cine ? undefined : rate);
          setCine(!cine);
          break;
        case "mpr": {
          if (!mpr && !canMpr) return;
          const kept = tool === "crosshairs" || isPaint(tool) ? "windowLevel" : tool;
          setTool(kept);
          choose(mpr ? "stack" : "mpr", kept);
          setMpr(!mpr);
          setCine(false);
          setInverted(false);
          setDrawn(false);
          break;
        }
        case "help":
          setHelp(true);
          break;
        case "rate":
        case "setRate": {
          const next = given.do === "rate" ? stepRate(rate, given.by) : given.rate;
          setChosenRate(next);
          if (cine) act.cine(actingId, next);
          break;
        }
        case "fusion": {
          const fit = fusion.candidates.find((one) => "overlaid" in one);
          if (mpr && fit) fusion.choose(fusion.chosen ? "" : fit.line.series);
          break;
        }
        case "key": {
          const frame = mpr ? undefined : acting?.series.frames[stack(actingId)?.getCurrentImageIdIndex() ?? -1];
          if (frame && actingId === "one") keys.toggle(frame);
          break;
        }
        case "undo":
          undo();
          break;
        case "redo":
          redo();
          break;
        case "leave":
          if (isGuest || !mayLeave()) return;
          window.location.hash = routeAddress({ at: "worklist" });
          break;
      }
    },
    [mpr, activePlane, actingId, modality, header, shownIds, cine, canMpr, tool, atDesk, rate, fusion, acting, keys, mayLeave, isGuest],
  );

  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (help || isTyping(event.target) || document.querySelector("dialog[open]") !== null) return;
      // The text of a report scrolls by the keys that scroll images elsewhere.
      if (isScrolling(event.key) && event.target instanceof Element && event.target.closest(".desk") !== null) return;
      const given = command(event);
      if (!given) return;
      event.preventDefault();
      run(given);
    };
    window.addEventListener("keydown", pressed);
    return () => window.removeEventListener("keydown", pressed);
  }, [run, help]);

  function scrolled(pane: PaneId, shown: Shown) {
    if (pane === "one") setDrawn(true);
    setWindows((now) => (now[pane] === shown.window ? now : { ...now, [pane]: shown.window }));
    if (!linked || !one || !two || pane !== actingId) return;
    const [from, to, target] = pane === "one" ? [one, two, "two"] as const : [two, one, "one"] as const;
    const there = viewport(target)?.getSliceIndex();
    if (there === undefined) return;
    if (link.current?.from.positions !== from.series.positions) {
      link.current = {
        from: { positions: from.series.positions, start: shown.index },
        to: { positions: to.series.positions, start: there, count: to.series.frames.length },
      };
      return;
    }
    const wanted = linkedIndex(link.current, shown.index);
    if (wanted !== there) act.jump(target, wanted);
  }

  async function showImage(image: ImageReference) {
    if (mpr) run({ do: "mpr" });
    const here = one ? indexOf(one.series, image) : -1;
    if (here >= 0 && !mpr) {
      act.jump("one", here);
      return;
    }
    for (const line of ownStudy?.lines.filter(({ kind }) => kind === "images") ?? []) {
      const pane = await loaded(line);
      const at = indexOf(pane.series, image);
      if (at < 0) continue;
      put("one", { ...pane, start: at });
      return;
    }
  }

  const follow = useRef<(view: View) => void>(undefined);
  useEffect(() => {
    follow.current = (view) => {
      const here = one?.series.series === view.series && indexOf(one.series, { sopInstanceUid: view.instance, frame: view.frame }) >= 0;
      void showImage({ sopInstanceUid: view.instance, frame: view.frame })
        .then(() => here && takeOver("one", view))
        .catch(fail);
    };
  });
  const led = room?.others.find(({ who }) => who === followed)?.view;
  useEffect(() => {
    if (led) follow.current?.(led);
  }, [led]);

  function showMark(anchor: Anchor | undefined) {
    setMark(anchor);
    if (anchor) void showImage({ sopInstanceUid: anchor.instance, frame: anchor.frame }).catch(fail);
  }

  function showPlace(shown: Place | undefined) {
    setPlace(shown);
    if (shown?.instance) void showImage({ sopInstanceUid: shown.instance, frame: shown.frame ?? 1 }).catch(fail);
  }

  const placed = report === undefined || (place?.overlay ?? place?.region) === null ? undefined : place;
  const placeOver = (pane: Pane, index: number) => {
    const frame = pane.series.frames[index];
    if (!placed || frame?.sopInstanceUid !== placed.instance || frame.frame !== (placed.frame ?? 1)) return null;
    return <PlaceLayer key={placed.overlay ?? placed.words} viewportId="one" place={placed} opacity={opacity} />;
  };
  const over = (pane: Pane) => (index: number) => (
    <>
      {placeOver(pane, index)}
      {room && !room.isOver && (
        <ShareLayer key={pane.series.series} viewportId="one" series={pane.series} room={room} mark={mark} />
      )}
    </>
  );

  const failed = own.state === "failed" ? own.why : wrong;
  return (
    <div className={atDesk ? `viewer at-desk${listed ? " listed" : ""}` : "viewer"}>
      <header className="bar">
        {!isGuest && (
          <a
            href={routeAddress({ at: "worklist" })}
            onClick={(event) => {
              if (!mayLeave()) event.preventDefault();
            }}
          >
            ← {words.viewer.back}
          </a>
        )}
        {ownStudy && <Patient header={ownStudy.header} language={language} />}
        <span className="space" />
        {atDesk && (
          <>
            <button type="button" aria-pressed={listed} onClick={() => setListed(!listed)}>
              {words.desk.seriesShown}
            </button>
            <a href={routeAddress({ at: "study", study })}>{words.desk.toViewer}</a>
          </>
        )}
        {session.state !== "signed-out" && session.ohif && (
          <a href={`/ohif/viewer?StudyInstanceUIDs=${study}`} target="_blank" rel="noreferrer">
            {words.images.openInOhif}
          </a>
        )}
        <span className="note research">{words.research}</span>
      </header>
      <Toolbar
        modality={modality}
        header={header}
        tool={tool}
        mpr={mpr}
        canMpr={canMpr}
        cine={cine}
        rate={rate}
        inverted={inverted}
        window={mpr ? undefined : windows[actingId]}
        onCommand={run}
        onWindow={(window) => act.setWindow(shownIds, window)}
      />
      <nav className="side left" aria-label={words.viewer.seriesOfStudy} hidden={atDesk && !listed}>
        <h2>{words.viewer.seriesOfStudy}</h2>
        <SeriesList
          lines={ownStudy?.lines ?? []}
          shown={new Set([one, two].flatMap((pane) => (pane ? [pane.series.series] : [])))}
          onChoose={(line) => {
            setMpr(false);
            show(beside === undefined ? actingId : "one", line);
          }}
        />
        {beside === undefined && images.length > 1 && (
          <label className="check">
            <input
              type="checkbox"
              checked={twoUp}
              onChange={(event) => {
                setTwoUp(event.target.checked);
                setMpr(false);
                setActive("one");
                const next = images.find((line) => line.series !== one?.series.series);
                if (event.target.checked && !panes.two && next) show("two", next);
              }}
            />
            {words.images.twoSeries}
          </label>
        )}
        <label className="check">
          <input
            type="checkbox"
            checked={byRule}
            onChange={(event) => {
              setByRule(event.target.checked);
              keepHanging(event.target.checked);
            }}
          />
          {words.images.byRule}
        </label>
        {rule && rule !== "first" && (
          <p className="note" data-testid="rule">
            {words.images.rules[rule]}
          </p>
        )}
        {two && otherStudy && (
          <>
            <h2>{date(text(otherStudy.header, TAGS.studyDate))}</h2>
            <SeriesList
              lines={otherStudy.lines}
              shown={new Set([two.series.series])}
              onChoose={(line) => show("two", line)}
            />
          </>
        )}
        {!isGuest && <Priors priors={priors} study={study} beside={beside} />}
      </nav>
      <main className={two ? "panes two" : "panes"}>
        <h1 className="hidden">{words.viewer.seriesOfStudy}</h1>
        {failed !== "" && <p role="alert" className="over">{failed}</p>}
        {one?.series.frames.length === 0 && <p className="over">{words.viewer.noImages}</p>}
        {mpr && one && (
          <VolumePanes
            series={one.series}
            active={activePlane}
            onActivate={setActivePlane}
            onReady={() => performance.mark("wilhelm.volume")}
            over={fusion.chosen}
            look={fusion.look}
            onRange={(range) => fusion.change({ range })}
          />
        )}
        {!mpr &&
          PANES.map((id) => {
            const pane = id === "one" ? one : two;
            return (
              pane && (
                <StackPane
                  key={id}
                  id={id}
                  series={pane.series}
                  label={pane.label}
                  start={pane.start}
                  window={pane.window}
                  flag={(index) => {
                    const frame = pane.series.frames[index];
                    return frame && keys.isKey(frame) ? words.images.key : "";
                  }}
                  active={id === actingId && two !== undefined}
                  onActivate={() => {
                    if (id !== active) link.current = undefined;
                    setActive(id);
                  }}
                  onShown={(shown) => scrolled(id, shown)}
                  over={id === "one" ? over(pane) : undefined}
                />
              )
            );
          })}
        {atDesk && <KeyStrip keys={keys} account={account} onShow={(image) => void showImage(image).catch(fail)} onSaved={again} />}
        {placed && !mpr && <OverlayControl opacity={opacity} onChange={setOpacity} />}
      </main>
      {report !== undefined && (
        <DeskPanel
          key={report}
          study={study}
          report={report}
          session={session}
          onPlace={showPlace}
          onOverlay={() => setOpacity(opacity > 0 ? 0 : OPACITY)}
        />
      )}
      <aside className="side right" aria-label={words.viewer.panel} hidden={atDesk}>
        {two && (
          <label className="check">
            <input
              type="checkbox"
              checked={linked}
              onChange={(event) => {
                link.current = undefined;
                setLinked(event.target.checked);
              }}
            />
            {words.viewer.linked}
          </label>
        )}
        {room && (
          <ThreadPanel
            key={room.id}
            room={room}
            session={session}
            followed={followed}
            onFollow={setFollowed}
            marked={mark}
            onMark={showMark}
          />
        )}
        {!atDesk && !isGuest && <ReportsOfStudy study={study} />}
        {!atDesk && !isGuest && session.state === "signed-in" && (
          <ConsultationsOfStudy study={study} mayInvite={session.role === "radiologist"} />
        )}
        <ReportPanel lines={useKind(ownStudy, "report")} onShow={(image) => void showImage(image).catch(fail)} />
        {mpr && <FusionPanel fusion={fusion} />}
        <KeyImagesPanel
          keys={keys}
          account={account}
          onToggle={() => run({ do: "key" })}
          onShow={(image) => void showImage(image).catch(fail)}
          onSaved={again}
        />
        <PaintPanel
          viewportId="one"
          series={one?.series}
          ready={drawn && !mpr}
          tool={tool}
          account={account}
          onTool={(chosen) => run({ do: "tool", tool: chosen })}
          onUnsaved={setUnsaved}
          onSaved={again}
        />
        <SegmentsPanel
          key={one?.series.series}
          lines={useKind(ownStudy, "segmentation")}
          series={one?.series}
          viewportId="one"
          ready={drawn && !mpr}
        />
        <Measurements
          onShow={(imageId) => {
            const at = one?.series.frames.findIndex((frame) => frame.imageId === imageId) ?? -1;
            if (at >= 0) act.jump("one", at);
          }}
          onRemoved={() => shownIds.forEach((id) => viewport(id)?.render())}
        />
        {!atDesk && !isGuest && <SendPanel study={study} />}
      </aside>
      {help && <Help onClose={() => setHelp(false)} />}
    </div>
  );
}

async function loaded(line: SeriesLine): Promise<Pane> {
  const series = imageSeries(await seriesMetadata(line.study, line.series));
  return { series, label: labelOf(line), start: undefined };
}

const isPaint = (tool: Tool) => (PAINTING as readonly string[]).includes(tool);

function firstImages(study: Study | undefined): SeriesLine | undefined {
  return study?.lines.find((line) => line.kind === "images");
}

function useKind(study: Study | undefined, kind: SeriesLine["kind"]): SeriesLine[] {
  return useMemo(() => study?.lines.filter((line) => line.kind === kind) ?? [], [study, kind]);
}

function indexOf(series: ImageSeries, image: ImageReference): number {
  return series.frames.findIndex(
    (frame) => frame.sopInstanceUid === image.sopInstanceUid && frame.frame === image.frame,
  );
}

function Patient({ header, language }: { header: DataSet; language: string }) {
  const parts = [
    text(header, TAGS.patientId),
    text(header, TAGS.patientSex),
    date(text(header, TAGS.patientBirthDate)),
    date(text(header, TAGS.studyDate)),
    text(header, TAGS.studyDescription),
  ];
  return (
    <span className="patient">
      <strong>{patientName(header, language)}</strong> {parts.filter((part) => part !== "").join(" · ")}
    </span>
  );
}

function Priors({ priors, study, beside }: { priors: DataSet[]; study: string; beside: string | undefined }) {
  const words = useWords();
  return (
    <section aria-label={words.viewer.priors}>
      <h2>{words.viewer.priors}</h2>
      {priors.length === 0 && <p className="note">{words.viewer.noPriors}</p>}
      <ul className="lines">
        {priors.map((prior) => {
          const uid = text(prior, TAGS.studyInstanceUid);
          const open = uid === beside;
          const address = routeAddress(open ? { at: "study", study } : { at: "study", study, beside: uid });
          return (
            <li key={uid}>
              <span>
                {date(text(prior, TAGS.studyDate))} {text(prior, TAGS.modalitiesInStudy)}{" "}
                {text(prior, TAGS.studyDescription)}
              </span>
              <a href={address} aria-label={`${open ? words.close : words.viewer.beside}: ${date(text(prior, TAGS.studyDate))}`}>
                {open ? words.close : words.viewer.beside}
              </a>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
