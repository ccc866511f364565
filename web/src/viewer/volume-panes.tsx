import * as core from "@cornerstonejs/core";
import { useEffect, useRef, useState } from "react";

import { useWords } from "../language/language";
import { addToGroup, engine, register, removeFromGroup } from "./engine";
import { firstRange, inPlane, look, type Look, type Overlaid, takeOff, volumeName } from "./fusion";
import { Readout } from "./readout";
import { headerWindows, type Range, windowRange } from "./presets";
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
  /** What lies over the planes; its projection takes the place of the first volume's. */
  over: Overlaid | undefined;
  look: Look;
  /** The range of an overlay that was just laid. */
  onRange: (range: Range) => void;
}

/** Cornerstone's own target of events knows no signals. */
function listen(event: string, listener: (event: Event) => void, until: AbortSignal) {
  core.eventTarget.addEventListener(event, listener);
  until.addEventListener("abort", () => core.eventTarget.removeEventListener(event, listener));
}

const isThere = (running: core.RenderingEngine, pane: VolumePane) => running.getViewports().some((one) => one.id === pane);
const isCached = (series: ImageSeries) => core.cache.getVolumeLoadObject(volumeName(series)) !== undefined;

/** A projection through the whole volume. */
function project(running: core.RenderingEngine) {
  const viewport = running.getViewport<core.VolumeViewport>("mip");
  viewport.setBlendMode(core.Enums.BlendModes.MAXIMUM_INTENSITY_BLEND);
  viewport.setSlabThickness(WHOLE);
}

/** The window that a pane begins with. */
function setFirst(running: core.RenderingEngine, pane: VolumePane, series: ImageSeries) {
  const viewport = running.getViewport<core.VolumeViewport>(pane);
  const [window] = headerWindows(series.frames[0]?.header ?? {});
  const shown = pane === "mip" && series.modality === "CT" ? CT_PROJECTION : window;
  if (shown) viewport.setProperties({ voiRange: windowRange(shown) });
  if (pane === "mip") project(running);
}

/** Three planes through a volume, and its maximum intensity projection. */
export function VolumePanes({ series, active, onActivate, onReady, over, look: wanted, onRange }: Props) {
  const words = useWords();
  const elements = useRef<Partial<Record<VolumePane, HTMLDivElement>>>({});
  const [percent, setPercent] = useState(0);
  const [sides, setSides] = useState<Partial<Record<VolumePane, Sides>>>({});
  const [wrong, setWrong] = useState(false);
  const [placed, setPlaced] = useState<{ series: ImageSeries; running: core.RenderingEngine }>();
  const [laid, setLaid] = useState<Overlaid>();
  const report = useRef({ onReady, onActivate, onRange });
  useEffect(() => {
    report.current = { onReady, onActivate, onRange };
  }, [onReady, onActivate, onRange]);

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
      const volumeId = volumeName(series);
      const imageIds = series.frames.map((frame) => frame.imageId);
      const volume = await core.volumeLoader.createAndCacheVolume(volumeId, { imageIds });
      if (ended.signal.aborted) return;
      await core.setVolumesForViewports(running, [{ volumeId }], [...VOLUME_PANES]);
      for (const pane of VOLUME_PANES) setFirst(running, pane, series);
      setPlaced({ series, running });
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

  useEffect(() => {
    if (!over || placed?.series !== series) return undefined;
    const { running } = placed;
    const ended = new AbortController();
    // Asked for anew after each wait.
    const wantsIt = () => !ended.signal.aborted;
    let isLaid = false;
    const planes = VOLUME_PANES.filter((pane) => pane !== "mip");

    async function lay(of: Overlaid) {
      register(of.series.frames);
      const volumeId = volumeName(of.series);
      const imageIds = of.series.frames.map((frame) => frame.imageId);
      const volume = await core.volumeLoader.createAndCacheVolume(volumeId, { imageIds });
      // Its values are all there before their range is asked for.
      await new Promise<void>((done) => {
        listen(core.Enums.Events.IMAGE_VOLUME_LOADING_COMPLETED, () => volume.loadStatus?.loaded === true && done(), ended.signal);
        volume.load(() => done());
      });
      if (!wantsIt()) return;
      isLaid = true;
      await core.addVolumesToViewports(running, [inPlane(of.series)], planes);
      await core.setVolumesForViewports(running, [{ volumeId }], ["mip"]);
      project(running);
      const [lower, upper] = volume.voxelManager?.getRange() ?? [0, 1];
      report.current.onRange(firstRange(of, { lower, upper }));
      setLaid(of);
    }

    lay(over).catch(() => setWrong(true));
    return () => {
      ended.abort();
      setLaid(undefined);
      if (!isLaid || !isThere(running, "mip") || !isCached(series)) return;
      planes.forEach((pane) => takeOff(pane, over.series));
      void core.setVolumesForViewports(running, [{ volumeId: volumeName(series) }], ["mip"]).then(() => {
        setFirst(running, "mip", series);
        running.renderViewports(["mip"]);
      });
    };
  }, [over, placed, series]);

  useEffect(() => {
    if (laid) VOLUME_PANES.forEach((pane) => look(pane, laid, wanted, pane === "mip"));
    if (laid) performance.mark("wilhelm.fused");
  }, [laid, wanted]);

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
      <Readout series={series} over={laid} active={active} />
      {percent < 100 && !wrong && (
        <p className="over" role="status">
          {words.viewer.volumeLoading(percent)}
        </p>
      )}
      {wrong && <p role="alert" className="over">{words.viewer.failed}</p>}
    </div>
  );
}
