#!/usr/bin/env bash
# Speed and memory: reading a CT series beside pydicom and SimpleITK, one image through each model, whole commands
# on the sample images, and the language model. The argument is the program; TIMES (5) is how often each is run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
wilhelm=$1
times=${TIMES:-5}
peers=$(tools/setup.sh bench)
export PYTHONPATH=$peers
examples=$CARGO_TARGET_DIR/release/examples

cargo build --release --locked --quiet --workspace --examples
printf 'processor: %s, %s cores\n' \
  "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2>/dev/null | head -n 1)" "$(getconf _NPROCESSORS_ONLN)"

printf '\n== reading and assembling a CT series of 300 slices of 512 x 512\n'
python3 tools/bench/series.py "$examples/read_series" --times "$times"

printf '\n== one image through each model\n'
for threads in 1 2; do RAYON_NUM_THREADS=$threads "$examples/model_speed"; done

printf '\n== whole commands\n'
"$wilhelm" models fetch smollm2 >/dev/null
python3 tools/bench/commands.py "$wilhelm" --times "$times"

printf '\n== the language model\n'
"$examples/speed" "$("$wilhelm" models fetch smollm2)"
PYTHONPATH="$(tools/setup.sh llm)" python3 tools/bench/llm.py "$examples/speed" "$("$wilhelm" models fetch smollm2)" --times "$times"
