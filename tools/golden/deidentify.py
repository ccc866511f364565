"""What PS3.15 Table E.1-1 says to remove, empty or replace, as the package dicom-anonymizer holds it (edition 2026c).

    pip install dicom-anonymizer==2.1.0
    python tools/golden/deidentify.py crates/formats/src/dicom/deidentify/profile.txt

Writes one tag a line: group and element in hexadecimal digits, and the action's letters. Groups of many (50xx, 60xx, private
ones) are left out: the suite tests them by themselves.
"""

import sys

from dicomanonymizer.dicom_anonymization_databases import dicomfields_2026c as table

NAMES = ["D", "Z", "X", "U", "Z_D", "X_Z", "X_D", "X_Z_D", "X_Z_U_STAR"]
lines = set()
for name in NAMES:
    for tag in getattr(table, f"{name}_TAGS"):
        if len(tag) == 2:
            lines.add(f"{tag[0]:04X},{tag[1]:04X} {name.replace('_', '/').replace('STAR', '*')}")
with open(sys.argv[1], "w", encoding="ascii", newline="\n") as out:
    out.write("# tools/golden/deidentify.py: dicom-anonymizer 2.1.0, PS3.15 2026c Table E.1-1\n")
    out.write("\n".join(sorted(lines)) + "\n")
