#!/usr/bin/env bash
# How long whole commands take on the sample images: the median of RUNS runs (5), and the fastest and slowest.
# The argument is the program.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
wilhelm=$1
runs=${RUNS:-5}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

measure() {
  local name=$1 start code run times=()
  shift
  for ((run = 0; run < runs; run++)); do
    start=$(date +%s%N) code=0
    "$@" >/dev/null 2>&1 || code=$?
    # 1 is "done, with defects found".
    [ "$code" -le 1 ] || { printf '%s ended with exit code %s\n' "$name" "$code" >&2; exit "$code"; }
    times+=($((($(date +%s%N) - start) / 1000000)))
  done
  mapfile -t times < <(printf '%s\n' "${times[@]}" | sort -n)
  printf '%-28s %6d ms (%d to %d, %d runs)\n' \
    "$name" "${times[$(((runs - 1) / 2))]}" "${times[0]}" "${times[-1]}" "$runs"
}

printf 'processor: %s, %s cores\n' \
  "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2>/dev/null | head -n 1)" "$(getconf _NPROCESSORS_ONLN)"
read_without_model() { "$wilhelm" read "$1" ${3:+--modality "$3"} --no-llm --force --out "$folder/$2"; }
chest=testdata/chest_xray/chest_pa.dcm
measure "inspect a radiograph" "$wilhelm" inspect "$chest"
measure "read a chest radiograph" read_without_model "$chest" chest
measure "read a breast ultrasound" read_without_model testdata/breast_ultrasound/breast_mass.png breast US
measure "read a brain MR slice" read_without_model testdata/brain_mr/brain_axial_t1c.jpg brain MR

# The language model's own speed, where it is in the cache.
model=$(find "${WILHELM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/wilhelm}/models" -name '*.gguf' 2>/dev/null | sort | head -n 1)
if [ -n "$model" ]; then
  cargo run --release --locked --quiet -p wilhelm-llm --example speed -- "$model"
else
  printf 'no language model in the cache: `wilhelm models fetch smollm2` brings one\n'
fi
