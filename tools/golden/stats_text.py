"""Golden numbers for `text` of crates/stats: tokenizers, stems, BLEU, ROUGE, METEOR, CIDEr-D, F1 of label sets.

Writes crates/stats/tests/golden/text.json next to the repository this file lies in. Run with
    python tools/golden/stats_text.py
Needs sacrebleu, rouge-score, nltk, pycocoevalcap (whose tokenizer needs Java) and scikit-learn; the versions used are
written into the file. The pairs named `radgraph` are those of the tests of radgraph 0.1.18 (MIT license); all other
texts were written for this file and belong to no patient.
"""

import importlib.metadata
import json
import pathlib
import platform
import re

import numpy
import rouge_score.rouge_scorer
import rouge_score.tokenize
import sacrebleu
import sklearn.metrics
import sklearn.preprocessing
from nltk.stem.porter import PorterStemmer
from nltk.translate.meteor_score import meteor_score
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.rouge.rouge import Rouge
from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a

OUT = pathlib.Path(__file__).resolve().parents[2] / "crates/stats/tests/golden/text.json"

RADGRAPH = {
    "references": [
        ["no acute cardiopulmonary abnormality"],
        [
            "et tube terminates 2 cm above the carina retraction by several centimeters is recommended for more "
            "optimal placement bibasilar consolidations better assessed on concurrent chest ct"
        ],
        [
            "there is no significant change since the previous exam the feeding tube and nasogastric tube have been "
            "removed"
        ],
        ["unchanged mild pulmonary edema no radiographic evidence pneumonia"],
        ["no evidence of acute pulmonary process moderately large size hiatal hernia"],
        ["no acute intrathoracic process"],
    ],
    "hypotheses": [
        "no acute cardiopulmonary abnormality",
        "endotracheal tube terminates 2 5 cm above the carina bibasilar opacities likely represent atelectasis or "
        "aspiration",
        "there is no significant change since the previous exam",
        "unchanged mild pulmonary edema and moderate cardiomegaly",
        "no evidence of acute cardiopulmonary process moderate hiatal hernia",
        "no acute cardiopulmonary process",
    ],
}

REPORTS = {
    "references": [
        [
            "The heart is normal in size. The mediastinum is unremarkable.\nThe lungs are clear.",
            "Heart size is normal.\nNo pneumothorax, no effusion.",
        ],
        ["There is a 2.5 cm nodule in the right upper lobe, unchanged.\nNo pleural effusion or pneumothorax."],
        [
            "Small left-sided effusion; stable cardiomegaly.\nNo focal consolidation.",
            "Stable mild cardiomegaly with a small left effusion.",
            "The heart is enlarged. There is a small effusion on the left.",
        ],
        ["Endotracheal tube tip 3.2 cm above the carina (adequate).\nBibasilar opacities, likely atelectasis."],
        ["No acute cardiopulmonary process."],
        ["Ok."],
    ],
    "hypotheses": [
        "Heart size is normal. The lungs are clear.\nNo pneumothorax.",
        "A 2.5 cm nodule is seen in the right upper lobe.\nThere is no pneumothorax; no pleural effusion.",
        "The heart is stably enlarged, with a small left effusion.",
        "The endotracheal tubes terminate 3.2 cm above the carina.\nBasilar opacities may represent atelectasis.",
        "",
        "Severe bilateral opacities, worse than before.",
    ],
}

LINES = [
    'Nodule (2.5 cm), T2-weighted; "stable".',
    "Heart size is normal. Lungs: clear!",
    "5-6 mm, 1,234.5 mL; ~3% & <2 cm / 4 [x] {y} a_b #1 $5 *z* +/- 'q' @ ^ | \\",
    "A&amp;B &lt;5&gt; &quot;c&quot; <skipped> end-\nof line\nnext.",
    ".5 mm, and 3. Also 4,x ,5 T1. 10-",
    "caf\u00e9 \u2013 na\u00efve \u00b5m \u5fc3\u81d3 1.\u00e9",
    "",
    "   ",
]

