import { useEffect, useState } from "react";

import { segmentation as parsed, type Segmentation } from "../dicom/segmentation";
import { TAGS, text } from "../dicom/json";
import { seriesMetadata, wholeObject } from "../dicom/web";
import { useWords } from "../language/language";
import { fits, type Laid, lay, segmentColor, setOpacity, setSegmentVisible, showOn, takeAway } from "./overlay";
import type { ImageSeries, SeriesLine } from "./series";
import { Volume } from "./volume-text";

interface Props {
  lines: SeriesLine[];
  series: ImageSeries | undefined;
  viewportId: string;
  /** Whether the pane holds an image that can be drawn over. */
  ready: boolean;
}

interface Overlay {
  laid: Laid;
  segmentation: Segmentation;
}

/** At first. */
const OPACITY = 0.4;

let made = 0;

async function overlays(line: SeriesLine, series: ImageSeries): Promise<Overlay[]> {
  const found: Overlay[] = [];
  for (const header of await seriesMetadata(line.study, line.series)) {
    const segmentation = parsed(header);
    if (!fits(segmentation, series)) continue;
    const file = await wholeObject(line.study, line.series, text(header, TAGS.sopInstanceUid));
    made += 1;
    found.push({ laid: lay(`segmentation-${made}`, file, segmentation, series), segmentation });
  }
  return found;
}

export function SegmentsPanel({ lines, series, viewportId, ready }: Props) {
  const words = useWords();
  const [found, setFound] = useState<Overlay[]>([]);
  const [unfit, setUnfit] = useState(false);
  const [alpha, setAlpha] = useState(OPACITY);
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());

  useEffect(() => {
    let gone = false;
    let shown: Overlay[] = [];
    async function show() {
      if (!series || !ready) return;
      const all: Overlay[] = [];
      for (const line of lines) all.push(...(await overlays(line, series)));
      if (gone) {
        all.forEach(({ laid }) => takeAway(laid));
        return;
      }
      shown = all;
      for (const { laid } of all) {
        showOn(viewportId, laid);
        setOpacity(laid, OPACITY);
      }
      setFound(all);
      setUnfit(all.length === 0);
    }
    show().catch(() => setUnfit(true));
    return () => {
      gone = true;
      shown.forEach(({ laid }) => takeAway(laid));
    };
  }, [lines, series, viewportId, ready]);

  function toggle(overlay: Overlay, segment: number) {
    const key = `${overlay.laid.id} ${segment}`;
    setSegmentVisible(viewportId, overlay.laid, segment, hidden.has(key));
    setHidden((now) => {
      const next = new Set(now);
      if (!next.delete(key)) next.add(key);
      return next;
    });
  }

  return (
    <section aria-label={words.viewer.segments}>
      <h2>{words.viewer.segments}</h2>
      {lines.length === 0 && <p className="note">{words.viewer.noSegments}</p>}
      {lines.length > 0 && unfit && <p className="note">{words.viewer.segmentsFailed}</p>}
      {found.map((overlay) => (
        <ul key={overlay.laid.id} className="lines" data-testid="segments">
          {overlay.segmentation.segments.map((segment) => (
            <li key={segment.number}>
              <label className="check">
                <input
                  type="checkbox"
                  checked={!hidden.has(`${overlay.laid.id} ${segment.number}`)}
                  onChange={() => toggle(overlay, segment.number)}
                />
                <span
                  className="swatch"
                  style={{ background: segmentColor(viewportId, overlay.laid, segment.number) }}
                />
                {segment.label}
                {series && <Volume voxels={overlay.laid.voxels.get(segment.number) ?? 0} series={series} />}
              </label>
            </li>
          ))}
          {overlay.laid.overlapping > 0 && <li className="note">{words.viewer.overlap}</li>}
        </ul>
      ))}
      {found.length > 0 && (
        <label className="inline">
          {words.viewer.opacity}
          <input
            type="range"
            min="0"
            max="1"
            step="0.05"
            value={alpha}
            onChange={(event) => {
              setAlpha(Number(event.target.value));
              found.forEach(({ laid }) => setOpacity(laid, Number(event.target.value)));
            }}
          />
        </label>
      )}
    </section>
  );
}
