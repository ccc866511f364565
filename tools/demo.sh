#!/usr/bin/env bash
# Reads the three sample images and shows where the reports are. The argument is the program.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
wilhelm=$1
out=out/demo

# The language model is optional: without it the deterministic writer speaks alone.
"$wilhelm" models fetch smollm2 ||
  printf 'no language model: the reports are written without one\n' >&2

samples=(
  testdata/chest_xray/chest_pa.dcm
  testdata/breast_ultrasound/breast_mass.png
  testdata/brain_mr/brain_axial_t1c.jpg
)
mkdir -p "$out"
pages=()
for image in "${samples[@]}"; do
  name=$(basename "$(dirname "$image")")
  modality=()
  case $name in
  breast_ultrasound) modality=(--modality US) ;;
  brain_mr) modality=(--modality MR) ;;
  esac
  printf '\n==== %s\n\n' "$image"
  code=0
  "$wilhelm" read "$image" "${modality[@]}" --text "${image%/*}/indication.txt" \
    --out "$out/$name" --force || code=$?
  # 1 is "done, with defects found", which the report itself tells.
  [ "$code" -le 1 ] || exit "$code"
  page=$(find "$out/$name" -maxdepth 1 -name '*.html' | sort | head -n 1)
  [ -n "$page" ] || { printf 'no page was written to %s\n' "$out/$name" >&2; exit 4; }
  pages+=("$page")
done

printf '\nThe reports, to open in a browser (research software, not a medical device):\n'
for page in "${pages[@]}"; do printf '  file://%s/%s\n' "$PWD" "$page"; done

printf '\nThe same studies in the reading room, to be looked at, edited and signed (ctrl-c stops it):\n'
printf '  %s serve --demo\n' "$wilhelm"
printf "'make room' builds the page in the browser first (Node 20 or later); without it, there is a plain list of studies.\n"
