import type { Passage, Statement, Term } from "../api/report";
import { useWords } from "../language/language";
import { percent } from "../worklist/triage";
import { linked } from "./linked";

/** A citation; what of it is a DOI or an address of the web is a link. */
export function Cited({ words: text }: { words: string }) {
  return linked(text).map((part, at) =>
    part.href === undefined ? (
      part.text
    ) : (
      <a key={at} href={part.href} target="_blank" rel="noreferrer noopener">
        {part.text}
      </a>
    ),
  );
}

function Named({ term }: { term: Term }) {
  return <span title={term.iri ?? undefined}>{term.label}</span>;
}

/** A statement of the knowledge base, with whom it cites and where it comes from. */
export function StatementDetails({ statement }: { statement: Statement }) {
  const words = useWords();
  const { subject, predicate, object, figures, citation, sentence, source, version, license } = statement;
  return (
    <>
      <p>
        <Named term={subject} /> <em>{predicate.label}</em> <Named term={object} />
      </p>
      {figures != null && (
        <p className="note">
          {words.desk.frequency(percent(figures.sensitivity), percent(figures.false_positive_rate))}
          {figures.population != null && ` (${figures.population})`}
        </p>
      )}
      {citation != null && (
        <p className="note">
          <Cited words={citation} />
        </p>
      )}
      {sentence != null && <blockquote className="note">{sentence}</blockquote>}
      <p className="note">{words.desk.knownFrom(version == null ? source : `${source} ${version}`, license)}</p>
    </>
  );
}

/** A passage of a text, with its words and where they stand. */
export function PassageDetails({ passage }: { passage: Passage }) {
  const words = useWords();
  const { id, title, source, license, quote, span } = passage;
  return (
    <>
      <blockquote>{quote}</blockquote>
      {title != null && <p>{title}</p>}
      <p className="note">
        <Cited words={source} />
      </p>
      <p className="note">
        {words.desk.passage(id, span[0], span[1])}
        {license != null && `, ${license}`}
      </p>
    </>
  );
}
