#!/usr/bin/env bash
# Runs fuzz targets one after another; stops at the first finding, whose input lies in fuzz/artifacts.
#
#   fuzz/run.sh SECONDS [TARGET...]     all targets where none is named
#
# New inputs are kept in $CARGO_TARGET_DIR/fuzz/<target>, not in the committed corpus. Files in SEEDS/<target>
# (see seeds.sh) are begun with too where SEEDS names a folder.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
seconds=$1
shift
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/fuzz/target}
mapfile -t targets < <(if [ $# -gt 0 ]; then printf '%s\n' "$@"; else cargo fuzz list; fi)
# A stable compiler has no address sanitizer; overflow checks of our own code are in fuzz/Cargo.toml.
build=(--release --sanitizer none)
cargo fuzz build "${build[@]}"
for target in "${targets[@]}"; do
  printf '\n== %s, %s s\n' "$target" "$seconds"
  found=$CARGO_TARGET_DIR/fuzz/$target
  mkdir -p "$found"
  folders=("$found" "fuzz/corpus/$target")
  [ -d "${SEEDS:-}/$target" ] && folders+=("$SEEDS/$target")
  words=()
  case $target in
  dicom_decode | dicom_series | measurement_report | segmentation) words=(-dict=fuzz/dictionaries/dicom.dict) ;;
  nrrd | metaimage) words=("-dict=fuzz/dictionaries/$target.dict") ;;
  esac
  cargo fuzz run "${build[@]}" "$target" "${folders[@]}" -- -max_total_time="$seconds" -max_len=16384 -timeout=10 \
    -rss_limit_mb=2048 -print_final_stats=1 "${words[@]}"
done
