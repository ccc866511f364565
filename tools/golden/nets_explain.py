#!/usr/bin/env python3
"""What Captum, pytorch-grad-cam, timm, scikit-image and SciPy answer, for `crates/nets/src/explain/golden.rs`.

    pip install torch timm captum grad-cam scikit-image scipy
    python3 tools/golden/nets_explain.py

Weights and inputs are made by rule (see `nets_architectures.py`), the same here and there. Two small networks, one of
images and one of volumes: two convolutions, the mean of each channel, a linear layer.
"""

import importlib.metadata
import json
import math
import pathlib
import sys

import numpy as np
import timm
import torch
from captum.attr import IntegratedGradients, LayerGradCam, Occlusion, Saliency
from nets_architectures import by_rule, filled, image
from pytorch_grad_cam import GradCAMPlusPlus
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from scipy.stats import spearmanr
from skimage.metrics import structural_similarity
from torch import nn

TARGET = pathlib.Path(__file__).resolve().parents[2] / "crates/nets/tests/golden/explain.json"
LABEL = 1
BASELINE = 0.25
STEPS = 50
SCALE = 200


class Small(nn.Module):
    def __init__(self, convolution, channels):
        super().__init__()
        self.first = convolution(channels, 4, 3, padding=1)
        self.first_active = nn.ReLU()
        self.second = convolution(4, 6, 3, stride=2, padding=1)
        self.second_active = nn.ReLU()
        self.scorer = nn.Linear(6, 3)

    def forward(self, value):
        value = self.first_active(self.first(value))
        value = self.second_active(self.second(value))
        return self.scorer(value.flatten(2).mean(2))


def numbers(tensor):
    return [float(f"{value:.8g}") for value in np.asarray(tensor.detach() if hasattr(tensor, "detach") else tensor).ravel()]


def case(convolution, channels, size):
    network = filled(Small(convolution, channels))
    value = image([1, channels, *size])
    with torch.no_grad():
        out = {"size": size, "channels": channels, "logits": numbers(network(value))}
    layers = [network.first_active, network.second_active]
    out["grad_cam"] = [
        numbers(LayerGradCam(network, layer).attribute(value, target=LABEL, relu_attributions=True)) for layer in layers
    ]
    integrated = IntegratedGradients(network)
    map_, delta = integrated.attribute(
        value,
        torch.full_like(value, BASELINE),
        target=LABEL,
        n_steps=STEPS,
        method="riemann_middle",
        return_convergence_delta=True,
    )
    out["integrated_gradients"] = numbers(map_.sum(1))
    out["convergence_delta"] = float(delta)
    out["saliency"] = numbers(Saliency(network).attribute(value, target=LABEL, abs=True).sum(1))
    with torch.no_grad():
        covered = Occlusion(network).attribute(
            value,
            sliding_window_shapes=(channels, *[3] * len(size)),
            strides=(channels, *[2] * len(size)),
            baselines=BASELINE,
            target=LABEL,
        )
    # Captum gives every channel of a window the same number.
    out["occlusion"] = numbers(covered[:, 0])
    if len(size) == 2:
        # The class scales each map by its greatest value; the sum before that is compared. It guards a denominator of
        # squared gradients with 1e-6, which greater logits make harmless.
        with torch.no_grad():
            network.scorer.weight *= SCALE
        maps = []
        for layer in layers:
            cam = GradCAMPlusPlus(network, [layer])
            cam(value, [ClassifierOutputTarget(LABEL)])
            activations, gradients = (each[0].numpy() for each in (cam.activations_and_grads.activations, cam.activations_and_grads.gradients))
            weights = cam.get_cam_weights(value, None, None, activations, gradients)
            maps.append(numbers(np.maximum((weights[:, :, None, None] * activations).sum(1), 0)))
        out["grad_cam_plus_plus"] = maps
    return out


def rollout():
    network = timm.models.VisionTransformer(
        img_size=12, patch_size=4, in_chans=1, num_classes=3, embed_dim=6, depth=3, num_heads=2, mlp_ratio=7 / 6
    )
    network = filled(network)
    found = []
    for block in network.blocks:
        block.attn.fused_attn = False
        block.attn.attn_drop.register_forward_hook(lambda module, given, made: found.append(made.detach()[0].numpy()))
    value = image([1, 1, 12, 12])
    with torch.no_grad():
        network(value)
    whole = np.eye(found[0].shape[-1])
    for weights in found:
        whole = (weights.mean(0).astype(float) / 2 + np.eye(len(whole)) / 2) @ whole
    tensors = {name: list(tensor.shape) for name, tensor in network.state_dict().items()}
    return {"tensors": tensors, "rollout": numbers(whole[0, 1:]), "elsewhere": float(whole[0, 0])}


def agreement():
    cases = []
    for size in ([10, 12], [9, 8, 11], [7, 7]):
        first = by_rule("first map", math.prod(size)).reshape(size)
        second = (first + by_rule("second map", math.prod(size)).reshape(size)).astype(np.float32)
        # Ties.
        second = np.round(second * 8) / 8
        unit = [((map_ - map_.min()) / (map_.max() - map_.min())).astype(float) for map_ in (first.astype(float), second.astype(float))]
        cases.append(
            {
                "size": size,
                "rank_correlation": float(spearmanr(first.ravel(), second.ravel()).statistic),
                "structural_similarity": float(structural_similarity(*unit, data_range=1.0)),
            }
        )
    return cases


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    packages = ["torch", "captum", "grad-cam", "timm", "scikit-image", "scipy", "numpy"]
    golden = {
        "made_by": {
            "script": "tools/golden/nets_explain.py",
            "python": sys.version.split()[0],
            **{package: importlib.metadata.version(package) for package in packages},
        },
        "label": LABEL,
        "baseline": BASELINE,
        "steps": STEPS,
        "scale": SCALE,
        "image": case(nn.Conv2d, 2, [10, 12]),
        "volume": case(nn.Conv3d, 1, [5, 6, 7]),
        "rollout": rollout(),
        "agreement": agreement(),
    }
    TARGET.write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
