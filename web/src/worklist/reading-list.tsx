import { useCallback, useState } from "react";

import { isMissing, sentenceOf } from "../api/request";
import { useFresh } from "../api/use-fresh";
import { haveRead, worklist, type WorklistRow, type WorklistSearch } from "../api/worklist";
import { useWords } from "../language/language";
import { MODALITIES } from "./search-form";
import { ReadingRow } from "./reading-row";
import { AIM_MINUTES, SEARCHED_STATES, waited } from "./triage";
import { useNow } from "./use-now";
import { Worklist } from "./worklist";

const PAGE = 50;
const NO_SEARCH: WorklistSearch = { state: "", modality: "", text: "" };

/** A study, a job and a report each change a line. */
const concerns = () => true;

/** What wants reading, in the order in which it does; the plain list of studies where the archive keeps no worklist. */
export function ReadingList() {
  const words = useWords();
  const [search, setSearch] = useState(NO_SEARCH);
  const [page, setPage] = useState(0);
  const [live, setLive] = useState(true);
  const [said, setSaid] = useState("");
  const [wrong, setWrong] = useState("");
  const now = useNow();
  const load = useCallback((signal: AbortSignal) => worklist(search, PAGE, page * PAGE, signal), [search, page]);
  const { value, error, again } = useFresh(load, concerns, live);

  if (isMissing(error)) return <Worklist />;

  function change(next: Partial<WorklistSearch>) {
    setSearch({ ...search, ...next });
    setPage(0);
  }

  async function read(row: WorklistRow, name: string) {
    setWrong("");
    try {
      await haveRead(row.study);
      setSaid(words.list.asked(name));
      again();
    } catch (refused) {
      setWrong(sentenceOf(refused, words.unreachable));
    }
  }

  const aim = (minutes: number) => waited(minutes, words.list.units);
  const searched = Object.values(search).some((one: string) => one !== "");
  const problem = wrong !== "" ? wrong : error === undefined ? "" : sentenceOf(error, words.unreachable);
  return (
    <main className="worklist">
      <h1>{words.list.title}</h1>
      <form role="search" aria-label={words.worklist.search} className="search" onSubmit={(event) => event.preventDefault()}>
        <label>
          {words.list.text}
          <input type="search" value={search.text} autoComplete="off" onChange={(event) => change({ text: event.target.value })} />
        </label>
        <label>
          {words.list.state}
          <select value={search.state} onChange={(event) => change({ state: event.target.value })}>
            <option value="">{words.worklist.any}</option>
            {SEARCHED_STATES.map((state) => (
              <option key={state} value={state}>
                {words.list.searchedStates[state]}
              </option>
            ))}
          </select>
        </label>
        <label>
          {words.worklist.modality}
          <select value={search.modality} onChange={(event) => change({ modality: event.target.value })}>
            <option value="">{words.worklist.any}</option>
            {MODALITIES.map((modality) => (
              <option key={modality}>{modality}</option>
            ))}
          </select>
        </label>
        <button type="button" onClick={() => change(NO_SEARCH)}>
          {words.worklist.clear}
        </button>
        {value && <span className="note">{words.list.count(value.rows.length, value.total)}</span>}
      </form>
      {problem !== "" && <p role="alert">{problem}</p>}
      <p role="status" className={said === "" ? "hidden" : "note"}>
        {said}
      </p>
      <div className="scrolls">
        <table>
          <thead className="plain">
            <tr>
              {(["triage", "state", "arrived"] as const).map((column) => (
                <th key={column} scope="col">
                  {words.list[column]}
                </th>
              ))}
              {(["patient", "patientId"] as const).map((column) => (
                <th key={column} scope="col">
                  {words.worklist[column]}
                </th>
              ))}
              <th scope="col">{words.list.study}</th>
              <th scope="col">{words.worklist.modality}</th>
              <th scope="col">{words.list.actions}</th>
            </tr>
          </thead>
          <tbody>
            {value?.rows.map((row) => (
              <ReadingRow key={row.study} row={row} now={now} onRead={(name) => void read(row, name)} />
            ))}
          </tbody>
        </table>
      </div>
      {value?.rows.length === 0 && <p>{searched || page > 0 ? words.worklist.none : words.list.empty}</p>}
      <nav className="pages" aria-label={words.worklist.page(page + 1)}>
        <button type="button" disabled={page === 0} onClick={() => setPage(page - 1)}>
          {words.worklist.newer}
        </button>
        <span>{words.worklist.page(page + 1)}</span>
        <button type="button" disabled={(page + 1) * PAGE >= (value?.total ?? 0)} onClick={() => setPage(page + 1)}>
          {words.worklist.older}
        </button>
        <label className="check">
          <input type="checkbox" checked={live} onChange={(event) => setLive(event.target.checked)} />
          {words.worklist.live}
        </label>
      </nav>
      <p className="note">{words.list.aims(aim(AIM_MINUTES.urgent), aim(AIM_MINUTES.soon), aim(AIM_MINUTES.routine))}</p>
    </main>
  );
}
