"""Writes docs/results.md from what training runs left: the cards of the shipped models and `models/runs/*/*.json`.

Usage: python3 tools/results.py [--check]

Prints the page. With --check prints nothing and fails where docs/results.md is not what it would print. Nothing is
measured here; every number of ours stands in a committed file that `wilhelm train` or `wilhelm sweep` wrote, and
those of others in `PUBLISHED`.
"""

import json
import pathlib
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent

# What the field has printed for the test splits of the same collections, for scale.
PUBLISHED = [
    ("PneumoniaMNIST", "ResNet-18, 28 px", 0.944, 0.854),
    ("PneumoniaMNIST", "ResNet-50, 224 px", 0.962, 0.884),
    ("PneumoniaMNIST", "Google AutoML Vision", 0.991, 0.946),
    ("BreastMNIST", "ResNet-18, 28 px", 0.901, 0.863),
    ("BreastMNIST", "Google AutoML Vision", 0.919, 0.861),
    ("AdrenalMNIST3D", "ResNet-18 + 3D", 0.827, 0.721),
    ("AdrenalMNIST3D", "ResNet-18 + ACS", 0.839, 0.754),
    ("AdrenalMNIST3D", "auto-sklearn", 0.828, 0.802),
]


def main():
    text = page()
    if "--check" in sys.argv[1:]:
        if (ROOT / "docs/results.md").read_text() != text:
            sys.exit("docs/results.md is not what models/ says: run 'make results'")
        return
    sys.stdout.write(text)


def page():
    lines = [
        "# Results of training",
        "",
        "Made by `make results` from the cards of the shipped models and from `models/runs`, which hold what the runs wrote;",
        "nothing but the last table was typed. These figures are of validation splits cut out of the training collections, near-duplicates",
        "kept together: the collections' own test splits were not touched.",
        "",
        "## The shipped models",
        "",
        "Intervals are 95 % bootstrap percentiles over the validation images. The last column is what guessing the commonest",
        "label gives.",
        "",
        "| model | validation images | AUC (mean over labels) | accuracy | Brier score | calibration error | commonest label |",
        "|---|---:|---|---|---:|---:|---:|",
    ]
    for path in sorted((ROOT / "models").glob("*/card.toml")):
        card = tomllib.loads(path.read_text())
        found = card.get("validation", {})
        if "macro_auc" not in found:
            continue
        lines.append(
            f"| `{card['name']}` {card['version']} | {found['images']} | {interval(found['macro_auc'])} "
            f"| {interval(found['accuracy'])} | {found['brier']:.3f} | {found['calibration_error']:.3f} "
            f"| {found['accuracy_of_commonest']:.3f} |"
        )
    lines += ["", "| model | label | images | AUC against the rest | recall |", "|---|---|---:|---|---|"]
    for path in sorted((ROOT / "models").glob("*/card.toml")):
        card = tomllib.loads(path.read_text())
        names = {label["key"]: label["name"] for label in card.get("labels", [])}
        for label in card.get("validation", {}).get("labels", []):
            lines.append(
                f"| `{card['name']}` | {names.get(label['label'], label['label'])} | {label['images']} "
                f"| {interval(label['auc'])} | {interval(label['recall'])} |"
            )
    for path in sorted((ROOT / "models/runs").glob("*/sweep.json")):
        lines += sweep(path)
    for path in sorted((ROOT / "models/runs").glob("*/folds.json")):
        lines += folds(path)
    lines += segmenters(sorted((ROOT / "models/runs").glob("*/metrics.json")))
    lines += [
        "",
        "## What others printed",
        "",
        "Of the collections' test splits, from the MedMNIST v2 paper (Yang et al. 2023,",
        "[doi:10.1038/s41597-022-01721-8](https://doi.org/10.1038/s41597-022-01721-8)). Validation and test differ, in PneumoniaMNIST",
        "by much: these stand here for scale, not for a comparison.",
        "",
        "| collection | method | AUC | accuracy |",
        "|---|---|---:|---:|",
    ]
    lines += [f"| {data} | {method} | {auc:.3f} | {accuracy:.3f} |" for data, method, auc, accuracy in PUBLISHED]
    return "\n".join(lines) + "\n"


