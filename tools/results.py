"""Writes docs/results.md from what training runs left: the cards of the shipped models and `models/runs/*/*.json`.

Usage: python3 tools/results.py [--check]

Prints the page. With --check prints nothing and fails where docs/results.md is not what it would print. Nothing is
measured here; every number of ours stands in a committed file that `wilhelm train`, `wilhelm sweep`, `wilhelm fewshot` or
`wilhelm evaluate` wrote, and those of others in `PUBLISHED`.
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
        "tables but the last are theirs, sentences around them are of those who ran them. These figures are of validation splits cut out of the training collections, near-duplicates",
        "kept together: the collections' own test splits were not touched.",
        "",
        "## The shipped models",
        "",
        "Intervals are 95 % bootstrap percentiles over the validation images. For the figures a model's temperature and biases were",
        "fitted ten times, each on nine tenths of these images, and measured on the rest: no image's own label took part in its",
        "probabilities. The Brier score is summed over the labels (of two labels it is twice that of `wilhelm evaluate --positive`), the",
        "calibration error that of the likeliest label in ten bins, which is above 0 by chance alone, so that its interval, drawn again",
        "from these images, lies above it. The last column is what guessing the commonest label gives. `adrenal-shape` lies in `models/` and is not built into the program. Intervals over seeds and draws further",
        "down are Student's, cut at 0 and 1.",
        "",
        "| model | validation images | AUC (mean over labels) | accuracy | Brier score | calibration error | commonest label |",
        "|---|---:|---|---|---|---|---:|",
    ]
    for path in sorted((ROOT / "models").glob("*/card.toml")):
        card = tomllib.loads(path.read_text())
        found = card.get("validation", {})
        if "macro_auc" not in found:
            continue
        lines.append(
            f"| `{card['name']}` {card['version']} | {found['images']} | {interval(found['macro_auc'])} "
            f"| {interval(found['accuracy'])} | {interval(found['brier'])} | {interval(found['calibration_error'])} "
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
    lines += baselines(sorted((ROOT / "models/runs").glob("*/baselines.json")))
    for path in sorted((ROOT / "models/runs").glob("*/sweep.json")):
        lines += sweep(path)
    for path in sorted((ROOT / "models/runs").glob("*/folds.json")):
        lines += folds(path)
    for path in sorted((ROOT / "models/runs").glob("*/fewshot.json")):
        lines += fewshot(path)
    for path in sorted((ROOT / "models/runs").glob("*/simulation.json")):
        lines += simulation(path)
    for path in sorted((ROOT / "models/runs").glob("*/robustness.json")):
        lines += robustness(path)
    lines += segmenters(sorted((ROOT / "models/runs").glob("*/metrics.json")))
    lines += generators(sorted((ROOT / "models/runs").glob("*/seed-*.json")))
    for path in sorted((ROOT / "models/runs").glob("*/reading.json")):
        lines += texts(path)
    lines += labels(sorted((ROOT / "models/runs").glob("*/labels-*.json")))
    lines += recognition(sorted((ROOT / "models/runs").glob("*/recognition-*.json")))
    lines += summaries(sorted((ROOT / "models/runs").glob("*/text-*.json")))
    lines += fusions(sorted((ROOT / "models/runs").glob("*/fusion-*.json")))
    lines += retrieval(ROOT / "models/runs/retrieval")
    lines += pubmedqa(ROOT / "models/runs/pubmedqa")
    lines += gate(ROOT / "docs/gate.json")
    lines += small_model(ROOT / "docs/gate-small-model.json")
    lines += generated(ROOT / "docs/gate-generator.json")
    lines += case_base(ROOT / "docs/case-base.json")
    lines += language_model(ROOT / "docs/llm-speed.json")
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


def gate(path):
    """Wrong sentences before the gate, by what is wrong and by language."""
    found = json.loads(path.read_text())
    shown = lambda of: f"{of['good']} of {of['of']} ({100 * of['low']:.1f} to {100 * of['high']:.1f} %)"
    lines = [
        "",
        "## The gate: wrong sentences refused, by kind and language",
        "",
        "Sentences that a program made wrong out of right ones of 101 drawn reports; what the gate is, and on what sentences by hand it",
        f"was tried, is in [gate.md](gate.md). Intervals are {found['interval']}. They hold for sentences of this make: there are far",
        "fewer templates than sentences.",
        "",
        f"- `{found['command']}`",
        "",
        "| what is wrong | English, refused | Chinese, refused |",
        "|---|---|---|",
    ]
    lines += [f"| {kind} | {shown(of['en'])} | {shown(of['zh'])} |" for kind, of in found["wrong_refused"].items()]
    right, clean = found["right_accepted"], found["reports_without_a_false_contradiction"]
    lines += [
        "",
        f"Right sentences accepted: {shown(right['en'])} in English, {shown(right['zh'])} in Chinese. Reports in which no contradiction was",
        f"named that is none: {shown(clean['en'])} and {shown(clean['zh'])}.",
    ]
    return lines


def share(of):
    return f"{of['good']} of {of['of']} ({100 * of['low']:.1f} to {100 * of['high']:.1f} %)"


def small_model(path):
    """Sentences that the small model wrote, before the gate."""
    found = json.loads(path.read_text())
    lines = [
        "",
        "## The gate: sentences that a language model wrote",
        "",
        f"{found['model']} reworded the sentences of 42 made-up reports or wrote them from facts, bound by nothing; one reader judged each by hand",
        "before the gate read it ([the sentences](../crates/report/tests/gate/small-model)). The gate was then mended by them: what it did on first",
        f"reading is in [gate.md](gate.md). Below, the right ones made wrong by a program; many of these are no good English, so that they are",
        f"refused says less. Intervals are {found['interval']}.",
        "",
        f"- `{found['command']}`",
        "",
        "| as the model wrote them, judged by hand | as it should be |",
        "|---|---|",
    ]
    lines += [f"| {name} | {share(of)} |" for name, of in found["as_the_model_wrote_them"].items()]
    lines += [f"| Chinese: {name} | {share(of)} |" for name, of in found["chinese"].items()]
    lines += ["", "| right ones made wrong in | refused |", "|---|---|"]
    lines += [f"| {kind} | {share(of)} |" for kind, of in found["right_ones_made_wrong_refused"].items()]
    lines.append(f"| presence, put into the report: named as a contradiction | {share(found['presence_put_into_the_report_named'])} |")
    return lines


def generated(path):
    """The texts of the research generator of reports, before the gate."""
    found = json.loads(path.read_text())
    classes = ", ".join(f"{count} {name}" for name, count in found["classes"].items())
    lines = [
        "",
        "## The gate: texts of the report generator",
        "",
        f"The texts of `chest-report` on {found['images']} images held out, sentence by sentence against the findings of `{found['classifier']}` on the same images",
        f"(pneumonia: {classes}). The sentences on view and brightness bear no finding and are refused, so no text passes as a whole.",
        f"Intervals are {found['interval']}.",
        "",
        f"- `{found['command']}`",
        "",
        "| texts | label as the classifier's: accepted | another label or certainty: refused | view: accepted | brightness: accepted | no sentence of the grammar: accepted |",
        "|---|---|---|---|---|---|",
    ]
    for name, of in found["systems"].items():
        kinds = of["sentences_accepted"]
        cells = [share(of["label_as_the_classifier_accepted"]), share(of["label_other_than_the_classifier_refused"])]
        for kind in ("the view", "the brightness", "no sentence of the grammar"):
            cells.append(f"{kinds[kind]['good']} of {kinds[kind]['of']}" if kind in kinds else "none written")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def case_base(path):
    """Whether examples out of signed reports help the small model."""
    found = json.loads(path.read_text())
    lines = [
        "",
        "## Examples out of signed reports",
        "",
        f"{found['model']} rewords reports in its own words (`wording = \"free\"`, one proposal a sentence) with so many examples out of a case base of",
        f"{found['wordings_in_the_case_base']} signed wordings: hand-written paraphrases put into reports by amendments.",
        "",
        f"- `{found['command']}`",
        "",
        "| examples a sentence | reports | asked | accepted by the gate | struck | no whole answer |",
        "|---:|---|---:|---:|---:|---:|",
    ]
    for run in found["runs"]:
        accepted = f"{run['accepted']} ({100 * run['accepted'] / run['asked']:.0f} %)"
        lines.append(f"| {run['examples']} | {run['reports']} | {run['asked']} | {accepted} | {run['struck']} | {run['failed']} |")
    return lines


def language_model(path):
    """The local language model beside llama-cpp-python."""
    found = json.loads(path.read_text())
    lines = [
        "",
        "## The local language model beside llama-cpp-python",
        "",
        f"{found['model']}, {found['threads']} threads, a prompt of {found['prompt_tokens']} tokens, in turns ({found['times']} of 5 runs each, medians), llama-cpp-python",
        f"{found['peer_version']}, {found['machine']}.",
        "",
        f"- `{found['command']}`",
        "",
        "| | wilhelm | llama-cpp-python | ratio |",
        "|---|---:|---:|---:|",
    ]
    names = {"prompt": "prompt, tokens a second", "generated": "generated, tokens a second", "megabytes": "memory at the peak, MB"}
    for key, name in names.items():
        ours, theirs = found["wilhelm"][key], found["llama_cpp_python"][key]
        lines.append(f"| {name} | {ours:.0f} | {theirs:.0f} | {ours / theirs:.2f} |")
    return lines


def interval(found):
    return f"{found['estimate']:.3f} ({found['low']:.3f} to {found['high']:.3f})"


def mean(found, signed=False):
    if found is None:
        return "-"
    sign = "+" if signed else ""
    shown = f"{found['mean']:{sign}.3f}"
    if found.get("interval"):
        low, high = found["interval"]
        if not signed:
            # Student's interval knows nothing of the ends of a share; a mean above 1 is none.
            low, high = max(low, 0.0), min(high, 1.0) if found["mean"] <= 1.0 else high
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


# Student's t at 97.5 % for one to nine degrees of freedom.
STUDENT = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262]


def over_seeds(values, signed=False):
    """Mean of some numbers with Student's interval; one alone has none."""
    count = len(values)
    middle = sum(values) / count
    found = {"mean": middle}
    if count > 1:
        half = STUDENT[count - 2] * (sum((value - middle) ** 2 for value in values) / (count - 1) / count) ** 0.5
        found["interval"] = (middle - half, middle + half)
    return mean(found, signed)


