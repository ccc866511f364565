import { useWords } from "../language/language";
import { wordDiff } from "./word-diff";

/** Two wordings as one text: what was removed is struck out, what was added underlined, and both are said in words. */
export function WordChanges({ before, after }: { before: string; after: string }) {
  const words = useWords();
  return (
    <span className="changes">
      {wordDiff(before, after).map(({ kind, text }, at) => {
        if (kind === "same") return <span key={at}>{text}</span>;
        const Tag = kind === "added" ? "ins" : "del";
        return (
          <Tag key={at}>
            <span className="hidden">{kind === "added" ? words.desk.insertedHere : words.desk.deletedHere}</span>
            {text}
          </Tag>
        );
      })}
    </span>
  );
}
