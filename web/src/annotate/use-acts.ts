import { useEffect, useRef } from "react";

import { isTyping } from "../viewer/keys";
import * as viewer from "../viewer/commands";
import { command } from "../viewer/keys";
import { type Act, actOf } from "./keys";
import { VIEWPORT } from "./item-pane";

/** Hears the keys of annotating; arrows, I and R do what they do in the viewer. */
export function useActs(run: (act: Act) => void): void {
  const held = useRef(run);
  useEffect(() => {
    held.current = run;
  }, [run]);
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const target = event.target instanceof HTMLElement ? event.target : null;
      const radio = target instanceof HTMLInputElement && target.type === "radio";
      if ((isTyping(target) && !radio) || document.querySelector("dialog[open]") !== null) return;
      // A button that has the focus is pressed by Enter, and a radio is moved by arrows.
      if (event.key === "Enter" && target?.closest("button, a, summary")) return;
      if (radio && event.key.startsWith("Arrow")) return;
      const act = actOf(event);
      if (act) {
        event.preventDefault();
        held.current(act);
        return;
      }
      const given = command(event);
      if (given?.do === "step") viewer.step(VIEWPORT, given.by);
      else if (given?.do === "end") viewer.toEnd(VIEWPORT, given.at);
      else if (given?.do === "invert") viewer.invert([VIEWPORT]);
      else if (given?.do === "reset") viewer.reset([VIEWPORT]);
      else return;
      event.preventDefault();
    };
    window.addEventListener("keydown", pressed);
    return () => window.removeEventListener("keydown", pressed);
  }, []);
}
