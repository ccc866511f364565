"""Vectors of sentences beside sentence-transformers, on the processor, in the same run.

Usage: python tools/bench/sentences.py path/to/examples/sentences MINILM [--texts FILE] [--count 512] [--times 3]
           [--threads 2]

MINILM is the folder of all-MiniLM-L6-v2, which `wilhelm models fetch minilm` brings. Without --texts the sentences are made
of a grammar, of 4 to 40 words. Runs come in turns, and the median counts. `ratio` is the peer's time over ours: above 1 we
are faster. The vectors of both are compared too.

    pip install torch transformers sentence-transformers
"""

import argparse
import json
import os
import pathlib
import random
import statistics
import subprocess
import tempfile
import time


def sentences(count):
    draw = random.Random(7)
    sides, places = ["left", "right", "bilateral"], ["upper lobe", "lower lobe", "hilum", "costophrenic angle"]
    things = ["opacity", "consolidation", "pleural effusion", "pneumothorax", "atelectasis", "nodule of 8 mm"]
    part = lambda: f"{draw.choice(['no', 'new', 'unchanged', 'small'])} {draw.choice(things)} in the {draw.choice(sides)} {draw.choice(places)}"
    return ["; ".join(part() for _ in range(draw.choice([1, 1, 1, 2, 3, 4]))) + "." for _ in range(count)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("model")
    parser.add_argument("--texts")
    parser.add_argument("--count", type=int, default=512)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    options = parser.parse_args()
    os.environ["RAYON_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = str(options.threads)
    os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", TOKENIZERS_PARALLELISM="true")
    import numpy as np
    import sentence_transformers
    import torch

    torch.set_num_threads(options.threads)
    if options.texts:
        texts = [line.strip() for line in pathlib.Path(options.texts).read_text().splitlines() if line.strip()][: options.count]
    else:
        texts = sentences(options.count)
    network = sentence_transformers.SentenceTransformer(options.model, device="cpu")
    theirs_vectors = network.encode(texts)
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(texts) + "\n")
        file.flush()
        ours, theirs = [], []
        for _ in range(options.times):
            told = subprocess.run([options.program, options.model, file.name, "2"], check=True, capture_output=True, text=True)
            told = json.loads(told.stdout)
            ours += told["seconds"]
            for _ in range(2):
                start = time.perf_counter()
                network.encode(texts)
                theirs.append(time.perf_counter() - start)
    mine, peer = statistics.median(ours), statistics.median(theirs)
    apart = np.abs(np.array(told["vectors"]) - theirs_vectors).max()
    words = sum(len(text.split()) for text in texts) / len(texts)
    print(f"{len(texts)} sentences of {words:.1f} words in the mean, {options.threads} threads, torch {torch.__version__}, "
          f"sentence-transformers {sentence_transformers.__version__}")
    print(f"ours {len(texts) / mine:.1f} sentences a second, sentence-transformers {len(texts) / peer:.1f}, "
          f"ratio {peer / mine:.2f}; vectors differ by {apart:.1e} at most")


main()
