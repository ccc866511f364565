"""Statements on drugs as a CSV for `wilhelm genes --guidance`, from an installed pypgx (pip install pypgx).

Rows for one gene alone are taken: `wilhelm genes` judges genes one by one. The table says neither a level of evidence
nor a date, so `level` says so, and `source` names the version of pypgx that the words come from.

    python tools/pharmacogenomic_guidance.py guidance.csv
"""

import csv
import importlib.metadata
import sys


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    import pypgx

    source = f"CPIC by the recommendation table of pypgx {importlib.metadata.version('pypgx')}"
    table = pypgx.load_recommendation_table().fillna("None")
    kept = left_out = 0
    with open(sys.argv[1], "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["gene", "phenotype", "drug", "statement", "level", "source"])
        for row in table.itertuples():
            words = str(row.Recommendation).strip()
            if str(row.Gene2) != "None" or words in ("", "None"):
                left_out += 1
                continue
            writer.writerow([row.Gene1, row.Phenotype1, row.Drug, words, "not stated by the table", source])
            kept += 1
    print(f"{kept} statements; {left_out} rows left out (two genes, or no words)", file=sys.stderr)


if __name__ == "__main__":
    main()