def generators(paths):
    """The runs of report generators, several seeds each, beside what simpler things say."""
    lines = []
    for folder in sorted({path.parent for path in paths}):
        runs = [json.loads(path.read_text()) for path in paths if path.parent == folder]
        first = runs[0]["figures"]
        seeds = f"{len(runs)} seeds" if len(runs) > 1 else "one seed"
        how = (
            "means over the seeds with Student's 95 % interval"
            if len(runs) > 1
            else "no interval, since one seed says nothing of the next"
        )
        scores = [score["name"] for score in first["systems"][0]["scores"]]
        lines += [
            "",
            f"## `{folder.name}`: texts that a network writes about images",
            "",
            *told(folder),
            f"{first['images']} validation images, {seeds} ({how}); {runs[0]['parameters']} numbers, "
            f"{runs[0]['vocabulary']} words, {runs[0]['distinct_training_texts']} distinct texts of {runs[0]['training_images']} training",
            f"images; the classifier of the same recipe and split has accuracy {over_seeds([value(run['figures']['classifier']) for run in runs])}.",
            "",
            "| texts | label right | less the classifier | label right by the labeler | all true | "
            + " | ".join(scores)
            + " | distinct texts | repetition-4 |",
            "|---|---|---|---|---|" + "---|" * len(scores) + "---|---|",
        ]
        for at, system in enumerate(first["systems"]):
            every = [run["figures"]["systems"][at] for run in runs]
            cells = [
                over_seeds([value(one["label_accuracy"]) for one in every]),
                over_seeds([value(one["less_classifier"]) for one in every], True),
                over_seeds([value(one["label_accuracy_by_labeler"]) for one in every]),
                over_seeds([value(one["all_true"]) for one in every]),
                *[over_seeds([value(one["scores"][place]["figure"]) for one in every]) for place in range(len(scores))],
                *[over_seeds([one["variety"][place]["written"] for one in every]) for place in (2, 3)],
            ]
            lines.append(f"| {system['name']} | " + " | ".join(cells) + " |")
        variety = first["systems"][0]["variety"]
        lines.append(
            "| the references themselves | | | | | " + "| " * len(scores)
            + f"| {variety[2]['references']:.3f} | {variety[3]['references']:.3f} |"
        )
        lines.append("")
        for name in ("generator", "generator, by chance"):
            of = [system for run in runs for system in run["figures"]["systems"] if system["name"] == name]
            lines.append(
                f"- {name} ({of[0]['what']}), over all seeds: {sum(one['contradictory'] for one in of)} texts contradict themselves, "
                f"{sum(one['unread'] for one in of)} sentences are none of the grammar's, {sum(one['unended'] for one in of)} texts did not end."
            )
        lines += [f"- {line}" for line in first["conventions"]]
    return lines