WORDS = sorted(
    set(
        re.findall(
            "[a-z]+",
            " ".join(
                text.lower()
                for of in (RADGRAPH, REPORTS)
                for text in of["hypotheses"] + [text for texts in of["references"] for text in texts]
            )
            + """ caresses ponies ties caress cats feed agreed plastered bled motoring sing conflated troubled sized
            hopping tanned falling hissing fizzed failing filing happy sky enjoy enjoyment relational conditional
            rational valenci hesitanci digitizer conformabli radicalli differentli vileli analogousli vietnamization
            predication operator feudalism decisiveness hopefulness callousness formaliti sensitiviti sensibiliti
            triplicate formative formalize electriciti electrical hopeful goodness revival allowance inference airliner
            gyroscopic adjustable defensible irritant replacement adjustment dependent adoption homologou communism
            activate angulariti homologous effective bowdlerize probate rate cease controll roll dying lying tying news
            innings outing cannings howe proceed exceed succeed skies flies dies died spied spies geology theology
            archaeology fulli hopefulli usefully radically logically ion onion y yy yyy yes by ax ox owed owing aging
            eed eeds eyeing dyeing unilaterally opacification pneumoperitoneum lymphadenopathy consolidations
            calcifications densities hypodensities stenoses metastases biopsies aneurysmal atelectatic bilaterally
            ossification demineralization ligamentous spiculated hazy hazier haziness oily pays played says
            axes oxes gas gases bus buses bias biased lens lenses is as us a i""",
        )
    )
)


class NoWordNet:
    """Synonyms of no word, so that METEOR matches words and stems alone."""

    def synsets(self, word):
        return []


def bleus(hypotheses, references):
    """sacrebleu's, with its own tokenizer, of the corpus and of each text."""
    most = max(map(len, references))
    columns = [[of[place] if place < len(of) else None for of in references] for place in range(most)]
    found = []
    for method, value in [("none", None), ("floor", 0.1), ("add-k", 1), ("exp", None)]:
        corpus = sacrebleu.BLEU(smooth_method=method, smooth_value=value)
        sentence = sacrebleu.BLEU(smooth_method=method, smooth_value=value, effective_order=True)
        score = corpus.corpus_score(hypotheses, columns)
        found.append(
            {
                "method": method,
                "value": value,
                "corpus": score.score / 100,
                "orders": [
                    sacrebleu.BLEU(smooth_method=method, smooth_value=value, max_ngram_order=order)
                    .corpus_score(hypotheses, columns)
                    .score
                    / 100
                    for order in (1, 2, 3, 4)
                ],
                "penalty": score.bp,
                "lengths": [score.sys_len, score.ref_len],
                "sentences": [
                    sentence.sentence_score(text, of).score / 100 for text, of in zip(hypotheses, references)
                ],
            }
        )
    return found


def rouges(hypotheses, references, stem):
    """rouge-score's, of each text, with the best of its references."""
    kinds = ["rouge1", "rouge2", "rouge3", "rougeL", "rougeLsum"]
    scorer = rouge_score.rouge_scorer.RougeScorer(kinds, use_stemmer=stem)
    found = [scorer.score_multi(of, text) for text, of in zip(hypotheses, references)]
    return {kind: [list(score[kind]) for score in found] for kind in kinds}


def captions(hypotheses, references):
    """pycocoevalcap's, of texts that are tokens with spaces between."""
    truth = dict(enumerate(references))
    written = {place: [text] for place, text in enumerate(hypotheses)}
    bleu, bleu_each = Bleu(4).compute_score(truth, written, verbose=0)
    rouge, rouge_each = Rouge().compute_score(truth, written)
    cider, cider_each = Cider().compute_score(truth, written)
    return {
        "bleu": bleu,
        "bleu_each": bleu_each,
        "rouge": float(rouge),
        "rouge_each": [float(value) for value in rouge_each],
        "cider": float(cider),
        "cider_each": [float(value) for value in cider_each],
    }


