import * as core from "@cornerstonejs/core";
import { type PointerEvent as ReactPointerEvent, useEffect, useState } from "react";

import { step } from "../viewer/commands";
import { stack } from "../viewer/engine";
import { contoursPath, type Matrix, pixelAt, type Point, runsPath } from "./outlines";

/** What lies over a frame. */
export interface Drawn {
  key: string;
  color: string;
  contours?: readonly (readonly Point[])[] | undefined;
  runs?: readonly (readonly [number, number])[] | undefined;
  /** Whether it is somebody else's. */
  dashed?: boolean;
  name: string;
}

interface Props {
  viewportId: string;
  drawn: readonly Drawn[];
  /** The color of what is being drawn; nothing where the pointer is the viewer's. */
  pen: string | undefined;
  columns: number;
  label: string;
  onDrawn: (points: Point[]) => void;
}

const { CAMERA_MODIFIED, IMAGE_RENDERED, STACK_NEW_IMAGE } = core.Enums.Events;

function matrix(viewportId: string): Matrix | undefined {
  const viewport = stack(viewportId);
  // Its declared type leaves out that there is none before the first image.
  const data = viewport?.getImageData() as
    | { imageData: { indexToWorld: (index: core.Types.Point3) => core.Types.Point3 } }
    | undefined;
  if (!viewport || !data) return undefined;
  const at = (column: number, row: number) => viewport.worldToCanvas(data.imageData.indexToWorld([column, row, 0]));
  const [origin, along, down] = [at(0, 0), at(1, 0), at(0, 1)];
  return [along[0] - origin[0], along[1] - origin[1], down[0] - origin[0], down[1] - origin[1], origin[0], origin[1]];
}

/** Outlines over the frame that is shown; with a pen, the pointer draws a closed line. */
export function OutlineLayer({ viewportId, drawn, pen, columns, label, onDrawn }: Props) {
  const [now, setNow] = useState<Matrix>();
  const [line, setLine] = useState<Point[]>([]);

  useEffect(() => {
    const element = stack(viewportId)?.element;
    if (!element) return undefined;
    const look = () => setNow(matrix(viewportId));
    const first = requestAnimationFrame(look);
    const events = [CAMERA_MODIFIED, IMAGE_RENDERED, STACK_NEW_IMAGE];
    for (const event of events) element.addEventListener(event, look);
    return () => {
      cancelAnimationFrame(first);
      for (const event of events) element.removeEventListener(event, look);
    };
  }, [viewportId]);

  if (!now) return null;
  const place = (event: ReactPointerEvent<SVGSVGElement>): Point => {
    const box = event.currentTarget.getBoundingClientRect();
    return pixelAt(now, event.clientX - box.left, event.clientY - box.top);
  };
  const end = () => {
    if (line.length > 0) onDrawn(line);
    setLine([]);
  };
  return (
    <svg
      className={pen === undefined ? "outlines" : "outlines pen"}
      role="img"
      aria-label={label}
      data-testid="outlines"
      onPointerDown={(event) => {
        if (pen === undefined || event.button !== 0) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        setLine([place(event)]);
      }}
      onPointerMove={(event) => {
        if (line.length > 0) setLine([...line, place(event)]);
      }}
      onPointerUp={end}
      onPointerCancel={() => setLine([])}
      onWheel={(event) => step(viewportId, event.deltaY > 0 ? 1 : -1)}
    >
      <g transform={`matrix(${now.map((number) => number.toFixed(5)).join(" ")})`}>
        {drawn.map((one) => (
          <path
            key={one.key}
            d={`${contoursPath(one.contours ?? [])}${runsPath(one.runs ?? [], columns)}`}
            className={one.dashed ? "dashed" : undefined}
            style={{ stroke: one.color, fill: one.color }}
          >
            <title>{one.name}</title>
          </path>
        ))}
        {line.length > 0 && <polyline points={line.map((point) => point.join(",")).join(" ")} style={{ stroke: pen }} />}
      </g>
    </svg>
  );
}
