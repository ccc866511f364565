import { useEffect, useRef, useState } from "react";

import { PROPERTIES, type Property, segmentationFile, unfitFor } from "../dicom/segmentation-write";
import { store } from "../dicom/web";
import { sentenceOf } from "../api/request";
import { useWords } from "../language/language";
import { stack, viewport } from "./engine";
import { type PaintTool, PAINTING, type Tool } from "./keys";
import { segmentColor } from "./overlay";
import { Volume } from "./volume-text";
import { begin, counted, discard, imagesOf, onPainted, onShown, type Painting, redo, segmentsOf, setBrush, setThreshold, takeUp, undo, withSegment } from "./painting";
import type { ImageSeries } from "./series";
import { typedRange } from "./use-fusion";

interface Props {
  viewportId: string;
  series: ImageSeries | undefined;
  /** Whether the pane holds an image that can be painted on. */
  ready: boolean;
  tool: Tool;
  account: string;
  onTool: (tool: Tool) => void;
  /** Whether something was painted that is not saved. */
  onUnsaved: (unsaved: boolean) => void;
  onSaved: () => void;
}

/** In mm. */
const RADIUS = { least: 1, first: 8, most: 60 };

/** After the last stroke, when what was painted is counted. */
const SETTLED_MS = 300;

const isPainting = (tool: Tool): tool is PaintTool => (PAINTING as readonly string[]).includes(tool);

