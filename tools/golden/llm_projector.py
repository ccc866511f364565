"""A projector of random weights for the small model: testdata/llm_projector/mmproj.gguf, and one for a wider model.

Its shape is that of Gemma 3 (and MedGemma): patches of 8 x 8 pixels, one block, the mean of 2 x 2 patches, vectors of 576 numbers.
It has learned nothing: it shows that pictures reach the model, not what a model sees. Run from the repository's root with gguf 0.19.
"""

import pathlib
import sys

import gguf
import numpy as np

folder = pathlib.Path("testdata/llm_projector")
folder.mkdir(parents=True, exist_ok=True)
SIDE, PATCH, WIDTH, FEED, HEADS = 32, 8, 32, 64, 2


def write(name, projection, skip=()):
    draw = np.random.default_rng(20261127)
    out = gguf.GGUFWriter(str(folder / name), "clip")
    out.add_string("general.type", "mmproj")
    out.add_bool("clip.has_vision_encoder", True)
    out.add_string("clip.projector_type", "gemma3")
    out.add_uint32("clip.vision.image_size", SIDE)
    out.add_uint32("clip.vision.patch_size", PATCH)
    out.add_uint32("clip.vision.embedding_length", WIDTH)
    out.add_uint32("clip.vision.feed_forward_length", FEED)
    out.add_uint32("clip.vision.projection_dim", projection)
    out.add_uint32("clip.vision.block_count", 1)
    out.add_uint32("clip.vision.attention.head_count", HEADS)
    out.add_float32("clip.vision.attention.layer_norm_epsilon", 1e-6)
    out.add_uint32("clip.vision.projector.scale_factor", 2)
    out.add_array("clip.vision.image_mean", [0.5, 0.5, 0.5])
    out.add_array("clip.vision.image_std", [0.5, 0.5, 0.5])
    out.add_bool("clip.use_gelu", True)

    def put(tensor, *shape, ones=False):
        values = np.ones(shape) if ones else draw.normal(0, 0.05, shape)
        if tensor not in skip:
            out.add_tensor(tensor, values.astype(np.float32))

    put("v.patch_embd.weight", WIDTH, 3, PATCH, PATCH)
    put("v.patch_embd.bias", WIDTH)
    put("v.position_embd.weight", (SIDE // PATCH) ** 2, WIDTH)
    for part in ("attn_q", "attn_k", "attn_v", "attn_out"):
        put(f"v.blk.0.{part}.weight", WIDTH, WIDTH)
        put(f"v.blk.0.{part}.bias", WIDTH)
    for part in ("ln1", "ln2"):
        put(f"v.blk.0.{part}.weight", WIDTH, ones=True)
        put(f"v.blk.0.{part}.bias", WIDTH)
    put("v.blk.0.ffn_up.weight", FEED, WIDTH)
    put("v.blk.0.ffn_up.bias", FEED)
    put("v.blk.0.ffn_down.weight", WIDTH, FEED)
    put("v.blk.0.ffn_down.bias", WIDTH)
    put("v.post_ln.weight", WIDTH, ones=True)
    put("v.post_ln.bias", WIDTH)
    put("mm.soft_emb_norm.weight", WIDTH, ones=True)
    put("mm.input_projection.weight", WIDTH, projection)
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()


write("mmproj.gguf", 576)
write("wider.gguf", 64)
write("lacking.gguf", 576, skip=("mm.soft_emb_norm.weight",))
raw = (folder / "mmproj.gguf").read_bytes()
(folder / "cut.gguf").write_bytes(raw[: len(raw) * 2 // 3])
print(sys.version.split()[0], {f.name: f.stat().st_size for f in sorted(folder.glob("*.gguf"))})
