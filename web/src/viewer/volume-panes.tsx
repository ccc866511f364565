import * as core from "@cornerstonejs/core";
import { useEffect, useRef, useState } from "react";

import { useWords } from "../language/language";
import { addToGroup, engine, register, removeFromGroup } from "./engine";
import { headerWindows, windowRange } from "./presets";
import type { ImageSeries } from "./series";
import { SideLetters } from "./side-letters";
import { cameraSides, type Sides } from "./sides";

export const VOLUME_PANES = ["axial", "sagittal", "coronal", "mip"] as const;
export type VolumePane = (typeof VOLUME_PANES)[number];

const ORIENTATIONS: Record<VolumePane, core.Enums.OrientationAxis> = {
  axial: core.Enums.OrientationAxis.AXIAL,
  sagittal: core.Enums.OrientationAxis.SAGITTAL,
  coronal: core.Enums.OrientationAxis.CORONAL,
  mip: core.Enums.OrientationAxis.CORONAL,
};

/** In mm: through any patient. */
const WHOLE = 2000;
/** Of a projection of CT, in Hounsfield units: wide enough that bone is not white alone. */
const CT_PROJECTION = { center: 450, width: 1300 };

interface Props {
  series: ImageSeries;
  active: VolumePane;
  onActivate: (pane: VolumePane) => void;
  onReady: () => void;
}

/** Cornerstone's own target of events knows no signals. */
function listen(event: string, listener: (event: Event) => void, until: AbortSignal) {
  core.eventTarget.addEventListener(event, listener);
  until.addEventListener("abort", () => core.eventTarget.removeEventListener(event, listener));
}

/** Three planes through a volume, and its maximum intensity projection. */
export function VolumePanes({ series, active, onActivate, onReady }: Props) {
  const words = useWords();
  const elements = useRef<Partial<Record<VolumePane, HTMLDivElement>>>({});
  const [percent, setPercent] = useState(0);
  const [sides, setSides] = useState<Partial<Record<VolumePane, Sides>>>({});
  const [wrong, setWrong] = useState(false);
  const report = useRef({ onReady, onActivate });
  useEffect(() => {
    report.current = { onReady, onActivate };
  }, [onReady, onActivate]);

  useEffect(() => {
    const ended = new AbortController();
    let undo: (() => void) | undefined;
    const places = VOLUME_PANES.map((pane) => ({ pane, element: elements.current[pane] }));
    void engine().then((running) => {
      if (ended.signal.aborted) return;
      for (const { pane, element } of places) {
        if (!element) continue;
        running.enableElement({
          viewportId: pane,
          type: core.Enums.ViewportType.ORTHOGRAPHIC,
          element,
          defaultOptions: { orientation: ORIENTATIONS[pane] },
        });
        addToGroup("mpr", pane);
        const activate = () => report.current.onActivate(pane);
        element.addEventListener("pointerdown", activate, { signal: ended.signal });
        element.addEventListener("focus", activate, { signal: ended.signal });
        element.addEventListener("contextmenu", (event) => event.preventDefault(), { signal: ended.signal });
      }
      const watcher = new ResizeObserver(() => running.resize(true, false));
      if (places[0]?.element) watcher.observe(places[0].element);
      undo = () => {
        watcher.disconnect();
        for (const { pane } of places) {
          removeFromGroup("mpr", pane);
          running.disableElement(pane);
        }
      };
      fill(running).catch(() => setWrong(true));
    });

    async function fill(running: core.RenderingEngine) {
      register(series.frames);
      const volumeId = `cornerstoneStreamingImageVolume:${series.series}`;
      const imageIds = series.frames.map((frame) => frame.imageId);
      const volume = await core.volumeLoader.createAndCacheVolume(volumeId, { imageIds });
      if (ended.signal.aborted) return;
      await core.setVolumesForViewports(running, [{ volumeId }], [...VOLUME_PANES]);
      const [window] = headerWindows(series.frames[0]?.header ?? {});
      for (const pane of VOLUME_PANES) {
        const viewport = running.getViewport<core.VolumeViewport>(pane);
        const shown = pane === "mip" && series.modality === "CT" ? CT_PROJECTION : window;
        if (shown) viewport.setProperties({ voiRange: windowRange(shown) });
        if (pane === "mip") {
          viewport.setBlendMode(core.Enums.BlendModes.MAXIMUM_INTENSITY_BLEND);
          viewport.setSlabThickness(WHOLE);
        }
      }
      for (const { pane, element } of places) {
        const look = () => {
          const { viewUp, viewPlaneNormal } = running.getViewport(pane).getCamera();
          if (viewUp && viewPlaneNormal) setSides((now) => ({ ...now, [pane]: cameraSides(viewUp, viewPlaneNormal) }));
        };
        element?.addEventListener(core.Enums.Events.CAMERA_MODIFIED, look, { signal: ended.signal });
        look();
      }
      running.renderViewports([...VOLUME_PANES]);
      const progress = (event: Event) => {
        const { detail } = event as CustomEvent<{ volumeId: string; framesProcessed: number; numberOfFrames: number }>;
        if (detail.volumeId === volumeId) setPercent(Math.round((100 * detail.framesProcessed) / detail.numberOfFrames));
      };
      const done = () => {
        if (ended.signal.aborted || core.cache.getVolume(volumeId)?.loadStatus?.loaded !== true) return;
        setPercent(100);
        running.renderViewports([...VOLUME_PANES]);
        report.current.onReady();
      };
      listen(core.Enums.Events.IMAGE_VOLUME_MODIFIED, progress, ended.signal);
      listen(core.Enums.Events.IMAGE_VOLUME_LOADING_COMPLETED, done, ended.signal);
      // It calls back at once where the volume is there already; where it is on its way, the event says when it is.
      volume.load(done);
    }

    return () => {
      ended.abort();
      undo?.();
    };
  }, [series]);

  return (
    <div className="volume">
      {VOLUME_PANES.map((pane) => (
        <section
          key={pane}
          className={active === pane ? "pane active" : "pane"}
          aria-label={words.viewer.viewport(words.viewer[pane])}
        >
          <div
            className="image"
            ref={(element) => {
              if (element) elements.current[pane] = element;
            }}
            // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
            tabIndex={0}
            role="group"
            aria-label={words.viewer.viewport(words.viewer[pane])}
          />
          <div className="corner top-left">{words.viewer[pane]}</div>
          <SideLetters sides={sides[pane]} />
        </section>
      ))}
      {percent < 100 && !wrong && (
        <p className="over" role="status">
          {words.viewer.volumeLoading(percent)}
        </p>
      )}
      {wrong && <p role="alert" className="over">{words.viewer.failed}</p>}
    </div>
  );
}
