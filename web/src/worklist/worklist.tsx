import { useCallback, useEffect, useMemo, useState } from "react";

import { type DataSet, TAGS, text, texts } from "../dicom/json";
import { date, patientName, time } from "../dicom/show";
import { searchStudies } from "../dicom/web";
import { useLanguage, useWords } from "../language/language";
import { routeAddress } from "../route";
import { type Column, NO_SEARCH, PAGE, type Search, sorted, studyQuery } from "./query";
import { SearchForm } from "./search-form";

/** Between two looks for new studies. */
const REFRESH_MS = 5000;
/** Without a key or a pointer for so long the list asks no more: each asking would keep the session from ending. */
const IDLE_MS = 10 * 60_000;

const COLUMNS: Column[] = ["patient", "patientId", "date", "modality", "description", "accession", "series", "objects"];
const NUMBERS: ReadonlySet<Column> = new Set(["series", "objects"]);

interface Answer {
  studies: DataSet[];
  more: boolean;
}

export function Worklist() {
  const words = useWords();
  const [search, setSearch] = useState<Search>(NO_SEARCH);
  const [page, setPage] = useState(0);
  const [live, setLive] = useState(true);
  const [answer, setAnswer] = useState<Answer>();
  const [wrong, setWrong] = useState("");
  const [order, setOrder] = useState<{ column: Column; descending: boolean }>({ column: "date", descending: true });

  const look = useCallback(
    async (signal: AbortSignal) => {
      try {
        const found = await searchStudies(studyQuery(search, page), signal);
        setAnswer({ studies: found.slice(0, PAGE), more: found.length > PAGE });
        setWrong("");
      } catch (error) {
        if (!signal.aborted) setWrong(error instanceof TypeError ? words.unreachable : (error as Error).message);
      }
    },
    [search, page, words],
  );

  useEffect(() => {
    const ended = new AbortController();
    // A moment's wait, so that typing does not ask once a letter.
    const first = setTimeout(() => void look(ended.signal), 150);
    let touched = Date.now();
    const touch = () => {
      touched = Date.now();
    };
    for (const kind of ["pointermove", "keydown"]) window.addEventListener(kind, touch, { signal: ended.signal });
    const ask = () => {
      if (Date.now() - touched < IDLE_MS) void look(ended.signal);
    };
    const again = live ? setInterval(ask, REFRESH_MS) : undefined;
    return () => {
      ended.abort();
      clearTimeout(first);
      clearInterval(again);
    };
  }, [look, live]);

  const studies = useMemo(
    () => (answer ? sorted(answer.studies, order.column, order.descending) : []),
    [answer, order],
  );

  function change(next: Search) {
    setSearch(next);
    setPage(0);
  }

  function sortBy(column: Column) {
    setOrder((now) => ({ column, descending: now.column === column ? !now.descending : column === "date" }));
  }

  const searched = Object.values(search).some((value) => value !== "");
  return (
    <main className="worklist">
      <h1>{words.worklist.title}</h1>
      <SearchForm search={search} onChange={change} />
      {wrong !== "" && <p role="alert">{wrong}</p>}
      <div className="scrolls">
        <table>
          <thead>
            <tr>
              {COLUMNS.map((column) => (
                <th
                  key={column}
                  scope="col"
                  className={NUMBERS.has(column) ? "number" : undefined}
                  aria-sort={order.column !== column ? "none" : order.descending ? "descending" : "ascending"}
                >
                  <button type="button" className="sort" onClick={() => sortBy(column)}>
                    {words.worklist[column]}
                    <span aria-hidden="true">{order.column !== column ? "" : order.descending ? " ▾" : " ▴"}</span>
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {studies.map((study) => (
              <Row key={text(study, TAGS.studyInstanceUid)} study={study} />
            ))}
          </tbody>
        </table>
      </div>
      {answer?.studies.length === 0 && <p>{searched || page > 0 ? words.worklist.none : words.worklist.empty}</p>}
      <nav className="pages" aria-label={words.worklist.page(page + 1)}>
        <button type="button" disabled={page === 0} onClick={() => setPage(page - 1)}>
          {words.worklist.newer}
        </button>
        <span>{words.worklist.page(page + 1)}</span>
        <button type="button" disabled={!answer?.more} onClick={() => setPage(page + 1)}>
          {words.worklist.older}
        </button>
        <label className="check">
          <input type="checkbox" checked={live} onChange={(event) => setLive(event.target.checked)} />
          {words.worklist.live}
        </label>
      </nav>
    </main>
  );
}

function Row({ study }: { study: DataSet }) {
  const words = useWords();
  const { language } = useLanguage();
  const address = routeAddress({ at: "study", study: text(study, TAGS.studyInstanceUid) });
  const name = patientName(study, language);
  const when = [date(text(study, TAGS.studyDate)), time(text(study, TAGS.studyTime))].join(" ").trim();
  return (
    // The link in the first cell is for the keyboard; a click anywhere else in the row does the same.
     
    <tr onClick={() => (window.location.hash = address)}>
      <td>
        <a href={address}>{name === "" ? words.worklist.noName : name}</a>
      </td>
      <td>{text(study, TAGS.patientId)}</td>
      <td className="date">{when}</td>
      <td>{texts(study, TAGS.modalitiesInStudy).join(", ")}</td>
      <td>{text(study, TAGS.studyDescription)}</td>
      <td>{text(study, TAGS.accessionNumber)}</td>
      <td className="number">{text(study, TAGS.numberOfStudyRelatedSeries)}</td>
      <td className="number">{text(study, TAGS.numberOfStudyRelatedInstances)}</td>
    </tr>
  );
}
