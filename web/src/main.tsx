import { createRoot } from "react-dom/client";

import { App } from "./app";
import { LanguageProvider } from "./language/language";
import "./style.css";
import "./desk.css";
import "./annotate/annotate.css";
import "./consult/consult.css";

const root = document.getElementById("root");
if (root === null) throw new Error("the page has no element to draw into");
createRoot(root).render(
  <LanguageProvider>
    <App />
  </LanguageProvider>,
);