def texts(path):
    """A classifier of texts, beside weighted terms."""
    found = json.loads(path.read_text())
    network, terms = found["figures"], found["terms_figures"]
    less = {line["key"]: line["difference"] for line in network["comparison"]["headlines"]}
    lines = [
        "",
        f"## `{path.parent.name}`: what texts are",
        "",
        *told(path.parent),
        f"{found['training_texts']} texts trained, {network['cases']} measure: {found['split']}. Intervals draw",
        "groups." if network["by_patient"] else "texts.",
        f"The network has {found['parameters']} weights, of which those of the embeddings and of the first {found['held_layers']}",
        f"layers were held; weighted terms: {found['terms']['what']}; {found['terms']['terms']} terms.",
        "",
        "| figure | network | weighted terms | network less them |",
        "|---|---|---|---|",
    ]
    for own, other in zip(network["headlines"], terms["headlines"]):
        lines.append(f"| {own['name']} | {ends(own)} | {ends(other)} | {signed(less[own['key']])} |")
    of = lambda report: next(x for x in report["calls"]["labels"] if x["label"] == report["positive"])
    for key, name in [("sensitivity", "recall"), ("precision", "precision"), ("f1", "F1")]:
        lines.append(
            f"| {name} of `{network['positive']}` | {ends(of(network)[key])} | {ends(of(terms)[key])} | - |"
        )
    return lines



