import { type SubmitEvent, useEffect, useId, useState } from "react";

import { useHappenings } from "../api/events";
import type { Job } from "../api/jobs";
import { sentenceOf } from "../api/request";
import { destinations, job as readJob, send } from "../api/send";
import { useWords } from "../language/language";

const isUnderway = (job: Job) => job.state === "queued" || job.state === "running";

/** Sends a study to a station or an archive; nothing where the configuration lists none, or the account may not send. */
export function SendPanel({ study }: { study: string }) {
  const words = useWords();
  const id = useId();
  const [places, setPlaces] = useState<string[]>([]);
  const [to, setTo] = useState("");
  const [hides, setHides] = useState(false);
  const [job, setJob] = useState<Job>();
  const [wrong, setWrong] = useState("");

  useEffect(() => {
    const ended = new AbortController();
    destinations(ended.signal).then(setPlaces, () => undefined);
    return () => ended.abort();
  }, []);

  useHappenings((one) => {
    if (job === undefined) return;
    if (one.what === "job" && one.job.id === job.id) setJob(one.job);
    if (one.what === "look" && isUnderway(job)) readJob(job.id).then(setJob, () => undefined);
  }, job !== undefined);

  const chosen = places.includes(to) ? to : (places[0] ?? "");

  async function submit(event: SubmitEvent) {
    event.preventDefault();
    setWrong("");
    try {
      setJob(await send(study, chosen, hides));
    } catch (error) {
      setWrong(sentenceOf(error, words.unreachable));
    }
  }

  if (places.length === 0) return null;
  return (
    <section aria-labelledby={id} data-testid="send">
      <h2 id={id}>{words.send.title}</h2>
      <form onSubmit={(event) => void submit(event)}>
        <label className="stacked">
          {words.send.to}
          <select value={chosen} onChange={(event) => setTo(event.target.value)}>
            {places.map((place) => (
              <option key={place} value={place}>
                {place}
              </option>
            ))}
          </select>
        </label>
        <label className="check">
          <input type="checkbox" checked={hides} onChange={(event) => setHides(event.target.checked)} />
          {words.send.deidentify}
        </label>
        {hides && <p className="note">{words.send.deidentifyHow}</p>}
        <p className="choices">
          <button type="submit" disabled={job !== undefined && isUnderway(job)}>
            {words.send.send}
          </button>
        </p>
      </form>
      {wrong !== "" && <p role="alert">{wrong}</p>}
      <p role="status">
        {job && (
          <>
            <span className={`state ${job.state}`}>{words.jobs.states[job.state]}</span>{" "}
            <a href="#/jobs">{words.send.job(job.id)}</a>
            {isUnderway(job) && job.progress && ` ${job.progress.done} / ${job.progress.total}`}
            {job.error !== null && <span className="why error">{job.error}</span>}
          </>
        )}
      </p>
    </section>
  );
}
