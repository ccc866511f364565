"""Makes the table of models/recipes/adverse-effect-sentences.toml out of the ADE corpus v2.

    python3 tools/ade_sentences.py shared/data/ade_corpus_v2 OUT

Writes OUT/ade-sentences.csv: each distinct sentence of a PMID once, with the PMID and whether the corpus says that it states
an adverse effect of a drug. A sentence that stands in both files is one that does. Nothing of it may be committed: the
corpus states no license.
"""

import csv
import pathlib
import sys


def main():
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    corpus, out = map(pathlib.Path, sys.argv[1:])
    found = {}
    with open(corpus / "DRUG-AE.rel", encoding="utf-8") as lines:
        for line in lines:
            pmid, sentence = line.rstrip("\n").split("|")[:2]
            found[pmid, " ".join(sentence.split())] = "adverse_effect"
    with open(corpus / "ADE-NEG.txt", encoding="utf-8") as lines:
        for line in lines:
            pmid, _, sentence = line.rstrip("\n").split(" ", 2)
            found.setdefault((pmid, " ".join(sentence.split())), "none")
    out.mkdir(parents=True, exist_ok=True)
    place = out / "ade-sentences.csv"
    with open(place.with_suffix(".new"), "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["text", "label", "pmid"])
        table.writerows([sentence, label, pmid] for (pmid, sentence), label in found.items() if sentence)
    place.with_suffix(".new").replace(place)
    adverse = sum(label == "adverse_effect" for label in found.values())
    print(f"{place}: {len(found)} sentences of {len({pmid for pmid, _ in found})} articles, {adverse} with an adverse effect")


if __name__ == "__main__":
    main()
