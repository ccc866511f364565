import { createContext, type ReactNode, useContext, useEffect, useState } from "react";

import { english, type Words } from "./en";
import { chinese } from "./zh";

export type Language = "en" | "zh";

const WORDS: Record<Language, Words> = { en: english, zh: chinese };
const KEPT_AS = "wilhelm.language";

interface Choice {
  language: Language;
  choose: (language: Language) => void;
}

const LanguageContext = createContext<Choice>({ language: "en", choose: () => undefined });

function first(): Language {
  const kept = localStorage.getItem(KEPT_AS);
  if (kept === "en" || kept === "zh") return kept;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

export function LanguageProvider({ children }: { children: ReactNode }) {
  const [language, choose] = useState<Language>(first);
  useEffect(() => {
    localStorage.setItem(KEPT_AS, language);
    document.documentElement.lang = language === "zh" ? "zh-Hans" : "en";
  }, [language]);
  return <LanguageContext.Provider value={{ language, choose }}>{children}</LanguageContext.Provider>;
}

export function useLanguage(): Choice {
  return useContext(LanguageContext);
}

export function useWords(): Words {
  return WORDS[useContext(LanguageContext).language];
}
