import type { ReactNode } from "react";

import { useWords } from "../language/language";
import { NO_SEARCH, type Search } from "./query";

export const MODALITIES = ["CR", "CT", "DX", "MG", "MR", "NM", "PT", "SEG", "SR", "US", "XA"];

export function SearchForm({ search, onChange }: { search: Search; onChange: (search: Search) => void }) {
  const words = useWords();
  const field = (key: keyof Search, label: string, type: "search" | "date" = "search"): ReactNode => (
    <label>
      {label}
      <input
        type={type}
        value={search[key]}
        autoComplete="off"
        onChange={(event) => onChange({ ...search, [key]: event.target.value })}
      />
    </label>
  );
  return (
    <form role="search" aria-label={words.worklist.search} className="search" onSubmit={(event) => event.preventDefault()}>
      {field("patient", words.worklist.patient)}
      {field("patientId", words.worklist.patientId)}
      {field("from", words.worklist.from, "date")}
      {field("to", words.worklist.to, "date")}
      <label>
        {words.worklist.modality}
        <select value={search.modality} onChange={(event) => onChange({ ...search, modality: event.target.value })}>
          <option value="">{words.worklist.any}</option>
          {MODALITIES.map((modality) => (
            <option key={modality}>{modality}</option>
          ))}
        </select>
      </label>
      {field("accession", words.worklist.accession)}
      <button type="button" onClick={() => onChange(NO_SEARCH)}>
        {words.worklist.clear}
      </button>
    </form>
  );
}
