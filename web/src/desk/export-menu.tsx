import { useEffect, useRef } from "react";

import { FORMS, formAddress } from "../api/reports";
import { useWords } from "../language/language";

/** The report in every form, as links. */
export function ExportMenu({ report }: { report: string }) {
  const words = useWords();
  const menu = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    const close = (event: Event) => {
      if (event.target instanceof Node && menu.current?.contains(event.target)) return;
      if (menu.current) menu.current.open = false;
    };
    for (const kind of ["pointerdown", "focusin"]) document.addEventListener(kind, close);
    return () => {
      for (const kind of ["pointerdown", "focusin"]) document.removeEventListener(kind, close);
    };
  }, []);
  return (
    <details className="menu" ref={menu}>
      <summary>{words.desk.export}</summary>
      <ul>
        {FORMS.map((form) => (
          <li key={form}>
            {form === "html" ? (
              <a href={formAddress(report, form)} target="_blank" rel="noreferrer">
                {words.desk.forms[form]}
              </a>
            ) : (
              <a href={formAddress(report, form)} download>
                {words.desk.forms[form]}
              </a>
            )}
          </li>
        ))}
      </ul>
    </details>
  );
}