def summaries(paths):
    """The runs of generators of texts out of texts, beside what needs no network."""
    lines = []
    for folder in sorted({path.parent for path in paths}):
        runs = [json.loads(path.read_text()) for path in paths if path.parent == folder]
        first = runs[0]["figures"]
        # Without a trained generator a folder holds what needs no network alone.
        trained = [run for run in runs if "parameters" in run]
        many = len(trained) > 1
        scores = [score["name"] for score in first["systems"][0]["scores"]]
        network = (
            f"{trained[0]['parameters']} numbers, {trained[0]['vocabulary']} words, seeds {', '.join(str(run['seed']) for run in trained)}: "
            + ("means over the seeds with Student's 95 % interval" if many else "one seed says nothing of the next")
            if trained
            else "**no generator was trained yet**: these are the lines that it has to beat"
        )
        lines += [
            "",
            f"## `{folder.name}`: texts out of texts",
            "",
            *told(folder),
            f"{first['reports']} reports held out, {runs[0]['training']} to learn from; {network}. Other intervals are 95 % bootstrap",
            "percentiles over the reports.",
            "",
            "| texts | label F1 | F1 against tags | macro F1 against tags | " + " | ".join([*scores, "distinct texts", "repetition-4"]) + " |",
            "|---|" + "---|" * (5 + len(scores)),
        ]
        for at, system in enumerate(first["systems"]):
            every = [run["figures"]["systems"][at] for run in runs]
            learned = many and system["name"].startswith("generator")
            cell = lambda of: over_seeds([value(of(one)) for one in every]) if learned else ends(of(system))
            cells = [cell(lambda one: one["label_f1"]) if system["label_f1"] else "-"]
            cells += [cell(lambda one: one["tag_f1"]), cell(lambda one: one["tag_macro_f1"])]
            for place in range(len(scores)):
                has = len(system["scores"]) > place
                cells.append(cell(lambda one, place=place: one["scores"][place]["figure"]) if has else "-")
            for place in (2, 3):
                has = len(system["variety"]) > place
                cells.append(f"{sum(one['variety'][place]['written'] for one in every) / len(every):.3f}" if has else "-")
            lines.append(f"| {system['name']} | " + " | ".join(cells) + " |")
        variety = first["systems"][0]["variety"]
        lines.append(
            "| the references themselves | | | | " + "| " * len(scores)
            + f"| {variety[2]['references']:.3f} | {variety[3]['references']:.3f} |"
        )
        lines.append("")
        lines += [f"- {system['name']}: {system['what']}" for system in first["systems"]]
        lines += [f"- {line}" for line in first["conventions"]]
        lines += [f"- `{run['command']}`" for run in runs]
    return lines


