"""The local language model beside llama-cpp-python: same file, same threads, same prompt, in turns.

Usage: python tools/bench/llm.py path/to/examples/speed MODEL.gguf [--threads 2] [--times 3] [--json docs/llm-speed.json]

`ratio` is our speed over the peer's: above 1 we are faster. Peak memory is of each process as the system counts it.
With --json the figures are also written there, for `tools/results.py`; --machine says in words what else the machine was doing.

    pip install llama-cpp-python
"""

import argparse
import json
import pathlib
import re
import statistics
import subprocess
import sys
import time

TEXT = "The river rises in the hills, runs past the mill and the old bridge, and meets the sea. " * 24
WRITTEN = 96
RUNS = 5


def peer(model, threads):
    """What `examples/speed` does: reads a prompt of some 500 tokens, writes 96 at temperature 0.7; medians of 5."""
    import llama_cpp

    network = llama_cpp.Llama(model, n_ctx=2048, n_batch=512, n_ubatch=512, n_threads=threads, n_threads_batch=threads,
                              verbose=False, seed=0)
    tokens = network.tokenize(f"<|im_start|>user\nTell in your own words: {TEXT}<|im_end|>\n<|im_start|>assistant\n".encode(), special=True)
    reading, writing = [], []
    for _ in range(RUNS):
        network.reset()
        started = time.perf_counter()
        network.eval(tokens)
        read = time.perf_counter()
        count = 0
        for _ in range(WRITTEN):
            token = network.sample(temp=0.7, top_k=0, top_p=1.0, min_p=0.0, repeat_penalty=1.0)
            count += 1
            if token == network.token_eos():
                break
            network.eval([token])
        reading.append(len(tokens) / (read - started))
        writing.append(count / (time.perf_counter() - read))
    peak = re.search(r"VmHWM:\s*(\d+)", pathlib.Path("/proc/self/status").read_text())
    return {"prompt": statistics.median(reading), "generated": statistics.median(writing), "megabytes": int(peak[1]) / 1024,
            "version": llama_cpp.__version__, "tokens": len(tokens)}


def ours(program, model, threads):
    told = subprocess.run([program, model, str(threads)], check=True, capture_output=True, text=True).stdout
    free = re.search(r"free, .*?: ([\d.]+) prompt tokens/s, ([\d.]+) generated", told)
    peak = re.search(r"peak resident memory: (\d+) kB", told)
    return {"prompt": float(free[1]), "generated": float(free[2]), "megabytes": int(peak[1]) / 1024}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("model")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--peer", action="store_true", help="measure the peer alone, as JSON")
    parser.add_argument("--json", type=pathlib.Path, help="file to write the figures to")
    parser.add_argument("--machine", default="on an idle machine", help="the machine in words, for the file")
    options = parser.parse_args()
    if options.peer:
        print(json.dumps(peer(options.model, options.threads)))
        return
    mine, theirs = [], []
    for _ in range(options.times):
        mine.append(ours(options.program, options.model, options.threads))
        command = [sys.executable, __file__, options.program, options.model, "--peer", "--threads", str(options.threads)]
        theirs.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    print(f"{pathlib.Path(options.model).name}, {options.threads} threads, prompt of {theirs[0]['tokens']} tokens, medians of {options.times}; "
          f"llama-cpp-python {theirs[0]['version']}")
    medians = [{name: round(statistics.median(run[name] for run in runs), 1) for name in ("prompt", "generated", "megabytes")}
               for runs in (mine, theirs)]
    if options.json:
        found = {
            "command": f"python tools/bench/llm.py SPEED MODEL.gguf --threads {options.threads} --times {options.times} --json docs/llm-speed.json",
            "model": pathlib.Path(options.model).stem.replace(".", " "),
            "machine": options.machine,
            "threads": options.threads,
            "times": options.times,
            "prompt_tokens": theirs[0]["tokens"],
            "peer_version": theirs[0]["version"],
            "wilhelm": medians[0],
            "llama_cpp_python": medians[1],
        }
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    for name, unit in (("prompt", "tokens/s"), ("generated", "tokens/s"), ("megabytes", "MB at the peak")):
        a, b = (statistics.median(run[name] for run in runs) for runs in (mine, theirs))
        print(f"{name}: wilhelm {a:.0f}, llama-cpp-python {b:.0f} {unit}, ratio {a / b:.2f}")


main()