export function PaintPanel({ viewportId, series, ready, tool, account, onTool, onUnsaved, onSaved }: Props) {
  const all = useWords();
  const words = all.images;
  /** One a series: what was painted on another waits for it. */
  const [paintings, setPaintings] = useState<readonly Painting[]>([]);
  const [counts, setCounts] = useState<ReadonlyMap<number, number>>(new Map());
  const [radius, setRadius] = useState(RADIUS.first);
  const [ends, setEnds] = useState({ lower: "", upper: "" });
  const [unsaved, setUnsaved] = useState<ReadonlySet<string>>(new Set());
  const [busy, setBusy] = useState(false);
  const [said, setSaid] = useState("");
  const [wrong, setWrong] = useState("");
  const unfit = series && unfitFor(series.frames.map((frame) => frame.header));
  const range = typedRange(ends.lower, ends.upper);
  const mine = series && paintings.find((one) => one.series.series === series.series);
  const current = useRef({ tool, active: mine?.active, mine });
  useEffect(() => {
    current.current = { tool, active: mine?.active, mine };
  });
  const set = (painting: Painting, given: Partial<Painting>) =>
    setPaintings((now) => now.map((one) => (one.id === painting.id ? { ...one, ...given } : one)));

  const firstName = words.segmentName(1);
  const wants = series !== undefined && ready && unfit === undefined && isPainting(tool) && mine === undefined;
  useEffect(() => {
    if (!wants) return undefined;
    // A brush that is taken up has something to paint on.
    const soon = setTimeout(() => {
      const begun = begin(series, firstName);
      setPaintings((now) => [...now, begun]);
      setSaid("");
    });
    return () => clearTimeout(soon);
  }, [wants, series, firstName]);

  const id = mine?.id;
  // Its colors are known once it lies on the viewport: it is drawn again then.
  const [, drawAgain] = useState(0);
  useEffect(() => onShown(() => drawAgain((times) => times + 1)), []);
  useEffect(() => {
    if (ready && mine) takeUp(viewportId, mine);
  }, [ready, mine, viewportId]);
  useEffect(() => setBrush(radius), [radius, tool]);
  useEffect(() => {
    if (range) setThreshold(range, stack(viewportId)?.getCornerstoneImage());
    // Of a new range each time it is drawn, only its ends tell whether it is another.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [range?.lower, range?.upper, tool, ready, viewportId]);
  const anyUnsaved = unsaved.size > 0;
  useEffect(() => onUnsaved(anyUnsaved), [anyUnsaved, onUnsaved]);
  useEffect(() => {
    if (id === undefined) return undefined;
    let soon: ReturnType<typeof setTimeout> | undefined;
    const stop = onPainted(id, () => {
      clearTimeout(soon);
      soon = setTimeout(() => {
        const { mine: now } = current.current;
        if (now) setCounts(counted(imagesOf(now).map(({ labels }) => labels)));
      }, SETTLED_MS);
      setUnsaved((now) => (now.has(id) ? now : new Set([...now, id])));
      setSaid("");
      const { tool: used, active } = current.current;
      if (used !== "threshold" || active === undefined) return;
      const noted = (one: Painting) =>
        one.id === id && !one.byThreshold.has(active) ? { ...one, byThreshold: new Set([...one.byThreshold, active]) } : one;
      setPaintings((now) => now.map(noted));
    });
    return () => {
      clearTimeout(soon);
      stop();
    };
  }, [id]);
  useEffect(() => {
    if (!anyUnsaved) return undefined;
    const asks = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener("beforeunload", asks);
    return () => window.removeEventListener("beforeunload", asks);
  }, [anyUnsaved]);

  if (!series) return null;
  const change = (given: Partial<Painting>) => mine && set(mine, given);

  function choose(chosen: Tool) {
    if (chosen === "threshold" && ends.lower === "" && ends.upper === "") {
      const shown = stack(viewportId)?.getProperties().voiRange;
      if (shown) setEnds({ lower: String(Math.round(shown.lower)), upper: String(Math.round(shown.upper)) });
    }
    onTool(chosen);
  }

  function end() {
    if (mine) {
      discard(mine);
      setPaintings((now) => now.filter((one) => one !== mine));
      setUnsaved((now) => new Set([...now].filter((one) => one !== mine.id)));
    }
    onTool("windowLevel");
    viewport(viewportId)?.render();
  }

  async function save() {
    if (!mine) return;
    setBusy(true);
    setWrong("");
    try {
      const label = mine.segments.map((segment) => segment.label).join(", ");
      await store(mine.series.study, segmentationFile(imagesOf(mine), segmentsOf(viewportId, mine), label, { name: account, at: new Date() }));
      end();
      setSaid(words.saved);
      onSaved();
    } catch (error) {
      const nothing = error instanceof Error && error.message === "nothing was painted";
      setWrong(nothing ? words.nothingPainted : sentenceOf(error, all.unreachable));
    } finally {
      setBusy(false);
    }
  }

  return (
    <section aria-label={words.paint} data-testid="paint">
      <h2>{words.paint}</h2>
      {unfit !== undefined && <p className="note">{words.unpaintable[unfit]}</p>}
      {unfit === undefined && (
        <p className="choices">
          {PAINTING.map((one) => (
            <button key={one} type="button" disabled={!ready} aria-pressed={tool === one} onClick={() => choose(one)}>
              {all.viewer[one]}
            </button>
          ))}
        </p>
      )}
      {mine && (
        <>
          <ul className="lines">
            {mine.segments.map((segment) => (
              <li key={segment.number} className="painted">
                <input
                  type="radio"
                  name="segment"
                  aria-label={words.paintThis(segment.label)}
                  checked={segment.number === mine.active}
                  onChange={() => change({ active: segment.number })}
                />
                <span className="swatch" style={{ background: segmentColor(viewportId, mine, segment.number) }} />
                <input
                  type="text"
                  aria-label={words.nameOf(segment.number)}
                  maxLength={60}
                  value={segment.label}
                  onChange={(event) =>
                    change({ segments: mine.segments.map((one) => (one === segment ? { ...one, label: event.target.value } : one)) })
                  }
                />
                <select
                  aria-label={words.kindOf(segment.label)}
                  value={segment.property}
                  onChange={(event) =>
                    change({ segments: mine.segments.map((one) => (one === segment ? { ...one, property: event.target.value as Property } : one)) })
                  }
                >
                  {(Object.keys(PROPERTIES) as Property[]).map((kind) => (
                    <option key={kind} value={kind}>
                      {words.properties[kind]}
                    </option>
                  ))}
                </select>
                <Volume voxels={counts.get(segment.number) ?? 0} series={series} />
              </li>
            ))}
          </ul>
          <button type="button" onClick={() => change(withSegment(mine, words.segmentName(mine.segments.length + 1)))}>
            {words.addSegment}
          </button>
          <label>
            {words.radius(radius)}
            <input
              type="range"
              min={RADIUS.least}
              max={RADIUS.most}
              value={radius}
              onChange={(event) => setRadius(Number(event.target.value))}
            />
          </label>
          {tool === "threshold" && (
            <p className="range">
              {(["lower", "upper"] as const).map((end_) => (
                <label key={end_} className="inline">
                  {end_ === "lower" ? words.from : words.to}
                  <input
                    type="text"
                    inputMode="decimal"
                    size={6}
                    value={ends[end_]}
                    aria-invalid={range === undefined}
                    onChange={(event) => setEnds({ ...ends, [end_]: event.target.value })}
                  />
                </label>
              ))}
              {series.modality === "CT" ? " HU" : ""}
            </p>
          )}
          <p className="choices">
            <button type="button" onClick={() => undo()}>
              {words.undo}
            </button>
            <button type="button" onClick={() => redo()}>
              {words.redo}
            </button>
            <button type="button" onClick={end}>
              {words.discard}
            </button>
            <button type="button" className="primary" disabled={busy || !unsaved.has(mine.id)} onClick={() => void save()}>
              {words.saveSegmentation}
            </button>
          </p>
        </>
      )}
      {wrong !== "" && <p role="alert">{wrong}</p>}
      <p role="status" className="note">
        {said}
      </p>
    </section>
  );
}