def fusions(paths):
    """Sources of a diagnosis, alone and put together."""
    lines = []
    for folder in sorted({path.parent for path in paths}):
        lines += ["", f"## `{folder.name}`: sources of a diagnosis", "", *told(folder)]
        for path in [path for path in paths if path.parent == folder]:
            found = json.loads(path.read_text())
            image = "no image"
            if found["image_is_simulated"]:
                settings = found["settings"]
                image = f"**simulated image**, AUC {settings['simulated_image']:g} drawn, {settings['simulated_share']:g} of its chance the words'"
            signs = "" if found["with_signs"] is None else f"; {found['with_signs']} texts with a sign that counts"
            lines += [
                "",
                f"{found['label']}: {found['positives']} of {found['cases']} cases; {image}{signs}.",
                "",
                f"| sources | AUC | AUC less {found['reference']} | Brier score | less {found['reference']} | log loss | calibration error | slope | weights learned |",
                "|---|---|---|---|---|---|---:|---:|---|",
            ]
            for arm in found["arms"]:
                slope = f"{arm['slope']['value']:.2f}" if arm["slope"] else "-"
                weights = ", ".join(f"{name} {weight:+.2f}" for name, weight in arm["weights"])
                lines.append(
                    f"| {arm['name']} | {ends(arm['auc'])} | {signed(arm['auc_difference'])} | {ends(arm['brier'])} "
                    f"| {signed(arm['brier_difference'])} | {ends(arm['log_loss'])} | {arm['calibration_error']:.3f} | {slope} | {weights} |"
                )
    return lines


def value(figure):
    return figure["value"]


def labels(paths):
    """Labels read from reports beside the tags that people gave."""
    lines = []
    for folder in sorted({path.parent for path in paths}):
        found = {path.stem.removeprefix("labels-"): json.loads(path.read_text()) for path in paths if path.parent == folder}
        first = next(iter(found.values()))
        lines += [
            "",
            f"## `{folder.name}`: labels read from reports",
            "",
            *told(folder),
            f"F1 on {first['cases']} reports, with 95 % bootstrap percentiles over the reports.",
            "",
            "| label | reports with the tag | " + " | ".join(name.replace("-", " ") for name in found) + " |",
            "|---|---:|" + "---|" * len(found),
        ]
        for at, label in enumerate(first["labels"]):
            cells = [one["labels"][at]["f1"] for one in found.values()]
            lines.append(f"| {label['label']} | {label['truths']} | " + " | ".join(ends(cell) for cell in cells) + " |")
        lines.append("| all labels alike (micro) | | " + " | ".join(ends(one["micro"]["f1"]) for one in found.values()) + " |")
        lines.append("| mean of the labels (macro) | | " + " | ".join(ends(one["macro_f1"]) for one in found.values()) + " |")
        lines += ["", *[f"- {line}" for line in first["conventions"] if "in doubt (-1)" not in line]]
    return lines


def recognition(paths):
    """Diseases and chemicals found in abstracts, the tagger beside dictionaries."""
    lines = []
    for path in paths:
        found = json.loads(path.read_text())
        kinds = [kind for kind in found["methods"][0] if kind != "method"]
        lines += [
            "",
            f"## `{path.parent.name}`: mentions in `{found['corpus']}`",
            "",
            *(told(path.parent) if path == paths[0] else []),
            f"F1 of exact spans and kinds on the development split ({found['counted_on']} sentences), learned from the training split",
            f"({found['learned_from']} sentences, {found['features']:,} features), with 95 % bootstrap percentiles.",
            "",
            "| method | " + " | ".join(f"{kind} ({found['methods'][0][kind]['mentions']:,} mentions)" for kind in kinds) + " | precision | recall |",
            "|---|" + "---|" * len(kinds) + "---:|---:|",
        ]
        for method in found["methods"]:
            cells = " | ".join(interval(method[kind]["f1"]) for kind in kinds)
            lines.append(f"| {method['method']} | {cells} | {method['all']['precision']:.3f} | {method['all']['recall']:.3f} |")
    return lines


