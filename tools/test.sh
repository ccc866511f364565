#!/usr/bin/env bash
# All checks, cheapest first. Prints the elapsed time of each part; the last line is 'N passed, N failed, N skipped'.
# A part that fails does not keep the later ones from running, except those that need the built program.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

log=$(mktemp)
trap 'rm -f "$log"' EXIT
passed=0 failed=0 skipped=0
broken=() times=()

part() {
  local name=$1 start=$SECONDS
  shift
  printf '\n== %s\n' "$name"
  if "$@"; then times+=("$name $((SECONDS - start)) s"); return 0; fi
  times+=("$name $((SECONDS - start)) s, failed")
  broken+=("$name")
  return 1
}

# Adds up '12 passed' and the like from a runner's summary lines, which are the arguments' output on stdin.
add() {
  local line number word
  while read -r line; do
    while read -r number word; do
      case $word in
      passed) passed=$((passed + number)) ;;
      failed | timed) failed=$((failed + number)) ;;
      skipped | ignored) skipped=$((skipped + number)) ;;
      esac
    done < <(grep -oE '[0-9]+ (passed|failed|timed|skipped|ignored)' <<<"$line")
  done
}

# docs/results.md says what the committed cards and runs say, and the cards what the runs say.
results() { python3 tools/cards.py --check && python3 tools/results.py --check; }
format() { cargo fmt --all --check; }
lints() { cargo clippy --release --locked --workspace --all-targets -- -D warnings; }
tests() {
  local code=0
  cargo nextest run --cargo-profile release --locked --workspace 2>&1 | tee "$log" || code=1
  add < <(sed 's/\x1b\[[0-9;]*m//g' "$log" | grep -E '^ *Summary \[')
  return $code
}
examples() {
  local code=0
  cargo test --release --locked --workspace --doc 2>&1 | tee "$log" || code=1
  add < <(sed 's/\x1b\[[0-9;]*m//g' "$log" | grep -E '^test result:')
  return $code
}
documentation() { RUSTDOCFLAGS="-D warnings" cargo doc --release --locked --workspace --no-deps; }
# Reports of the whole program against the committed schema, by an implementation that is not ours.
schemas() {
  local built=${CARGO_TARGET_DIR:?}/release
  cargo build --release --locked --quiet --workspace --example schema &&
    python3 tools/check_schema.py "$built/wilhelm" "$built/examples/schema"
}
# The advisory database is fetched from a git host that closed networks do not reach: `make advisories` asks it.
licenses() { "$(tools/setup.sh path cargo-deny)" --locked --workspace check --hide-inclusion-graph licenses bans sources; }

part format format
part results results
if part tests tests; then
  part examples examples
  part schemas schemas
fi
part lints lints
part documentation documentation
part licenses licenses

printf '\n'
printf '%s\n' "${times[@]}"
if [ ${#broken[@]} -gt 0 ]; then
  printf 'failed: %s\n' "${broken[*]}"
  [ "$failed" -gt 0 ] || failed=${#broken[@]}
fi
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ ${#broken[@]} -eq 0 ]
