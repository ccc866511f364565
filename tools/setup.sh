#!/usr/bin/env bash
# Checks what the build needs; installs what is missing where it can, else says in one line what to do.
#
#   tools/setup.sh          what building and `make demo` need
#   tools/setup.sh test     that, and what `make test` needs
#
# Silent when all is there.
set -euo pipefail

want=${1:-build}
least_cargo=1.95
say() { printf '%s\n' "$*" >&2; }
has() { command -v "$1" >/dev/null 2>&1; }

# 1. System packages: command or library -> Debian package.
packages=()
has git || packages+=(git)
has make || packages+=(make)
has cmake || packages+=(cmake)
{ has cc && has c++; } || packages+=(gcc g++)
has python3 || packages+=(python3)
python3 -c 'import importlib.util, sys; sys.exit(importlib.util.find_spec("pip") is None)' 2>/dev/null ||
  packages+=(python3-pip)

has_libclang() {
  local folder file
  for folder in "${LIBCLANG_PATH:-}" /usr/lib/llvm-*/lib /usr/lib/*-linux-gnu /usr/lib64 /usr/lib \
    /usr/local/lib /opt/homebrew/opt/llvm/lib; do
    [ -n "$folder" ] || continue
    for file in "$folder"/libclang.so* "$folder"/libclang-[0-9]*.so* "$folder"/libclang.dylib; do
      [ -e "$file" ] && return 0
    done
  done
  return 1
}
# Bindings to llama.cpp are made with libclang, which also wants the compiler's own headers.
has_libclang || packages+=(libclang-dev clang)

if [ ${#packages[@]} -gt 0 ]; then
  line="apt-get update && apt-get install -y --no-install-recommends ${packages[*]}"
  if has apt-get && [ "$(id -u)" = 0 ]; then
    say "installing: ${packages[*]}"
    export DEBIAN_FRONTEND=noninteractive
    if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${packages[@]}"; } >&2; then
      say "this did not work: $line"
      exit 1
    fi
  elif has apt-get; then
    say "missing: ${packages[*]}. Run:"
    say "sudo sh -c '$line'"
    exit 1
  else
    say "missing: ${packages[*]} (Debian names). Install them with this system's package manager."
    exit 1
  fi
fi

# 2. Rust.
if ! has cargo; then
  say "cargo is missing: install Rust $least_cargo or newer with rustup (https://rustup.rs)."
  exit 1
fi
found=$(cargo --version | cut -d' ' -f2)
if [ "$(printf '%s\n%s\n' "$least_cargo" "$found" | sort -V | head -n 1)" != "$least_cargo" ]; then
  say "cargo is $found, expected $least_cargo or newer: run 'rustup update stable'."
  exit 1
fi
[ "$want" = test ] || exit 0

# 3. Tools of the tests, built in a folder of their own that is removed again.
for tool in fmt clippy; do
  has "cargo-$tool" || { say "cargo-$tool is missing: run 'rustup component add rustfmt clippy'."; exit 1; }
done
install_tool() {
  local tool=$1 version=$2 start=$SECONDS
  has "$tool" && return 0
  say "installing $tool $version from source, once"
  # Light optimization: they run for seconds, and link-time optimization would cost many minutes.
  if ! env -u CARGO_TARGET_DIR -u CARGO_BUILD_TARGET_DIR CARGO_PROFILE_RELEASE_LTO=off \
    CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_OPT_LEVEL=1 \
    cargo install --locked --quiet "$tool@$version" >&2; then
    say "this did not work: cargo install --locked $tool@$version"
    exit 1
  fi
  say "$tool installed in $((SECONDS - start)) s"
}
install_tool cargo-nextest 0.9.143
install_tool cargo-deny 0.20.2
