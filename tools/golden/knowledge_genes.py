"""Phenotypes of diplotypes by pypgx (0.27.0) beside those of the tables that `wilhelm genes` reads.

    python tools/golden/knowledge_genes.py /path/to/pharmcat/phenotype

Prints each vector with both answers and ends with how many agree; a vector whose gene has no table is said so.
"""

import importlib.metadata
import json
import pathlib
import sys

import pypgx

VECTORS = [
    ("CYP2C19", "*2", "*2"),
    ("CYP2C19", "*1", "*17"),
    ("CYP2C19", "*2", "*17"),
    ("CYP2C9", "*1", "*3"),
    ("CYP2C9", "*3", "*3"),
    ("TPMT", "*1", "*3A"),
    ("NUDT15", "*1", "*3"),
    ("DPYD", "Reference", "c.1905+1G>A (*2A)"),
    ("SLCO1B1", "*1", "*5"),
    ("UGT1A1", "*28", "*28"),
    ("CYP3A5", "*3", "*3"),
    ("CYP2B6", "*6", "*6"),
    ("CYP2D6", "*1", "*4"),
    ("CYP2D6", "*4", "*4"),
]


def main() -> None:
    folder = pathlib.Path(sys.argv[1])
    agree = compared = 0
    for gene, one, other in VECTORS:
        theirs = pypgx.predict_phenotype(gene, one, other)
        path = folder / f"{gene}.json"
        if not path.exists():
            print(f"{gene} {one}/{other}: pypgx {theirs}; no table")
            continue
        rows = json.loads(path.read_text())["diplotypes"]
        key = {one: 2} if one == other else {one: 1, other: 1}
        ours = [row["phenotype"] for row in rows if row["diplotypekey"] == key]
        same = ours == [theirs]
        compared, agree = compared + 1, agree + same
        print(f"{gene} {one}/{other}: pypgx {theirs}; table {', '.join(ours)}{'' if same else '  DIFFERS'}")
    print(f"{agree} of {compared} agree (pypgx {importlib.metadata.version('pypgx')})")


if __name__ == "__main__":
    main()
