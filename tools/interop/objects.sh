#!/usr/bin/env bash
# Judges written DICOM objects with dciodvfy (Debian: dicom3tools): no errors, and no warning but those below.
#
# Usage: tools/interop/objects.sh FOLDER, which `cargo run --release -p wilhelm-formats --example write_objects FOLDER` made.
set -euo pipefail

folder=${1:?usage: tools/interop/objects.sh FOLDER}
command -v dciodvfy > /dev/null || { echo "dciodvfy is missing: apt-get install dicom3tools" >&2; exit 2; }

# Warnings that are accepted, each with its reason:
# - "Retired Person Name form": a person's name without a caret, as the phantom's referring physician.
# - "Value dubious for this VR": the validator's own list of UCUM and RADLEX codes ends before ours.
# - "Coding Scheme Designator is deprecated": the validator's tables end before SCT replaced SRT in all of them.
accepted='Retired Person Name form|Value dubious for this VR|Unrecognized (code|defined term)'
errors=0
warnings=0
while IFS= read -r -d '' file; do
    found=$(dciodvfy -new "$file" 2>&1 || true)
    if grep -q '^Error' <<< "$found"; then
        errors=$((errors + 1))
        echo "$file"
        grep '^Error' <<< "$found" | sort | uniq -c
    fi
    if other=$(grep '^Warning' <<< "$found" | grep -Ev "$accepted"); then
        warnings=$((warnings + 1))
        echo "$file"
        sort <<< "$other" | uniq -c
    fi
done < <(find "$folder" -name '*.dcm' -print0 | sort -z)
echo "$errors objects with errors, $warnings with warnings that are not accepted"
[ "$errors" -eq 0 ]
