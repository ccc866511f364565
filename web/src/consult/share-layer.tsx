import * as core from "@cornerstonejs/core";
import { useEffect, useRef, useState } from "react";

import type { Anchor, View } from "../api/consult";
import { useWords } from "../language/language";
import { stack } from "../viewer/engine";
import type { ImageSeries } from "../viewer/series";
import { color } from "./color";
import type { Person, Room } from "./use-room";

const { CAMERA_MODIFIED, IMAGE_RENDERED, STACK_NEW_IMAGE, VOI_MODIFIED } = core.Enums.Events;

interface Grid {
  indexToWorld: (index: core.Types.Point3) => core.Types.Point3;
  worldToIndex: (world: core.Types.Point3) => core.Types.Point3;
}

function grid(viewportId: string): Grid | undefined {
  // Its declared type leaves out that there is none before the first image, and holds parts of vtk.js's image alone.
  const data = stack(viewportId)?.getImageData() as { imageData: Grid } | undefined;
  return data?.imageData;
}

/** Where a column and row of the image that is shown lie on the pane. */
function onPane(viewportId: string, [column, row]: readonly [number, number]): core.Types.Point2 | undefined {
  const world = grid(viewportId)?.indexToWorld([column, row, 0]);
  return world && stack(viewportId)?.worldToCanvas(world);
}

const rounded = (number: number) => Number(number.toFixed(3));

/** What the pane shows now, with the pointer where it is over it. */
export function viewOf(viewportId: string, series: ImageSeries, cursor: readonly [number, number] | undefined): View | undefined {
  const viewport = stack(viewportId);
  const frame = viewport && series.frames[viewport.getCurrentImageIdIndex()];
  if (!viewport || !frame) return undefined;
  const { voiRange } = viewport.getProperties();
  const [across, down] = [viewport.canvas.clientWidth || 1, viewport.canvas.clientHeight || 1];
  const [x, y] = viewport.getPan();
  return {
    series: series.series,
    instance: frame.sopInstanceUid,
    frame: frame.frame,
    ...(voiRange ? { window: [rounded((voiRange.lower + voiRange.upper) / 2), rounded(voiRange.upper - voiRange.lower)] as const } : {}),
    zoom: rounded(viewport.getZoom()),
    pan: [rounded(x / across), rounded(y / down)],
    ...(cursor ? { cursor: [rounded(cursor[0]), rounded(cursor[1])] as const } : {}),
  };
}

/** Shows what somebody else's pane shows of the image: window, zoom and place. */
export function takeOver(viewportId: string, view: View): void {
  const viewport = stack(viewportId);
  if (!viewport) return;
  if (view.window) {
    const [center, width] = view.window;
    viewport.setProperties({ voiRange: { lower: center - width / 2, upper: center + width / 2 } });
  }
  if (view.zoom !== undefined) viewport.setZoom(view.zoom);
  if (view.pan) viewport.setPan([view.pan[0] * viewport.canvas.clientWidth, view.pan[1] * viewport.canvas.clientHeight]);
  viewport.render();
}

interface Props {
  viewportId: string;
  series: ImageSeries;
  room: Room;
  /** What a chosen note points at. */
  mark: Anchor | undefined;
}

interface Spot {
  key: string;
  name: string;
  at: core.Types.Point2;
}

/** The pointers of the others over the image that they look at; tells them what is looked at here. */
export function ShareLayer({ viewportId, series, room, mark }: Props) {
  const words = useWords();
  const [spots, setSpots] = useState<Spot[]>([]);
  const [marked, setMarked] = useState<core.Types.Point2>();
  const cursor = useRef<readonly [number, number]>(undefined);
  const { others, tell } = room;
  const latest = useRef<{ others: Person[]; mark: Anchor | undefined }>({ others, mark });

  useEffect(() => {
    latest.current = { others, mark };
    const draw = () => {
      const viewport = stack(viewportId);
      const frame = viewport && series.frames[viewport.getCurrentImageIdIndex()];
      const isShown = (one: { instance: string; frame: number }) =>
        frame !== undefined && one.instance === frame.sopInstanceUid && one.frame === frame.frame;
      setSpots(
        latest.current.others.flatMap(({ who, name, view }) => {
          if (!view?.cursor || !isShown(view)) return [];
          const at = onPane(viewportId, view.cursor);
          return at ? [{ key: who, name, at }] : [];
        }),
      );
      const pointed = latest.current.mark;
      setMarked(pointed?.point && isShown(pointed) ? onPane(viewportId, pointed.point) : undefined);
    };
    const element = stack(viewportId)?.element;
    const first = requestAnimationFrame(draw);
    const events = [CAMERA_MODIFIED, IMAGE_RENDERED, STACK_NEW_IMAGE];
    for (const event of events) element?.addEventListener(event, draw);
    return () => {
      cancelAnimationFrame(first);
      for (const event of events) element?.removeEventListener(event, draw);
    };
  }, [viewportId, series, others, mark]);

  useEffect(() => {
    const element = stack(viewportId)?.element;
    if (!element) return undefined;
    const say = () => {
      const view = viewOf(viewportId, series, cursor.current);
      if (view) tell(view);
    };
    const moved = (event: PointerEvent) => {
      const viewport = stack(viewportId);
      const box = element.getBoundingClientRect();
      const world = viewport?.canvasToWorld([event.clientX - box.left, event.clientY - box.top]);
      const index = world && grid(viewportId)?.worldToIndex(world);
      cursor.current = index && [index[0], index[1]];
      say();
    };
    const gone = () => {
      cursor.current = undefined;
      say();
    };
    const events = [CAMERA_MODIFIED, STACK_NEW_IMAGE, VOI_MODIFIED];
    for (const event of events) element.addEventListener(event, say);
    element.addEventListener("pointermove", moved);
    element.addEventListener("pointerleave", gone);
    say();
    return () => {
      for (const event of events) element.removeEventListener(event, say);
      element.removeEventListener("pointermove", moved);
      element.removeEventListener("pointerleave", gone);
    };
  }, [viewportId, series, tell]);

  return (
    <div className="layer share" data-testid="share">
      {spots.map(({ key, name, at: [x, y] }) => (
        <span
          key={key}
          className="pointer"
          role="img"
          aria-label={words.consult.cursorOf(name)}
          data-testid="pointer"
          style={{ transform: `translate(${x}px, ${y}px)`, color: color(key) }}
        >
          <svg width="18" height="18" viewBox="0 0 18 18" aria-hidden="true">
            <path d="M1 1 L1 14 L5 10.5 L8 17 L10.5 15.8 L7.6 9.6 L13 9.6 Z" />
          </svg>
          <span className="whose">{name}</span>
        </span>
      ))}
      {marked && <span className="mark" data-testid="mark" style={{ transform: `translate(${marked[0]}px, ${marked[1]}px)` }} />}
    </div>
  );
}