def retrieval(folder):
    """Passages found for questions, and extracts beside what people wrote."""
    lines = ["", "## `retrieval`: passages for questions, and extracts", "", *told(folder)]
    shown = lambda of: f"{of['value']:.3f} ({of['low']:.3f} to {of['high']:.3f})"
    for path in sorted(folder.glob("retrieval-*.json")):
        found = json.loads(path.read_text())
        lines += [
            f"`{found['task']}`: {found['questions']} questions, {found['documents']} documents in {found['pieces']} passages; 95 % bootstrap",
            f"percentiles over the questions ({found['replicates']} resamples). What `wilhelm ask` does is \"both, meaning weighs 1\".",
            "",
            "| way | recall@10 | MRR | MAP@100 | MAP@100 less that of words |",
            "|---|---|---|---|---|",
        ]
        for way in found["ways"]:
            of = way["all"]
            less = signed(of["map_at_100_less_words"]) if "map_at_100_less_words" in of else "-"
            lines.append(f"| {way['way']} | {shown(of['recall_at_10'])} | {shown(of['mrr'])} | {shown(of['map_at_100'])} | {less} |")
        lines.append("")
    for path in sorted(folder.glob("extracts-*.json")):
        found = json.loads(path.read_text())
        lines += [
            f"`{found['task']}`: {found['cases']} cases, F1 against the nearest reference, 95 % bootstrap percentiles.",
            "",
            "| extract | ROUGE-1 | ROUGE-2 | ROUGE-L |",
            "|---|---|---|---|",
        ]
        lines += [f"| {way['way']} | " + " | ".join(shown(way[key]) for key in ("rouge_1", "rouge_2", "rouge_l")) + " |" for way in found["ways"]]
        lines.append("")
    return lines[:-1]


def pubmedqa(folder):
    """Yes, no or maybe, by classifiers without a large model."""
    found = json.loads((folder / "pubmedqa.json").read_text())
    shown = lambda of: f"{of['value']:.3f} ({of['low']:.3f} to {of['high']:.3f})"
    lines = ["", "## `pubmedqa`: yes, no or maybe", "", *told(folder)]
    for task in found["tasks"]:
        lines += [
            f"Reading the {task['task'].removeprefix('the ')}; 95 % bootstrap percentiles over the questions.",
            "",
            "| classifier | accuracy | less the commonest answer | macro F1 | recall of yes, no, maybe |",
            "|---|---|---|---|---|",
        ]
        for way in task["ways"]:
            recall = ", ".join(f"{one['value']:.2f}" for one in way["recall"])
            less = "-" if way is task["ways"][0] else signed(way["accuracy_less_commonest"])
            lines.append(f"| {way['way']} | {shown(way['accuracy'])} | {less} | {shown(way['macro_f1'])} | {recall} |")
        lines.append("")
    return lines[:-1]


def ends(figure):
    if figure["value"] is None:
        return "-"
    if figure["low"] is None:
        return f"{figure['value']:.3f}"
    return f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"


def signed(figure):
    if figure is None or figure["value"] is None or figure["low"] is None:
        return "-"
    return f"{figure['value']:+.3f} ({figure['low']:+.3f} to {figure['high']:+.3f})"


def less(found, figure):
    if not found:
        return "-"
    of = found[figure]
    return f"{of['estimate']:+.3f} ({of['low']:+.3f} to {of['high']:+.3f})"


def baselines(paths):
    """What classifiers without a network reach on the same validation images as each shipped model."""
    if not paths:
        return []
    lines = [
        "",
        "## Beside the network: baselines that look at the image",
        "",
        "On the validation images of each shipped model, fitted and tuned on its training images alone: the nearest neighbors by small",
        "pictures, and logistic regression on radiomics of the whole image as the network gets it. The last columns are the network's",
        "figure less the baseline's, image by image, with 95 % bootstrap percentiles; below 0 in AUC or accuracy (above 0 in the Brier",
        "score) the baseline is ahead. What each of them is stands in `models/runs/*/baselines.json`, with every setting that was tried.",
        "",
        "| model | classifier | AUC | accuracy | Brier score | network less it: AUC | accuracy | Brier score |",
        "|---|---|---|---|---|---|---|---|",
    ]
    ahead, level, commands = [], [], []
    for path in paths:
        found = json.loads(path.read_text())
        network = found["network"]
        name = f"`{network['model'].split()[0]}`"
        commands.append(found["command"])
        lines.append(
            f"| {name} | the network | {interval(network['macro_auc'])} | {interval(network['accuracy'])} "
            f"| {interval(network['brier'])} | - | - | - |"
        )
        for one in found["baselines"]:
            metric = one["metric"]
            than = metric["network_less"]
            lines.append(
                f"| {name} | {metric['name']} | {interval(metric['macro_auc'])} | {interval(metric['accuracy'])} "
                f"| {interval(metric['brier'])} | {less(than, 'macro_auc')} | {less(than, 'accuracy')} | {less(than, 'brier')} |"
            )
            better, alike = [], []
            for figure, words in (("macro_auc", "AUC"), ("accuracy", "accuracy"), ("brier", "Brier score")):
                of = than[figure]
                # A lower Brier score is the better one.
                gain = -of["estimate"] if figure == "brier" else of["estimate"]
                if gain < 0:
                    better.append(words)
                elif of["low"] <= 0 <= of["high"]:
                    alike.append(words)
            for found_so, these in ((ahead, better), (level, alike)):
                if these:
                    found_so.append(f"{metric['name']} beside {name} ({', '.join(these)})")
    lines += [
        "",
        f"Baselines ahead of the network: {'; '.join(ahead) if ahead else 'none'}.",
        "",
        f"Behind it by no more than these images can show (the interval holds 0): {'; '.join(level) if level else 'none'}.",
        "",
        *[f"- `{command}`" for command in commands],
    ]
    return lines


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
    return lines + at_each_point(found) + without_networks(found["arms"])