def meteors(hypotheses, references):
    stemmer = PorterStemmer()
    of = lambda text, texts, alpha, beta, gamma: meteor_score(
        [reference.split() for reference in texts],
        text.split(),
        stemmer=stemmer,
        wordnet=NoWordNet(),
        alpha=alpha,
        beta=beta,
        gamma=gamma,
    )
    weights = [(0.9, 3.0, 0.5), (0.8, 1.5, 0.3)]
    return [
        {"weights": list(of_weights), "each": [of(*pair, *of_weights) for pair in zip(hypotheses, references)]}
        for of_weights in weights
    ]


def alphanumeric(texts):
    return [" ".join(rouge_score.tokenize.tokenize(text, None)) for text in texts]


def treebank(texts):
    """What pycocoevalcap's tokenizer leaves."""
    found = PTBTokenizer().tokenize({place: [{"caption": text}] for place, text in enumerate(texts)})
    return [found[place][0] for place in range(len(texts))]


def label_sets():
    generator = numpy.random.default_rng(7)
    names = ["atelectasis", "cardiomegaly", "consolidation", "edema", "effusion"]
    truth = generator.random((40, 5)) < [0.4, 0.3, 0.1, 0.2, 0.4]
    predicted = truth ^ (generator.random((40, 5)) < 0.15)
    truth[:3] = predicted[:3] = False
    score = lambda average: float(sklearn.metrics.f1_score(truth, predicted, average=average, zero_division=0))
    words = lambda rows: [[name for name, is_there in zip(names, row) if is_there] for row in rows]
    return {
        "truth": words(truth),
        "predicted": words(predicted),
        "micro": score("micro"),
        "macro": score("macro"),
        "samples": score("samples"),
        "micro_precision": float(sklearn.metrics.precision_score(truth, predicted, average="micro")),
        "micro_recall": float(sklearn.metrics.recall_score(truth, predicted, average="micro")),
    }


def texts(of):
    hypotheses, references = of["hypotheses"], of["references"]
    plain = alphanumeric(hypotheses), [alphanumeric(of) for of in references]
    return {
        **of,
        "sacrebleu": bleus(hypotheses, references),
        "rouge": rouges(hypotheses, references, False),
        "rouge_stemmed": rouges(hypotheses, references, True),
        # Of alphanumeric tokens. pycocoevalcap takes an empty text for one empty token, which is not what is wanted.
        "captions": captions([text or " " for text in plain[0]], plain[1]),
        "meteor": meteors(*plain),
    }


REPORT_LINES = [
    "Nodule (2.5 cm), T2-weighted; stable.",
    "The heart size is normal -- no pneumothorax, effusion, or edema.",
    "Small left-sided effusion: increased? No acute findings!",
    "Endotracheal tube tip 3.2 cm above the carina.",
]


def main():
    versions = ["sacrebleu", "rouge_score", "nltk", "pycocoevalcap", "scikit-learn", "numpy"]
    scorer = Tokenizer13a()
    stemmer = PorterStemmer()
    golden = {
        "versions": {name: importlib.metadata.version(name) for name in versions}
        | {"python": platform.python_version()},
        "radgraph": texts(RADGRAPH),
        "reports": texts(REPORTS),
        "lines": {
            "text": LINES,
            "13a": [scorer(line).split() for line in LINES],
            "alphanumeric": [rouge_score.tokenize.tokenize(line, None) for line in LINES],
            "stemmed": [rouge_score.tokenize.tokenize(line, stemmer) for line in LINES],
        },
        "treebank": {
            "text": REPORT_LINES,
            # With -lowerCase the tokenizer writes brackets so that pycocoevalcap does not know them for punctuation.
            "tokens": [
                [word for word in line.split() if word not in ("-lrb-", "-rrb-")] for line in treebank(REPORT_LINES)
            ],
        },
        "stems": {word: stemmer.stem(word) for word in WORDS},
        "labels": label_sets(),
    }
    OUT.write_text(json.dumps(golden, indent=1, ensure_ascii=True) + "\n")


main()
