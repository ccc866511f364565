"""How well and how fast denials in clinical sentences are found, beside medspaCy's ConText, in one run.

Usage: python tools/bench/negation.py NEGATION ../shared/data/negex/annotations_half.txt

NEGATION is the program of `cargo build --release -p wilhelm-knowledge --example negation`. Both read the same sentences on
one core, each with the concept's place given; medspaCy with its default rules, sentence splitter included. Needs
`pip install medspacy`. Intervals are 95 % bootstrap percentiles over the sentences' reports.
"""

import json
import os
import random
import subprocess
import sys
import time

if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import loguru
import medspacy

# Its sentence splitter writes a log of every token, which would be what is timed.
loguru.logger.remove()

program, file = sys.argv[1:3]
rows = []
for line in open(file, encoding="latin-1").read().split("\n")[1:]:
    cells = line.rstrip("\r").split("\t")
    if len(cells) >= 4:
        tidy = lambda text: " ".join(text.strip().strip('"').split())
        rows.append((cells[0], tidy(cells[1]).lower(), tidy(cells[2]), cells[3].strip() == "Negated"))

nlp = medspacy.load(medspacy_enable=["medspacy_pyrush", "medspacy_context"])
pipes = [pipe for _, pipe in nlp.pipeline]


def denied(concept, sentence):
    start = sentence.lower().find(concept)
    if start < 0:
        return False
    doc = nlp.make_doc(sentence)
    span = doc.char_span(start, start + len(concept), label="X", alignment_mode="expand")
    doc.ents = [span]
    for pipe in pipes:
        doc = pipe(doc)
    return any(entity._.is_negated for entity in doc.ents)


def f1(pairs):
    hits = sum(truth and found for truth, found in pairs)
    wrong = sum(truth != found for truth, found in pairs)
    return 2 * hits / (2 * hits + wrong) if hits else 0.0


theirs, seconds = None, float("inf")
for _ in range(2):
    start = time.perf_counter()
    theirs = [denied(concept, sentence) for _, concept, sentence, _ in rows]
    seconds = min(seconds, time.perf_counter() - start)
out = subprocess.run([program, file, "--verdicts"], check=True, capture_output=True, text=True).stdout.split("\n")
ours = [word == "1" for word in out[0]]
said = json.loads(out[1])
truth = [row[3] for row in rows]
assert len(ours) == len(rows)

reports = {}
for place, row in enumerate(rows):
    reports.setdefault(row[0], []).append(place)
keys = sorted(reports)
generator = random.Random(7)
draws = [[place for key in generator.choices(keys, k=len(keys)) for place in reports[key]] for _ in range(2000)]


def interval(values):
    values = sorted(values)
    return f"{values[49]:.3f} to {values[1949]:.3f}"


for name, found, speed in [
    ("wilhelm", ours, said["rows_per_second"]),
    (f"medspaCy {medspacy.__version__}", theirs, len(rows) / seconds),
]:
    pairs = list(zip(truth, found))
    counts = [sum(pair == wanted for pair in pairs) for wanted in [(True, True), (False, True), (True, False)]]
    spread = interval([f1([pairs[place] for place in draw]) for draw in draws])
    print(f"{name}: F1 {f1(pairs):.3f} ({spread}); hits, false alarms, missed {counts}; {speed:,.0f} sentences a second")
both = [
    f1([(truth[place], ours[place]) for place in draw]) - f1([(truth[place], theirs[place]) for place in draw]) for draw in draws
]
print(f"difference in F1: {interval(both)}; {said['rows_per_second'] * seconds / len(rows):,.0f} times as fast")
