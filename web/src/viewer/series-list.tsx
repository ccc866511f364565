import { thumbnailAddress } from "../dicom/web";
import { useWords } from "../language/language";
import type { SeriesLine } from "./series";

interface Props {
  lines: SeriesLine[];
  shown: ReadonlySet<string>;
  onChoose: (line: SeriesLine) => void;
}

export function SeriesList({ lines, shown, onChoose }: Props) {
  const words = useWords();
  return (
    <ul className="series">
      {lines
        .filter((line) => line.kind === "images")
        .map((line) => (
          <li key={line.series}>
            <button type="button" aria-pressed={shown.has(line.series)} onClick={() => onChoose(line)}>
              <img src={thumbnailAddress(line.study, line.series)} alt="" loading="lazy" width="64" height="64" />
              <span>
                <strong>
                  {line.modality} {line.number ?? ""}
                </strong>
                <span>{line.description}</span>
                <span>{words.viewer.images(line.count)}</span>
              </span>
            </button>
          </li>
        ))}
    </ul>
  );
}
