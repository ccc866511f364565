import { useEffect, useState } from "react";

import { type Finding, type ImageReference, type Report, report } from "../dicom/content";
import { seriesMetadata } from "../dicom/web";
import { useWords } from "../language/language";
import type { SeriesLine } from "./series";

interface Props {
  lines: SeriesLine[];
  onShow: (image: ImageReference) => void;
}

export function ReportPanel({ lines, onShow }: Props) {
  const words = useWords();
  const [reports, setReports] = useState<Report[]>([]);
  const [wrong, setWrong] = useState("");
  useEffect(() => {
    const ended = new AbortController();
    Promise.all(lines.map((line) => seriesMetadata(line.study, line.series, ended.signal))).then(
      (found) => setReports(found.flat().map(report)),
      (error: unknown) => {
        if (!ended.signal.aborted && error instanceof Error) setWrong(error.message);
      },
    );
    return () => ended.abort();
  }, [lines]);
  return (
    <section aria-label={words.viewer.reports}>
      <h2>{words.viewer.reports}</h2>
      {lines.length === 0 && <p className="note">{words.viewer.noReports}</p>}
      {wrong !== "" && <p role="alert">{wrong}</p>}
      {reports.map((one) => (
        <article key={one.sopInstanceUid} data-testid="report">
          <h3>{one.title}</h3>
          {one.isWilhelms && <p className="note">{words.viewer.draft}</p>}
          {one.findings.length > 0 && <h3>{words.viewer.findings}</h3>}
          <ul className="lines">
            {one.findings.map((finding, at) => (
              <li key={`${finding.label} ${at}`}>
                <FindingLine finding={finding} onShow={onShow} />
              </li>
            ))}
          </ul>
          {one.sections.map((section, at) => (
            <div key={`${section.heading} ${at}`}>
              <h3>{section.heading}</h3>
              {section.lines.map((line, number) => (
                <p key={number}>{line}</p>
              ))}
            </div>
          ))}
        </article>
      ))}
    </section>
  );
}

function FindingLine({ finding, onShow }: { finding: Finding; onShow: (image: ImageReference) => void }) {
  const words = useWords();
  const [image] = finding.images;
  const percent = (value: number) => `${value.toFixed(0)} %`;
  const lines = [
    ...(finding.certainty === undefined
      ? []
      : [
          `${words.viewer.certainty}: ${percent(finding.certainty)}` +
            (finding.low === undefined || finding.high === undefined
              ? ""
              : ` (${words.viewer.interval(percent(finding.low), percent(finding.high))})`),
        ]),
    ...finding.measurements.map(({ name, value, unit }) => `${name}: ${Number(value).toPrecision(4)} ${unit}`),
    ...finding.qualities,
  ];
  return (
    <button
      type="button"
      className="finding"
      disabled={!image}
      title={image ? words.viewer.showImage : undefined}
      onClick={() => image && onShow(image)}
    >
      <strong>{finding.name || finding.label}</strong>
      {lines.map((line, at) => (
        <span key={at}>{line}</span>
      ))}
    </button>
  );
}
