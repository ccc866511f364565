import { useState } from "react";

import { sentenceOf } from "../api/request";
import type { ImageReference } from "../dicom/content";
import { useWords } from "../language/language";
import { type KeyImages, referenceOf } from "./use-key-images";

interface Props {
  keys: KeyImages;
  account: string;
  onShow: (image: ImageReference) => void;
  onSaved: () => void;
}

/** The key images of a study below the image, beside a report. */
export function KeyStrip({ keys, account, onShow, onSaved }: Props) {
  const all = useWords();
  const words = all.images;
  const [wrong, setWrong] = useState("");
  const images = [...keys.saved.flatMap((one) => one.images), ...keys.marked.map(referenceOf)];
  if (images.length === 0) return null;

  function save() {
    setWrong("");
    keys.save("report", "", account).then(onSaved, (error: unknown) => setWrong(sentenceOf(error, all.unreachable)));
  }

  return (
    <div className="key-strip" role="group" aria-label={words.keyImages} data-testid="key-strip">
      {images.map((image, at) => (
        <button key={`${image.sopInstanceUid} ${image.frame}`} type="button" onClick={() => onShow(image)}>
          ★ {words.keyImage(at + 1)}
        </button>
      ))}
      {keys.marked.length > 0 && (
        <button type="button" className="primary" onClick={save}>
          {words.saveKeyImages}
        </button>
      )}
      {wrong !== "" && <span role="alert">{wrong}</span>}
    </div>
  );
}
