#!/usr/bin/env bash
# Writes the synthetic seeds of every fuzz target to FOLDER/<target>: what our own writers make, and streams
# of the codecs that we only read, made by other programs from synthetic pictures.
#
#   fuzz/seeds.sh fuzz/corpus              the committed corpus anew (names that are there already are replaced)
#   fuzz/seeds.sh FOLDER ../shared/data    and small public files, which are not to be committed
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=$(realpath -m "$1")
data=${2:+$(realpath "$2")}
cd "$here/.."

cargo run --quiet --release --locked -p wilhelm-formats --example write_seeds -- "$folder"
packages=${XDG_CACHE_HOME:-$HOME/.cache}/wilhelm/tools/fuzz-seeds
export PYTHONPATH=$packages
python3 -c 'import imagecodecs, numpy, pydicom, tifffile' 2>/dev/null ||
  python3 -m pip install --quiet --target "$packages" numpy==2.4.6 imagecodecs==2026.3.6 tifffile==2026.3.3 \
    pydicom==3.0.2
python3 fuzz/seeds.py "$folder"

[ -n "$data" ] || exit 0
# Small files only: the fuzzer cuts what is longer than its inputs.
copy() {
  local target=$1 file
  mkdir -p "$folder/$target"
  while IFS= read -r file; do
    cp "$file" "$folder/$target/$(sha256sum <<<"$file" | cut -c1-12)_$(basename "$file")"
  done
  chmod -R u+w "$folder/$target"
}
small() { find "$@" -type f -size -64k; }
small "$data/dicom_conformance" | grep -v -e '\.md$' -e '\.csv$' | tee >(copy dicom_series) | copy dicom_decode
small "$data/dicom_conformance" -iname '*seg*' | copy segmentation
small "$data/nifti_nrrd_samples" -name '*.nii*' | tee >(copy label_map) | copy nifti
small "$data/nifti_nrrd_samples" -name '*.nrrd' | tee >(copy label_map) | copy nrrd
