"""Writes the baselines of models/runs/*/baselines.json into the cards of the models that they were measured beside.

    python3 tools/cards.py           write
    python3 tools/cards.py --check   exit 1 if a card is not as it would be written

A card without a fitting file of baselines, or with one of other weights, fails either way. `wilhelm train classifier`
writes the same tables into the cards that it makes; this is for weights that were trained before.
"""

import json
import os
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FIGURES = ("macro_auc", "accuracy", "brier")


def interval(name, value):
    return [f"[{name}]", *(f"{key} = {value[key]!r}" for key in ("estimate", "low", "high")), ""]


def tables(baselines):
    """The lines of a card for its baselines, in the order and form in which the program writes them."""
    lines = []
    for metric in (baseline["metric"] for baseline in baselines):
        lines += ["[[validation.baselines]]", f"name = {json.dumps(metric['name'])}", f"what = {json.dumps(metric['what'])}", ""]
        for figure in FIGURES:
            lines += interval(f"validation.baselines.{figure}", metric[figure])
        for figure in FIGURES:
            lines += interval(f"validation.baselines.network_less.{figure}", metric["network_less"][figure])
    return lines


def written(card_path, run):
    """The card with its baselines, and what is wrong with the two together."""
    text = card_path.read_text(encoding="utf-8")
    card = tomllib.loads(text)
    if card["weights_sha256"] != run["network"]["weights_sha256"]:
        raise SystemExit(f"{card_path}: its baselines were measured beside other weights; run `{run['command']}`")
    if card["validation"]["images"] != run["images"]:
        raise SystemExit(f"{card_path}: its baselines were measured on {run['images']} images, not on its own")
    start = text.find("[[validation.baselines]]")
    kept = (text if start < 0 else text[:start]).rstrip("\n")
    new = kept + "\n\n" + "\n".join(tables(run["baselines"])).rstrip("\n") + "\n"
    before, after = tomllib.loads(text), tomllib.loads(new)
    before["validation"].pop("baselines", None)
    found = after["validation"].pop("baselines")
    assert before == after, f"{card_path}: more than its baselines would change"
    assert found == [baseline["metric"] for baseline in run["baselines"]]
    return text, new


def main():
    check = sys.argv[1:] == ["--check"]
    stale = []
    for run_path in sorted((ROOT / "models/runs").glob("*/baselines.json")):
        card_path = ROOT / "models" / run_path.parent.name / "card.toml"
        text, new = written(card_path, json.loads(run_path.read_text(encoding="utf-8")))
        if text == new:
            continue
        stale.append(card_path.relative_to(ROOT))
        if not check:
            temporary = card_path.with_suffix(".new")
            temporary.write_text(new, encoding="utf-8")
            os.replace(temporary, card_path)
    if check and stale:
        raise SystemExit(f"{', '.join(map(str, stale))}: not as tools/cards.py writes it")


if __name__ == "__main__":
    main()
