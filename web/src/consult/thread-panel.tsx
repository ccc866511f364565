import { useCallback, useEffect, useState } from "react";

import { type Anchor, readThread, type Thread, writeNote } from "../api/consult";
import { sentenceOf } from "../api/request";
import { moment } from "../dicom/show";
import { useLanguage, useWords } from "../language/language";
import { routeAddress } from "../route";
import type { Session } from "../session/session";
import { color } from "./color";
import { OpinionForm } from "./opinion-form";
import { OpinionList } from "./opinion-list";
import type { Room } from "./use-room";

interface Props {
  room: Room;
  session: Session;
  followed: string | undefined;
  onFollow: (who: string | undefined) => void;
  marked: Anchor | undefined;
  onMark: (anchor: Anchor | undefined) => void;
}

/** A consultation beside the images: who is here, what is asked, the notes, the opinions. */
export function ThreadPanel({ room, session, followed, onFollow, marked, onMark }: Props) {
  const words = useWords();
  const { language } = useLanguage();
  const [thread, setThread] = useState<Thread>();
  const [text, setText] = useState("");
  const [pointed, setPointed] = useState(true);
  const [wrong, setWrong] = useState("");
  const { id, news } = room;
  const guest = session.state === "signed-in" ? session.guest : undefined;
  const isOver = room.isOver || (thread !== undefined && thread.state !== "open");

  const look = useCallback(
    (signal?: AbortSignal) =>
      readThread(id, signal).then(setThread, (error: unknown) => {
        if (signal?.aborted !== true) setWrong(sentenceOf(error, words.unreachable));
      }),
    [id, words],
  );
  useEffect(() => {
    const ended = new AbortController();
    // A guest whose consultation is over is told nothing more.
    if (!(room.isOver && guest)) void look(ended.signal);
    return () => ended.abort();
  }, [look, news, room.isOver, guest]);

  const shown = useCallback((): Anchor | undefined => {
    const view = room.last();
    return view && { instance: view.instance, frame: view.frame, ...(view.cursor ? { point: view.cursor } : {}) };
  }, [room]);
  // The pointer has left the image by the time that a note is written: where it was last counts.
  const [spot, setSpot] = useState<Anchor>();
  useEffect(() => {
    const keep = () => {
      const now = shown();
      if (now?.point) setSpot(now);
    };
    window.addEventListener("click", keep);
    return () => window.removeEventListener("click", keep);
  }, [shown]);

  function anchor(): Anchor | undefined {
    const now = shown();
    if (!pointed || now === undefined) return undefined;
    return spot !== undefined && spot.instance === now.instance && spot.frame === now.frame ? spot : now;
  }

  async function write() {
    setWrong("");
    try {
      await writeNote(id, text, anchor());
      setText("");
      void look();
    } catch (error) {
      setWrong(sentenceOf(error, words.unreachable));
    }
  }

  const mayOpine = guest ? guest.role === "second-reader" : session.state === "signed-in" && session.role === "radiologist";
  return (
    <section aria-label={words.consult.title} className="thread" data-testid="thread">
      <h2>
        {words.consult.title}
        {!guest && thread && (
          <a className="leave" href={routeAddress({ at: "study", study: thread.study })}>
            {words.consult.leave}
          </a>
        )}
      </h2>
      {isOver && <p role="alert">{guest ? words.consult.endedGuest : words.consult.ended}</p>}
      {thread && (
        <>
          <p className="said question">{thread.question}</p>
          <p className="note">
            {thread.by}, {words.consult.until(moment(thread.until, language))}
          </p>
        </>
      )}
      {!isOver && (
        <>
          <h3>{words.consult.people}</h3>
          {room.others.length === 0 && <p className="note">{words.consult.alone}</p>}
          <ul className="lines" data-testid="people">
            {room.others.map(({ who, name, guest: isGuest }) => (
              <li key={who}>
                <span>
                  <span className="dot" style={{ background: color(who) }} aria-hidden="true" /> {name}{" "}
                  {isGuest && <span className="note">({words.consult.guest})</span>}
                </span>
                <button
                  type="button"
                  className={followed === who ? "primary" : undefined}
                  aria-label={followed === who ? words.consult.followingOf(name) : words.consult.followOf(name)}
                  onClick={() => onFollow(followed === who ? undefined : who)}
                >
                  {followed === who ? words.consult.following : words.consult.follow}
                </button>
              </li>
            ))}
          </ul>
        </>
      )}
      {thread?.reports.map((report) => (
        <details key={report.id}>
          <summary>{words.consult.reportOf(report.title, report.version)}</summary>
          <pre className="report-plain">{report.text}</pre>
        </details>
      ))}
      <h3>{words.consult.thread}</h3>
      {thread?.notes.length === 0 && <p className="note">{words.consult.noNotes}</p>}
      <ol className="notes-of" data-testid="notes" aria-live="polite">
        {thread?.notes.map((note) => (
          <li key={note.number}>
            <p className="who">
              <strong>{note.by}</strong>
              {note.guest && <span className="note"> ({words.consult.guest})</span>}{" "}
              <span className="note">{moment(note.at, language)}</span>
              {note.anchor && (
                <button
                  type="button"
                  aria-pressed={marked === note.anchor}
                  aria-label={words.consult.showNote(note.number)}
                  onClick={() => onMark(marked === note.anchor ? undefined : (note.anchor ?? undefined))}
                >
                  ◎
                </button>
              )}
            </p>
            <p className="said">{note.text}</p>
          </li>
        ))}
      </ol>
      {wrong !== "" && <p role="alert">{wrong}</p>}
      {!isOver && (
        <form
          className="asking"
          onSubmit={(event) => {
            event.preventDefault();
            void write();
          }}
        >
          <label>
            {words.consult.note}
            <textarea rows={2} required maxLength={4000} value={text} onChange={(event) => setText(event.target.value)} />
          </label>
          <label className="check">
            <input type="checkbox" checked={pointed} onChange={(event) => setPointed(event.target.checked)} />
            {words.consult.point}
          </label>
          <button type="submit">{words.consult.write}</button>
        </form>
      )}
      {thread && (thread.opinions.length > 0 || mayOpine) && <h3>{words.consult.opinions}</h3>}
      {thread && <OpinionList opinions={thread.opinions} />}
      {thread && mayOpine && !isOver && <OpinionForm thread={thread} shown={shown} onGiven={() => void look()} />}
    </section>
  );
}
