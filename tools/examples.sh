#!/usr/bin/env bash
# Reads the three sample images and writes their reports in every form, in both languages and for patients, and a patient's record
# into out/examples. The argument is the program. `make test-examples` has what is there read by other programs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
wilhelm=$1
out=out/examples
at=2026-01-31T12:00:00+00:00

for image in testdata/chest_xray/chest_pa.dcm testdata/breast_ultrasound/breast_mass.png \
  testdata/brain_mr/brain_axial_t1c.jpg; do
  name=$(basename "$(dirname "$image")")
  forms=html,json,text,pdf,fhir,hl7
  modality=()
  source=()
  case $name in
  # Only DICOM has a study that objects can lie in.
  chest_xray) forms+=,sr,encapsulated-pdf source=(--source "$image") ;;
  breast_ultrasound) modality=(--modality US) ;;
  brain_mr) modality=(--modality MR) ;;
  esac
  # The folder holds read-only versions of the run before.
  rm -rf "${out:?}/$name"
  code=0
  "$wilhelm" read "$image" "${modality[@]}" --text "${image%/*}/indication.txt" --no-llm --format "$forms" --at "$at" \
    --language en,zh --audience clinician,patient --out "$out/$name" > /dev/null || code=$?
  # 1 is "done, with defects found", which the report itself tells.
  [ "$code" -le 1 ] || exit "$code"
  "$wilhelm" report sign "$out/$name" --as final --by 'Example^Reader' --organization 'Example Clinic' --at "$at"
  "$wilhelm" report export "$out/$name" --format "$forms" --at "$at" "${source[@]}"
done
rm -rf "$out/record"
mkdir -p "$out/record"
"$wilhelm" record testdata/record/before.txt --out "$out/record/before" > /dev/null
"$wilhelm" record testdata/record/dictation.txt --fhir testdata/record/bundle.json --day 2026-01-31 \
  --prior "$out/record/before/record.json" --out "$out/record/now" > "$out/record/now.txt"
printf '\nDrafts in %s/*, signed in %s/*/v2, a record in %s/record (research software, not a medical device)\n' "$out" "$out" "$out"
