import type { Job } from "../api/jobs";
import { moment } from "../dicom/show";
import { useLanguage, useWords } from "../language/language";
import { routeAddress } from "../route";

interface Props {
  job: Job;
  onAct: (what: "cancel" | "retry") => void;
}

export function JobRow({ job, onAct }: Props) {
  const words = useWords();
  const { language } = useLanguage();
  const can = {
    cancel: job.state === "queued" || job.state === "running",
    retry: job.state === "dead" || job.state === "failed",
  };
  return (
    <tr data-job={job.id}>
      <td>{job.id}</td>
      <td>{job.kind}</td>
      <td>
        {job.study && (
          <a href={routeAddress({ at: "study", study: job.study })} title={job.study}>
            {shortened(job.study)}
          </a>
        )}
      </td>
      <td>
        <span className={`state ${job.state}`}>{words.jobs.states[job.state]}</span>
        {job.error && <span className="why error">{job.error}</span>}
        {job.not_before && job.state === "queued" && <span className="why">{words.jobs.notBefore(moment(job.not_before, language))}</span>}
      </td>
      <td>
        {job.progress && can.cancel && (
          <label className="progress">
            {job.progress.words} {job.progress.done} / {job.progress.total}
            <progress value={job.progress.done} max={Math.max(job.progress.total, 1)} />
          </label>
        )}
      </td>
      <td>{words.jobs.attemptsOf(job.attempts, job.most_attempts)}</td>
      <td className="date">{moment(job.made, language)}</td>
      <td>{job.by}</td>
      <td className="acts">
        {(["cancel", "retry"] as const)
          .filter((what) => can[what])
          .map((what) => (
            <button key={what} type="button" aria-label={words.jobs.actOf(words.jobs[what], job.id)} onClick={() => onAct(what)}>
              {words.jobs[what]}
            </button>
          ))}
      </td>
    </tr>
  );
}

/** The end of an identifier, which tells apart; the whole is the link's title. */
function shortened(uid: string): string {
  return uid.length <= 16 ? uid : `…${uid.slice(-14)}`;
}
