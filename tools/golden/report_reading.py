"""Syllables, words, sentences and Flesch-Kincaid grades by textstat, for crates/report.

Usage: python3 tools/golden/report_reading.py WORDS TEXTS > testdata/reading/golden.json

WORDS holds one word a line (`cargo run -p wilhelm-report --example editions words`, and a list of common words); TEXTS
holds texts between lines of `---`. Made with textstat 0.7.13 (which counts syllables with the CMU Pronouncing Dictionary
and, where a word is not in it, with Pyphen 0.18.1).
"""

import json
import sys
from importlib.metadata import version

import textstat

words = [line.strip() for line in open(sys.argv[1], encoding="utf-8") if line.strip()]
texts = [part.strip() for part in open(sys.argv[2], encoding="utf-8").read().split("---\n") if part.strip()]
json.dump(
    {
        "textstat": version("textstat"),
        "pyphen": version("pyphen"),
        "words": {word: textstat.syllable_count(word) for word in sorted(set(words))},
        "texts": [
            {
                "text": text,
                "sentences": textstat.sentence_count(text),
                "words": textstat.lexicon_count(text),
                "syllables": textstat.syllable_count(text),
                "grade": textstat.flesch_kincaid_grade(text),
            }
            for text in texts
        ],
    },
    sys.stdout,
    indent=1,
)
print()
