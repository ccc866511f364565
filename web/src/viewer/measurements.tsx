import * as core from "@cornerstonejs/core";
import * as tools from "@cornerstonejs/tools";
import { useEffect, useState } from "react";

import { useWords } from "../language/language";
import { measuringTool } from "./engine";
import type { Tool } from "./keys";

interface Measurement {
  uid: string;
  tool: Tool;
  result: string;
  imageId: string | undefined;
}

/** Numbers of Cornerstone's statistics that are shown, with the field that holds their unit. */
const SHOWN: [string, string][] = [
  ["length", "unit"],
  ["angle", ""],
  ["mean", "modalityUnit"],
  ["area", "areaUnit"],
  ["value", "modalityUnit"],
];

/** What was measured, in the tool's own units; empty until it is known. */
export function result(statistics: Record<string, unknown>): string {
  return SHOWN.flatMap(([field, unitField]) => {
    const value = statistics[field];
    const number: unknown = Array.isArray(value) ? value[0] : value;
    if (typeof number !== "number" || !Number.isFinite(number)) return [];
    const unit = field === "angle" ? "°" : statistics[unitField];
    const shown = Math.abs(number) >= 100 ? number.toFixed(0) : number.toFixed(1);
    return [`${shown}${field === "angle" ? "" : " "}${typeof unit === "string" ? unit : ""}`.trim()];
  }).join(", ");
}

function measurements(): Measurement[] {
  return tools.annotation.state.getAllAnnotations().flatMap((one) => {
    const tool = measuringTool(one.metadata?.toolName ?? "");
    if (tool === undefined || one.annotationUID === undefined) return [];
    const cached = (one.data as { cachedStats?: Record<string, Record<string, unknown>> }).cachedStats ?? {};
    const [statistics] = Object.values(cached);
    return [{
      uid: one.annotationUID,
      tool,
      result: statistics ? result(statistics) : "",
      imageId: one.metadata?.referencedImageId,
    }];
  });
}

/** After the last change, when every number is there. */
const SETTLED_MS = 250;

const EVENTS = [
  tools.Enums.Events.ANNOTATION_COMPLETED,
  tools.Enums.Events.ANNOTATION_MODIFIED,
  tools.Enums.Events.ANNOTATION_REMOVED,
];

export function Measurements({ onShow, onRemoved }: { onShow: (imageId: string) => void; onRemoved: () => void }) {
  const words = useWords();
  const [all, setAll] = useState<Measurement[]>([]);
  useEffect(() => {
    let again: ReturnType<typeof setTimeout> | undefined;
    const look = () => {
      setAll(measurements());
      clearTimeout(again);
      // A probe is complete before its value is worked out, which the next drawing does.
      again = setTimeout(() => setAll(measurements()), SETTLED_MS);
    };
    EVENTS.forEach((event) => core.eventTarget.addEventListener(event, look));
    return () => {
      clearTimeout(again);
      EVENTS.forEach((event) => core.eventTarget.removeEventListener(event, look));
    };
  }, []);
  return (
    <section aria-label={words.viewer.measurements}>
      <h2>{words.viewer.measurements}</h2>
      {all.length === 0 && <p className="note">{words.viewer.noMeasurements}</p>}
      <ul className="lines">
        {all.map(({ uid, tool, result: measured, imageId }, at) => (
          <li key={uid} data-testid="measurement">
            <button type="button" disabled={imageId === undefined} onClick={() => imageId !== undefined && onShow(imageId)}>
              {words.viewer.measurement(words.viewer[tool], at + 1)}: {measured}
            </button>
            <button
              type="button"
              aria-label={`${words.viewer.remove}: ${words.viewer.measurement(words.viewer[tool], at + 1)}`}
              onClick={() => {
                tools.annotation.state.removeAnnotation(uid);
                onRemoved();
              }}
            >
              ×
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
