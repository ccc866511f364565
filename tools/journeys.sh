#!/usr/bin/env bash
# Journeys through the page in headless Chromium, one after the other; every one runs, and it ends with 1 where one failed:
#
#   tools/journeys.sh PROGRAM DATA [JOURNEY ...]     of web desk imaging consult annotate ohif; all where none is named
#
# PROGRAM is `wilhelm` with the page in it, DATA the folder of real data sets (docs/page.md). PICTURES=FOLDER keeps what was seen. OHIF is
# fetched once from the registry of npm (tools/ohif.sh); where that does not work its journey is left out, and it says so.
set -euo pipefail

program=$(realpath "${1:?expected the program}")
data=$(realpath "${2:?expected the folder of data sets}")
shift 2
journeys=("$@")
[ ${#journeys[@]} -gt 0 ] || journeys=(web desk imaging consult annotate ohif)
here=$(cd "$(dirname "$0")" && pwd)
tools=${XDG_CACHE_HOME:-$HOME/.cache}/wilhelm/tools
ohif=$tools/ohif-3.12.10

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
PYTHONPATH="$("$here/setup.sh" interop)" python3 "$here/interop/web_samples.py" "$program" "$data" "$work/samples"

failed=()
for journey in "${journeys[@]}"; do
  options=()
  [ -z "${PICTURES:-}" ] || options+=(--pictures "$PICTURES")
  if [ "$journey" = ohif ]; then
    mkdir -p "$tools"
    if ! { [ -d "$ohif" ] || "$here/ohif.sh" "$ohif"; }; then
      printf '%s\n' "OHIF could not be fetched: its journey is left out" >&2
      continue
    fi
    options+=(--ohif "$ohif")
  fi
  printf '\n== %s\n' "$journey"
  node "$here/interop/$journey.mjs" "$program" "$work/samples" ${options[@]+"${options[@]}"} || failed+=("$journey")
done
if [ ${#failed[@]} -gt 0 ]; then
  printf 'failed: %s\n' "${failed[*]}" >&2
  exit 1
fi
