"""A LoRA adapter for the small model with random weights, and what llama-cpp-python does with it: `wilhelm_llm` has to do the same.

    python3 -m pip install llama-cpp-python==0.3.36 gguf==0.19.0
    python3 tools/golden/llm_adapter.py SmolLM2-135M-Instruct.Q4_1.gguf testdata/llm_adapter

Writes `adapter.gguf` (rank 2 over the outputs of attention and of the feed-forward part of the last three layers), `other.gguf` (the
same said to be of another architecture), `strange.gguf` (a tensor that the model has not) and `expected.json`: the vectors of
three sentences as in `llm_embeddings.py`, and the likeliest words after a prompt, at several scales.
"""

import json
import pathlib
import sys

import gguf
import llama_cpp
import numpy as np

TEXTS = ["The heart is enlarged.", "Cardiomegaly is present.", "It rains in the mountains."]
PROMPT = "<|im_start|>user\nDescribe a winter evening.<|im_end|>\n<|im_start|>assistant\n"
WIDTH, INNER, RANK, ALPHA = 576, 1536, 2, 4.0
SCALES = [0.0, 0.5, 1.0]


def write(path, architecture, layers):
    draw = np.random.default_rng(20261127)
    file = gguf.GGUFWriter(path, architecture)
    file.add_type("adapter")
    file.add_string("adapter.type", "lora")
    file.add_float32("adapter.lora.alpha", ALPHA)
    for layer in layers:
        for name, inputs in (("attn_output", WIDTH), ("ffn_down", INNER)):
            a = draw.normal(0, 1 / np.sqrt(inputs), (RANK, inputs)).astype(np.float16)
            b = draw.normal(0, 0.3, (WIDTH, RANK)).astype(np.float16)
            file.add_tensor(f"blk.{layer}.{name}.weight.lora_a", a)
            file.add_tensor(f"blk.{layer}.{name}.weight.lora_b", b)
    file.write_header_to_file()
    file.write_kv_data_to_file()
    file.write_tensors_to_file()
    file.close()


def network(model, adapter, scale, embedding):
    more = {"embedding": True, "pooling_type": llama_cpp.LLAMA_POOLING_TYPE_MEAN} if embedding else {}
    return llama_cpp.Llama(model, n_ctx=512, n_batch=512, n_ubatch=512, n_threads=1, verbose=False, lora_path=str(adapter),
                           lora_scale=scale, **more)


def main():
    model, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    adapter = folder / "adapter.gguf"
    write(adapter, "llama", [27, 28, 29])
    write(folder / "other.gguf", "qwen2", [29])
    write(folder / "strange.gguf", "llama", [99])
    found = {"version": llama_cpp.__version__, "texts": TEXTS, "scales": []}
    for scale in SCALES:
        vectors = np.array([network(model, adapter, scale, True).embed(text) for text in TEXTS], dtype=np.float64)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        words = network(model, adapter, scale, False)
        tokens = words.tokenize(PROMPT.encode(), special=True)
        said = words(tokens, max_tokens=16, temperature=0.0, repeat_penalty=1.0)
        found["scales"].append({
            "scale": scale,
            "first": [[round(float(x), 6) for x in vector[:16]] for vector in vectors],
            "says": said["choices"][0]["text"],
        })
    (folder / "expected.json").write_text(json.dumps(found, indent=1) + "\n")


main()
