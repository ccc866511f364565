#!/usr/bin/env bash
# Judges written DICOM objects with dciodvfy (Debian: dicom3tools): no error is accepted, warnings are shown.
#
# Usage: tools/interop/objects.sh FOLDER, which `cargo run --release -p wilhelm-formats --example write_objects FOLDER` made.
set -euo pipefail

folder=${1:?usage: tools/interop/objects.sh FOLDER}
command -v dciodvfy > /dev/null || { echo "dciodvfy is missing: apt-get install dicom3tools" >&2; exit 2; }

# Label Map Segmentation Storage (Supplement 243) is younger than the dciodvfy of Debian 12, which knows no
# such object and judges its segment numbers by the older rule; tools/interop/objects.py reads it instead.
unknown='seg_labelmap.dcm'
errors=0
warnings=0
while IFS= read -r -d '' file; do
    found=$(dciodvfy -new "$file" 2>&1 || true)
    if [ "$(basename "$file")" = "$unknown" ] && grep -q 'Information Object Not found' <<< "$found"; then
        echo "$file: an object that this dciodvfy does not know"
        continue
    fi
    if grep -q '^Error' <<< "$found"; then
        errors=$((errors + 1))
        echo "$file"
        grep '^Error' <<< "$found" | sort | uniq -c
    fi
    if other=$(grep '^Warning' <<< "$found"); then
        warnings=$((warnings + 1))
        echo "$file"
        sort <<< "$other" | uniq -c
    fi
done < <(find "$folder" -name '*.dcm' -print0 | sort -z)
echo "$errors objects with errors, $warnings with warnings"
[ "$errors" -eq 0 ]
