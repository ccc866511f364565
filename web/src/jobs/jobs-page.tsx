import { useCallback, useState } from "react";

import { act, type Job, JOB_STATES, type JobState, queue } from "../api/jobs";
import { isMissing, sentenceOf } from "../api/request";
import { useFresh } from "../api/use-fresh";
import { useWords } from "../language/language";
import { JobRow } from "./job-row";
import { RulesSection } from "./rules-section";

const FIRST = 50;

const concerns = ({ what }: { what: string }) => what === "job" || what === "look";

/** The queue: what waits, runs, is done or given up, and the rules that fill it. */
export function JobsPage() {
  const words = useWords();
  const [state, setState] = useState<JobState | "">("");
  const [limit, setLimit] = useState(FIRST);
  const [said, setSaid] = useState("");
  const [wrong, setWrong] = useState("");
  const load = useCallback((signal: AbortSignal) => queue(state, limit, signal), [state, limit]);
  const { value, error, again } = useFresh(load, concerns);

  async function change(job: Job, what: "cancel" | "retry") {
    setWrong("");
    try {
      await act(job.id, what);
      setSaid(what === "cancel" ? words.jobs.cancelled(job.id) : words.jobs.retried(job.id));
      again();
    } catch (refused) {
      setWrong(sentenceOf(refused, words.unreachable));
    }
  }

  const problem =
    wrong !== "" ? wrong : isMissing(error) ? words.jobs.missing : error === undefined ? "" : sentenceOf(error, words.unreachable);
  const count = (one: JobState) => value?.counts[one] ?? 0;
  const total = JOB_STATES.reduce((sum, one) => sum + count(one), 0);
  return (
    <main className="worklist">
      <h1>{words.jobs.title}</h1>
      {problem !== "" && <p role="alert">{problem}</p>}
      <p role="status" className={said === "" ? "hidden" : "note"}>
        {said}
      </p>
      <div className="choices" role="group" aria-label={words.jobs.state}>
        {(["", ...JOB_STATES] as const).map((one) => (
          <button key={one} type="button" aria-pressed={state === one} onClick={() => setState(one)}>
            {one === "" ? words.jobs.all : words.jobs.states[one]} <span className="count">{one === "" ? total : count(one)}</span>
          </button>
        ))}
      </div>
      <div className="scrolls">
        <table className="still" data-testid="jobs">
          <thead className="plain">
            <tr>
              {(["job", "kind", "study", "state", "progress", "attempts", "made", "by", "actions"] as const).map((column) => (
                <th key={column} scope="col">
                  {words.jobs[column]}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {value?.jobs.map((job) => (
              <JobRow key={job.id} job={job} onAct={(what) => void change(job, what)} />
            ))}
          </tbody>
        </table>
      </div>
      {value?.jobs.length === 0 && <p>{words.jobs.none}</p>}
      {value && value.jobs.length >= limit && (
        <button type="button" onClick={() => setLimit(limit + FIRST)}>
          {words.jobs.more}
        </button>
      )}
      <RulesSection />
    </main>
  );
}
