"""Networks beside PyTorch and ONNX Runtime: training steps and passes, peers in the same run.

Usage: python tools/bench/networks.py path/to/examples/networks [--times 5] [--threads 2] [--only NAME ...]
           [--device cpu|cuda] [--into FILE]

Each network has the same layers, sizes and optimizer (AdamW) here and there; the weights are random. A run of each
comes in turns, and the median of the runs counts. `ratio` is the faster peer's time over ours: above 1 we are faster.
The rows by ONNX Runtime want the program built with the feature `ort`, and the library's path in ORT_DYLIB_PATH; without
it they are left out. With `--device cuda` PyTorch computes on the graphics processor, and ours too (a build with the
feature `gpu`); the rows by ONNX Runtime are left out then.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

CASES = {
    "small_cnn_28": "training step, CNN of 32, 64, 128 channels, 28 x 28, batch of 128",
    "small_cnn_64": "training step, the same, 64 x 64, batch of 32",
    "cnn_of_volumes_28": "training step, 3-D CNN of 16, 32, 64 channels, 28 x 28 x 28, batch of 32",
    "lstm": "training step, LSTM in both directions, 128 units, 64 steps, batch of 64",
    "transformer": "training step, 2 + 2 layers, 256 wide, 8 heads, 64 tokens, 8 queries, batch of 32",
    "resnet18_224": "pass, ResNet-18, 224 x 224, one image",
    "resnet18_224_of_16": "pass, ResNet-18, 224 x 224, 16 images",
    "resnet18_224_by_onnx_runtime": "pass, ResNet-18, 224 x 224, one image, ours by ONNX Runtime",
    "resnet18_224_of_16_by_onnx_runtime": "pass, ResNet-18, 224 x 224, 16 images, ours by ONNX Runtime",
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--into", help="put the table into a page, docs/performance.md, in the place of the last one")
    options = parser.parse_args()
    os.environ["RAYON_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = str(options.threads)
    import torch

    torch.set_num_threads(options.threads)
    rows = []
    for name in CASES:
        if options.only and not any(part in name for part in options.only):
            continue
        if name.endswith("by_onnx_runtime") and options.device == "cuda":
            continue
        if name.endswith("by_onnx_runtime") and not os.environ.get("ORT_DYLIB_PATH"):
            print(f"{name:22} left out: ORT_DYLIB_PATH names no library")
            continue
        peers = peers_of(name, options.threads, options.device)
        for run in peers.values():
            for _ in range(10 if options.device == "cuda" else 1):
                run()
        ours, theirs = [], {peer: [] for peer in peers}
        # Each start on a graphics processor compiles its kernels anew.
        rounds, graphics = (1, ["gpu"]) if options.device == "cuda" else (3, [])
        for _ in range(rounds):
            command = [options.program, name, str(options.times), *graphics]
            told = subprocess.run(command, check=True, capture_output=True, text=True, env=environment(name))
            ours += json.loads(told.stdout)["seconds"]
            for peer, run in peers.items():
                for _ in range(options.times):
                    start = time.perf_counter()
                    run()
                    theirs[peer].append(time.perf_counter() - start)
        medians = {peer: statistics.median(times) * 1000 for peer, times in theirs.items()}
        mine = statistics.median(ours) * 1000
        row = {"name": name, "ours": mine, "peers": medians, "ratio": min(medians.values()) / mine}
        rows.append(row)
        shown = ", ".join(f"{peer} {value:.2f}" for peer, value in medians.items())
        print(f"{name:22} {mine:9.2f} ms   {shown}   ratio {row['ratio']:.2f}", flush=True)
    if options.into and options.device == "cuda":
        pathlib.Path(options.into).write_text(page_of_graphics(rows, torch))
    elif options.into:
        path = pathlib.Path(options.into)
        before, _, after = path.read_text().partition("\n## Networks\n")
        rest = after.partition("\n## ")
        path.write_text(before.rstrip("\n") + "\n" + section(rows, options.threads) + "".join(rest[1:]))


def environment(name):
    """`wilhelm train` tells glibc to keep freed memory (crates/cli/src/memory.rs); here its environment does."""
    keeps = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "2147483647", "MALLOC_TOP_PAD_": "67108864"}
    return {**os.environ, **(keeps if CASES[name].startswith("training") else {})}


def section(rows, threads):
    import importlib.metadata as metadata

    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("torch", "onnxruntime"))
    lines = [
        "",
        "## Networks",
        "",
        f"Random weights, 32-bit floats, {threads} threads; a training step is forward, backward and AdamW. The median of the runs",
        "counts, in turns with the peers. *Ratio* is the faster peer's time over ours. Training keeps freed memory, as",
        "`wilhelm train` does; the peers run as they come.",
        "",
        f"Peers: {versions}.",
        "",
        "| network | ours, ms | peers, ms | ratio |",
        "|---|---:|---|---:|",
    ]
    for row in rows:
        peers = ", ".join(f"{peer} {value:.1f}" for peer, value in row["peers"].items())
        lines.append(f"| {CASES[row['name']]} | {row['ours']:.1f} | {peers} | {row['ratio']:.2f} |")
    return "\n".join(lines) + "\n"


def page_of_graphics(rows, torch):
    lines = [
        "# Performance on a graphics processor",
        "",
        "Made by `cargo build --release --workspace --features wilhelm-cli/gpu --example networks`, then `python3",
        "tools/bench/networks.py target/release/examples/networks --device cuda --into docs/performance-gpu.md`, on one",
        f"{torch.cuda.get_device_name()}.",
        "",
        "Ours computes through Vulkan by burn's kernels, PyTorch through CUDA and cuDNN, as each comes: 32-bit floats, and PyTorch's",
        "convolutions in TF32, its default. The median of the runs counts, after ten that do not. *Ratio* is PyTorch's time over",
        "ours: above 1 we are faster.",
        "",
        f"PyTorch {torch.__version__}.",
        "",
        "| network | ours, ms | PyTorch, ms | ratio |",
        "|---|---:|---:|---:|",
    ]
    for row in rows:
        lines.append(f"| {CASES[row['name']]} | {row['ours']:.2f} | {row['peers']['PyTorch']:.2f} | {row['ratio']:.2f} |")
    return "\n".join(lines) + "\n"


def peers_of(name, threads, device):
    import torch
    from torch import nn

    torch.manual_seed(1)

    def block(convolution, norm, inputs, outputs, stride):
        class Block(nn.Module):
            def __init__(self):
                super().__init__()
                self.first = convolution(inputs, outputs, 3, stride, 1, bias=False)
                self.first_norm = norm(outputs)
                self.second = convolution(outputs, outputs, 3, 1, 1, bias=False)
                self.second_norm = norm(outputs)
                projects = inputs != outputs or stride != 1
                self.short = nn.Sequential(convolution(inputs, outputs, 1, stride, bias=False), norm(outputs)) if projects else nn.Identity()

            def forward(self, x):
                inner = torch.relu(self.first_norm(self.first(x)))
                return torch.relu(self.second_norm(self.second(inner)) + self.short(x))

        return Block()

    class Pooled(nn.Module):
        def __init__(self, body, width):
            super().__init__()
            self.body, self.head = body, nn.Linear(width, 2)

        def forward(self, x):
            return self.head(self.body(x).flatten(2).mean(2))

    class Lstm(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = nn.LSTM(128, 128, bidirectional=True, batch_first=True)
            self.head = nn.Linear(256, 2)

        def forward(self, x):
            return self.head(self.lstm(x)[0].mean(1))

    class Translator(nn.Module):
        def __init__(self):
            super().__init__()
            layer = lambda kind: kind(256, 8, 1024, batch_first=True, activation="gelu", dropout=0.1)
            self.encoder = nn.TransformerEncoder(layer(nn.TransformerEncoderLayer), 2, enable_nested_tensor=False)
            self.decoder = nn.TransformerDecoder(layer(nn.TransformerDecoderLayer), 2)
            self.head = nn.Linear(256, 2)

        def forward(self, x):
            return self.head(self.decoder(x[1], self.encoder(x[0])).mean(1))

    flat = lambda *sizes: block(nn.Conv2d, nn.BatchNorm2d, *sizes)
    deep = lambda *sizes: block(nn.Conv3d, nn.BatchNorm3d, *sizes)
    stem = nn.Sequential(nn.Conv2d(1, 32, 3, 1, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU())
    if name.startswith("resnet18"):
        return passes(16 if "of_16" in name else 1, threads, device)
    network, data = {
        "small_cnn_28": lambda: (Pooled(nn.Sequential(stem, flat(32, 32, 1), flat(32, 64, 2), flat(64, 128, 2)), 128), torch.randn(128, 1, 28, 28)),
        "small_cnn_64": lambda: (Pooled(nn.Sequential(stem, flat(32, 32, 1), flat(32, 64, 2), flat(64, 128, 2)), 128), torch.randn(32, 1, 64, 64)),
        "cnn_of_volumes_28": lambda: (Pooled(nn.Sequential(deep(1, 16, 1), deep(16, 32, 2), deep(32, 64, 2)), 64), torch.randn(32, 1, 28, 28, 28)),
        "lstm": lambda: (Lstm(), torch.randn(64, 64, 128)),
        "transformer": lambda: (Translator(), (torch.randn(32, 64, 256), torch.randn(32, 8, 256))),
    }[name]()
    network = network.to(device)
    data = tuple(part.to(device) for part in data) if isinstance(data, tuple) else data.to(device)
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3)

    def step():
        loss = -torch.log_softmax(network(data), 1)[:, 0].mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if device == "cuda":
            torch.cuda.synchronize()

    return {"PyTorch": step}


def passes(batch, threads, device):
    import torch
    import torchvision

    network = torchvision.models.resnet18().eval().to(device)
    images = torch.randn(batch, 3, 224, 224, device=device)

    def torch_pass():
        with torch.no_grad():
            network(images).cpu()

    if device == "cuda":
        return {"PyTorch": torch_pass}
    import onnxruntime

    path = pathlib.Path(tempfile.mkdtemp()) / "resnet18.onnx"
    torch.onnx.export(network, images, str(path), input_names=["x"], dynamo=False)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads, settings.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(str(path), settings)
    data = {"x": images.numpy()}
    return {"PyTorch": torch_pass, "ONNX Runtime": lambda: session.run(None, data)}


if __name__ == "__main__":
    main()