def at_each_point(found):
    """Differences to the first arm at the same point of the grid, where a sweep has both several arms and a grid."""
    runs = {}
    for run in found["runs"]:
        if "Ok" in run["result"]:
            arm, _, point = run["arm"].partition("_")
            validation = run["result"]["Ok"]["validation"]
            figures = [validation[figure]["estimate"] for figure in ("macro_auc", "accuracy")]
            runs.setdefault(point, {}).setdefault(arm, {})[run["seed"]] = figures
    first = next(iter(next(iter(runs.values()), {})), None)
    if len(runs) < 2 or all(len(arms) < 2 for arms in runs.values()):
        return []
    lines = ["", f"Differences to `{first}` at the same point of the grid, seed by seed:", ""]
    lines += ["| point | parts | seeds | AUC | accuracy |", "|---|---|---:|---|---|"]
    for point, arms in runs.items():
        for arm, of_arm in arms.items():
            pairs = [[a - b for a, b in zip(own, arms[first][seed])] for seed, own in of_arm.items() if seed in arms[first]]
            if arm == first or not pairs:
                continue
            cells = [over_seeds(list(column), True) for column in zip(*pairs)]
            lines.append(f"| {point} | {arm} | {len(pairs)} | " + " | ".join(cells) + " |")
    return lines


