import * as core from "@cornerstonejs/core";
import * as tools from "@cornerstonejs/tools";
import { type ReactNode, useEffect, useRef, useState } from "react";

import { useWords } from "../language/language";
import { addToGroup, engine, register, removeFromGroup, stack } from "./engine";
import { isColor, rangeWindow, type Window, windowRange } from "./presets";
import type { ImageSeries } from "./series";
import { SideLetters } from "./side-letters";
import { imageSides } from "./sides";

/** What a pane shows at the moment. */
export interface Shown {
  index: number;
  window: Window | undefined;
}

interface Props {
  id: string;
  series: ImageSeries;
  label: string;
  /** Which image is shown first, counted from 0; the middle one where none is named. */
  start: number | undefined;
  active: boolean;
  onActivate: () => void;
  onShown: (shown: Shown) => void;
  /** What lies over the image that is shown, by its place in the series, once it is drawn. */
  over?: ((index: number) => ReactNode) | undefined;
  /** The window that it begins with; the image's own where none is given. */
  window?: Window | undefined;
  /** What is said of the image that is shown, by its place. */
  flag?: ((index: number) => string) | undefined;
}

export function StackPane({ id, series, label, start, active, onActivate, onShown, over, flag, window }: Props) {
  const words = useWords();
  const element = useRef<HTMLDivElement>(null);
  const [shown, setShown] = useState<Shown>();
  const [wrong, setWrong] = useState(false);
  const report = useRef({ onShown, onActivate });
  useEffect(() => {
    report.current = { onShown, onActivate };
  }, [onShown, onActivate]);

  useEffect(() => {
    const place = element.current;
    if (!place) return undefined;
    const ended = new AbortController();
    let undo: (() => void) | undefined;
    void engine().then((running) => {
      if (ended.signal.aborted) return;
      running.enableElement({ viewportId: id, type: core.Enums.ViewportType.STACK, element: place });
      addToGroup("stack", id);
      const activate = () => report.current.onActivate();
      place.addEventListener("pointerdown", activate, { signal: ended.signal });
      place.addEventListener("focus", activate, { signal: ended.signal });
      place.addEventListener("contextmenu", (event) => event.preventDefault(), { signal: ended.signal });
      const watcher = new ResizeObserver(() => running.resize(true, false));
      watcher.observe(place);
      undo = () => {
        watcher.disconnect();
        tools.utilities.cine.stopClip(place);
        tools.utilities.stackContextPrefetch.disable(place);
        removeFromGroup("stack", id);
        running.disableElement(id);
      };
      void fill(place);
    });

    async function fill(target: HTMLDivElement) {
      const viewport = stack(id);
      if (!viewport || series.frames.length === 0) return;
      register(series.frames);
      const say = () => {
        const range = viewport.getProperties().voiRange;
        const header = series.frames[0]?.header;
        const now = {
          index: viewport.getCurrentImageIdIndex(),
          window: range && header && !isColor(header) ? rangeWindow(range) : undefined,
        };
        setShown(now);
        report.current.onShown(now);
      };
      target.addEventListener(core.Enums.Events.STACK_NEW_IMAGE, say, { signal: ended.signal });
      target.addEventListener(core.Enums.Events.VOI_MODIFIED, say, { signal: ended.signal });
      const mark = () => performance.mark("wilhelm.image");
      target.addEventListener(core.Enums.Events.IMAGE_RENDERED, mark, { once: true, signal: ended.signal });
      try {
        const images = series.frames.map((frame) => frame.imageId);
        await viewport.setStack(images, start ?? (series.isVolume ? images.length >> 1 : 0));
        if (window) viewport.setProperties({ voiRange: windowRange(window) });
        viewport.render();
        say();
        tools.utilities.stackContextPrefetch.enable(target);
      } catch {
        setWrong(true);
      }
    }

    return () => {
      ended.abort();
      undo?.();
    };
    // A new window is set by the viewer; a new start is a jump within the same stack, which the viewer makes itself.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [id, series]);

  return (
    <section
      className={active ? "pane active" : "pane"}
      aria-label={words.viewer.viewport(label)}
    >
      {/* The image takes the keyboard: arrow keys scroll it. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <div className="image" ref={element} tabIndex={0} role="group" aria-label={words.viewer.viewport(label)} />
      {shown && over?.(shown.index)}
      <div className="corner top-left">{label}</div>
      {shown && <div className="corner top-right">{flag?.(shown.index)}</div>}
      <SideLetters sides={imageSides(series.frames[shown?.index ?? 0]?.header ?? {})} />
      {shown && (
        <div className="corner bottom-left" data-testid="slice">
          {words.viewer.slice(shown.index + 1, series.frames.length)}
        </div>
      )}
      {shown?.window && (
        <div className="corner bottom-right" data-testid="window">
          {words.viewer.window(Math.round(shown.window.center), Math.round(shown.window.width))}
        </div>
      )}
      {wrong && <p role="alert" className="over">{words.viewer.failed}</p>}
    </section>
  );
}
