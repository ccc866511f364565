"""Vectors of sentences by llama-cpp-python with the small model, which `wilhelm_llm::embed` has to give again.

    python3 -m pip install llama-cpp-python==0.3.36
    python3 tools/golden/llm_embeddings.py SmolLM2-135M-Instruct.Q4_1.gguf > crates/llm/tests/golden/embeddings.json

The means of the last layer over the tokens, brought to length 1; the first 16 numbers of each and the scalar products.
"""

import json
import sys

import llama_cpp
import numpy as np

TEXTS = ["The heart is enlarged.", "Cardiomegaly is present.", "It rains in the mountains."]


def main():
    network = llama_cpp.Llama(sys.argv[1], n_ctx=512, n_batch=512, n_ubatch=512, n_threads=1, embedding=True, verbose=False,
                              pooling_type=llama_cpp.LLAMA_POOLING_TYPE_MEAN)
    vectors = np.array([network.embed(text) for text in TEXTS], dtype=np.float64)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    print(json.dumps({
        "version": llama_cpp.__version__,
        "texts": TEXTS,
        "width": vectors.shape[1],
        "first": [[round(float(x), 6) for x in vector[:16]] for vector in vectors],
        "products": [[round(float(x), 5) for x in row] for row in vectors @ vectors.T],
    }, indent=1))


main()