def without_networks(arms):
    """Baselines beside the arms of a sweep, where it has them."""
    if not any(arm.get("baselines") for arm in arms):
        return []
    lines = ["", "Without a network, on the same images; differences are the networks less the baseline, seed by seed:", ""]
    lines += ["| parts | baseline | AUC | networks less it | accuracy | networks less it |", "|---|---|---|---|---|---|"]
    for arm in arms:
        for one in arm.get("baselines", []):
            if one["name"] in ("majority", "prevalence"):
                continue
            lines.append(
                f"| {arm['arm']} | {one['name']} | {one['macro_auc']['mean']:.3f} | {mean(one['network_less_macro_auc'], True)} "
                f"| {one['accuracy']['mean']:.3f} | {mean(one['network_less_accuracy'], True)} |"
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


METHODS = {
    "linear_probe": "linear probe",
    "prototype_cosine": "prototypes, cosine",
    "prototype_euclid": "prototypes, Euclid",
    "nearest_neighbors": "nearest neighbors",
}


def cases(point):
    return f"all ({point['images']})" if point["cases"] is None else f"{point['cases']} a label"


def curves(found, method, figure, signed=False):
    of_method = [curve for curve in found["curves"] if curve["method"] == method]
    if signed:
        of_method = of_method[1:]
    header = [cases(point) for point in of_method[0]["points"]]
    lines = [f"| {METHODS[method]} | " + " | ".join(header) + " |", "|---|" + "---|" * len(header)]
    saw = {source["name"]: source["saw_labels"] for source in found["sources"]}
    for curve in of_method:
        name = f"`{curve['source']}`" + (" (saw all labels)" if saw[curve["source"]] else "")
        lines.append(f"| {name} | " + " | ".join(mean(point[figure], signed) for point in curve["points"]) + " |")
    return lines


def fewshot(path):
    found = json.loads(path.read_text())
    held_out = sum(label["held_out"] for label in found["labels"])
    settings, blind = found["settings"], found["blind"]
    lines = [
        "",
        f"## `{path.parent.name}`: few labels",
        "",
        *told(path.parent),
        f"Frozen features, {settings['repeats']} draws of each number of labeled images, the same for every line; {held_out} images held",
        "out. Intervals are Student's, 95 %, over the draws: they say how much the choice of the labeled images matters, not how much",
        "the choice of patients does. Without a look at any image: the commonest label has accuracy "
        f"{blind['majority_accuracy']:.3f}, guessing by",
        f"prevalence {blind['prevalence_accuracy']:.3f}, both AUC 0.5.",
        "",
        *[f"- `{source['name']}`: {source['words']}" for source in found["sources"]],
        "",
        *encoder(path.parent / "encoder.json"),
        "AUC, the mean over the labels:",
        "",
    ]
    for method in METHODS:
        lines += [*curves(found, method, "auc"), ""]
    lines += [f"AUC less that of `{found['sources'][0]['name']}`, draw by draw:", ""]
    lines += [*curves(found, "linear_probe", "auc_difference", True), "", "Accuracy:", ""]
    return lines + curves(found, "linear_probe", "accuracy")


def encoder(path):
    if not path.exists():
        return []
    found = json.loads(path.read_text())
    figures = found["validation"]
    return [
        f"The encoder's NT-Xent loss on {figures['images']} images held out is {figures['loss']:.2f} where chance is {figures['loss_of_chance']:.2f}, and "
        f"{100 * figures['accuracy']:.0f} % of views find",
        f"their image's other view; {found['parameters']} numbers, {found['seconds']:.0f} seconds of training.",
        "",
    ]


def simulation(path):
    found = json.loads(path.read_text())
    settings = found["settings"]
    points = found["curves"][0]["points"]
    middle, last = len(points) // 2, len(points) - 1
    lines = [
        "",
        f"## `{path.parent.name}`: which images to label next",
        "",
        *told(path.parent),
        f"From the same {settings['first']} images of each label each strategy chooses {settings['step']} of {found['pool']} at a time; a linear probe on",
        f"the features of `{found['source']}` is fitted anew; {found['held_out']} images held out, {settings['repeats']} beginnings. Intervals are Student's, 95 %, over",
        "the beginnings; differences to chance are taken beginning by beginning.",
        "",
        f"| strategy | AUC, {points[0]['labeled']} labeled | {points[middle]['labeled']} labeled | {points[last]['labeled']} labeled | mean over the rounds | less that of chance |",
        "|---|---|---|---|---|---|",
    ]
    for curve in found["curves"]:
        shown = [mean(curve["points"][at]["auc"]) for at in (0, middle, last)]
        lines.append(
            f"| {curve['strategy']} | " + " | ".join(shown)
            + f" | {mean(curve['mean_auc'])} | {mean(curve['mean_auc_difference'], True)} |"
        )
    return lines


def robustness(path):
    found = json.loads(path.read_text())
    clean = found["clean"]
    lines = [
        "",
        f"## `{path.parent.name}`: corrupted images",
        "",
        *told(path.parent),
        f"`{found['model']}` on {found['images']} images, mean over five severities; intervals of the falls are 95 %, over the images.",
        "",
        "| corruption | AUC | fall | accuracy | fall | abstained |",
        "|---|---:|---|---:|---|---:|",
        f"| none | {clean['auc']:.3f} | - | {clean['accuracy']:.3f} | - | {clean['abstained']:.3f} |",
    ]
    for one in found["corruptions"]:
        abstained = sum(level["abstained"] for level in one["levels"]) / len(one["levels"])
        falls = [f"{fall['value']:+.3f} ({fall['low']:+.3f} to {fall['high']:+.3f})" for fall in (one["auc_fall"], one["accuracy_fall"])]
        lines.append(
            f"| {one['corruption'].replace('_', ' ')} | {one['mean_auc']:.3f} | {falls[0]} | {one['mean_accuracy']:.3f} | {falls[1]} | {abstained:.3f} |"
        )
    lines.append(f"| mean | {found['mean_auc']:.3f} | | {found['mean_accuracy']:.3f} | | |")
    return lines


if __name__ == "__main__":
    main()
