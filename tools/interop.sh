#!/usr/bin/env bash
# What this program writes, judged and read by others. The argument is the folder of the built examples.
# With `examples` as the second argument nothing but what `make examples` wrote.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
examples=$1
peers=$(tools/setup.sh interop)
export PYTHONPATH=$peers
if [ "${2:-}" = examples ]; then
  printf '== out/examples: dciodvfy\n'
  tools/interop/objects.sh out/examples
  printf '\n== out/examples: fhir.resources, hl7apy, pypdf, poppler, qpdf, dcmtk and highdicom\n'
  python3 tools/interop/examples.py out/examples
  printf '\n== out/examples: the npm package fhir\n'
  NODE_PATH="$peers/node_modules" node tools/interop/fhir.js out/examples/*/report.fhir.json out/examples/*/v2/report.fhir.json
  exit 0
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

printf '== DICOM objects: dciodvfy\n'
"$examples/write_objects" "$folder/objects"
tools/interop/objects.sh "$folder/objects"
printf '\n== DICOM objects: pydicom and highdicom\n'
python3 tools/interop/objects.py "$folder/objects"
printf '\n== volume files: nibabel and SimpleITK\n'
"$examples/write_volumes" "$folder/volumes"
python3 tools/interop/volumes.py "$folder/volumes"
printf '\n== networks as ONNX: onnx and ONNX Runtime\n'
"$examples/write_onnx" "$folder/networks"
python3 tools/interop/networks.py "$folder/networks"
printf '\n== reports: dciodvfy\n'
"$examples/write_reports" "$folder/reports"
tools/interop/objects.sh "$folder/reports"
printf '\n== reports: fhir.resources, hl7apy, pypdf, poppler, qpdf, dcmtk and highdicom\n'
python3 tools/interop/reports.py "$folder/reports"
printf '\n== reports: the npm package fhir\n'
NODE_PATH="$peers/node_modules" node tools/interop/fhir.js "$folder"/reports/*/report.fhir.json*
printf '\n== messages: the MLLP server of the Python package hl7\n'
python3 tools/interop/mllp.py "$examples/../wilhelm" "$folder/reports/final/report.hl7"
printf '\n== a model behind an address: the server of llama-cpp-python\n'
PYTHONPATH="$(tools/setup.sh llm)" python3 tools/interop/endpoint.py "$examples/endpoint"
printf '\n== the audit log: fhir.resources and Python\'s own hashes\n'
"$examples/write_audit" "$folder/audit"
python3 tools/interop/audit.py "$folder/audit"
printf '\n== the archive: dcmtk, pynetdicom and dicomweb-client\n'
python3 tools/interop/archive.py "$examples/../wilhelm" "${DATA:-../shared/data}/dicom_conformance"
printf '\n== the archive killed in the middle of its work\n'
python3 tools/interop/archive_kill.py "$examples/../wilhelm" 20
printf '\n== the archive as its description says: schemathesis\n'
python3 tools/interop/description.py "$examples/../wilhelm"
printf '\n== the archive among scanners and information systems: dcmtk, pynetdicom and Orthanc\n'
python3 tools/interop/peers.py "$examples/../wilhelm"