def interval(found):
    return f"{found['estimate']:.3f} ({found['low']:.3f} to {found['high']:.3f})"


def mean(found, signed=False):
    if found is None:
        return "-"
    sign = "+" if signed else ""
    shown = f"{found['mean']:{sign}.3f}"
    if found.get("interval"):
        low, high = found["interval"]
        shown += f" ({low:{sign}.3f} to {high:{sign}.3f})"
    return shown


def told(folder):
    path = folder / "README.md"
    return [path.read_text().strip(), ""] if path.exists() else []


def segmenters(paths):
    """The runs of segmenters, each segment beside what simpler things reach."""
    lines = []
    for path in paths:
        found = json.loads(path.read_text())
        validation = found["validation"]
        for segment in validation.get("segments", []):
            unit = {"pixels": "pixels", "millimeters": "mm"}[validation["unit"]]
            lines.append(
                f"| `{found['model']}` {found['version']} | {segment['segment']} | {segment['images']} "
                f"| {interval(segment['dice'])} | {interval(segment['hausdorff_95'])} {unit} "
                f"| {interval(segment['surface_dice'])} at {validation['tolerance']:g} {unit} "
                f"| {segment['missed']} | {segment['false_alarms']} |"
            )
            for baseline in validation["baselines"]:
                if baseline["segment"] == segment["segment"]:
                    lines.append(f"| to compare: {baseline['name']} | | | {interval(baseline['dice'])} | | | | |")
    if not lines:
        return []
    return [
        "",
        "## Segmenters",
        "",
        "Means over validation images with 95 % bootstrap percentiles, on each image's own grid; what they are compared with on",
        "the network's. The masks of `head-outline` were drawn by threshold and morphology, not by a person: its figures say how",
        "closely a network follows that rule, not how well it finds heads.",
        "",
        "| model | segment | images | Dice | 95 % Hausdorff distance | normalized surface distance | missed | false alarms |",
        "|---|---|---:|---|---|---|---:|---:|",
        *lines,
    ]


def sweep(path):
    found = json.loads(path.read_text())
    images = next((run["result"]["Ok"]["validation"]["images"] for run in found["runs"] if "Ok" in run["result"]), 0)
    lines = [
        "",
        f"## `{path.parent.name}`: parts and seeds",
        "",
        *told(path.parent),
        f"Means over the seeds with Student's 95 % interval, on {images} validation images; differences seed by seed to the first",
        "line. The intervals say how much the seed matters, not how much the choice of patients does.",
        "",
        "| parts | seeds | parameters | AUC | accuracy | Brier score | AUC, difference | accuracy, difference | seconds a run |",
        "|---|---:|---:|---|---|---|---|---|---:|",
    ]
    for arm in found["arms"]:
        failed = f", {len(arm['failed'])} failed" if arm["failed"] else ""
        seconds = "-" if arm["seconds"] is None else f"{arm['seconds']:.0f}"
        lines.append(
            f"| {arm['arm']} | {arm['seeds']}{failed} | {arm['parameters']} | {mean(arm['macro_auc'])} | {mean(arm['accuracy'])} "
            f"| {mean(arm['brier'])} | {mean(arm['macro_auc_difference'], True)} | {mean(arm['accuracy_difference'], True)} | {seconds} |"
        )
    return lines


def folds(path):
    found = json.loads(path.read_text())
    summary = found.get("summary", found)
    lines = [
        "",
        f"## `{path.parent.name}`: cross-validation",
        "",
        *told(path.parent),
        "| fold | images | AUC | accuracy | Brier score |",
        "|---|---:|---:|---:|---:|",
    ]
    for line in summary["folds"]:
        lines.append(
            f"| {line['fold']} | {line['images']} | {line['macro_auc']:.3f} | {line['accuracy']:.3f} | {line['brier']:.3f} |"
        )
    lines.append(f"| mean | | {mean(summary['macro_auc'])} | {mean(summary['accuracy'])} | {mean(summary['brier'])} |")
    return lines


if __name__ == "__main__":
    main()
