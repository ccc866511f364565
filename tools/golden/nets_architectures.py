#!/usr/bin/env python3
"""What PyTorch's networks answer, for `crates/nets/src/arch/golden.rs`.

    pip install torch torchvision timm dynamic-network-architectures efficientnet_lite_pytorch
    python3 tools/golden/nets_architectures.py [NAME ...]

With names only those cases are made anew.

Weights and inputs are made by rule, the same here and there, so that no weights are stored: the file holds the names and
shapes of each state dict and every so many numbers of each output. Networks of torchvision and timm are theirs; the
recurrent ones, the volumes' ResNet and the autoencoders are put together here from PyTorch's own layers.
"""

import importlib.metadata
import json
import math
import pathlib
import sys

import numpy as np
import torch
from torch import nn

TARGET = pathlib.Path(__file__).resolve().parents[2] / "crates/nets/tests/golden/architectures.json"
NUMBERS = 24


def by_rule(name, count):
    """Numbers from 0 to below 1, a hash of the tensor's name and the element's place; float32."""
    seed = 0x811C9DC5
    for byte in name.encode():
        seed = ((seed ^ byte) * 0x01000193) & 0xFFFFFFFF
    with np.errstate(over="ignore"):
        state = np.uint32(seed) ^ (np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B9))
        state = (state ^ (state >> np.uint32(16))) * np.uint32(0x7FEB352D)
        state = (state ^ (state >> np.uint32(15))) * np.uint32(0x846CA68B)
        state ^= state >> np.uint32(16)
    return (state >> np.uint32(8)).astype(np.float32) / np.float32(1 << 24)


def weights(name, shape):
    value = by_rule(name, math.prod(shape))
    leaf = name.rsplit(".", 1)[-1]
    if leaf == "running_var" or (len(shape) == 1 and leaf == "weight"):
        value = np.float32(0.5) + value
    else:
        scale = np.float32(math.sqrt(6 / math.prod(shape[1:]))) if len(shape) > 1 else np.float32(0.1)
        value = (np.float32(2) * value - np.float32(1)) * scale
    return torch.from_numpy(value.reshape(shape))


def filled(network):
    """A network in evaluation mode with weights by rule.

    The counters of batch normalization are left out, as in the files that we write: PyTorch does without them.
    """
    shapes = {name: list(tensor.shape) for name, tensor in network.state_dict().items()}
    state = {name: weights(name, shape) for name, shape in shapes.items() if not name.endswith("num_batches_tracked")}
    network.load_state_dict(state)
    return network.eval()


def image(shape):
    value = np.float32(2) * by_rule("input", math.prod(shape)) - np.float32(1)
    return torch.from_numpy(value.reshape(shape))


def sampled(tensor):
    values = tensor.detach().contiguous().numpy().ravel()
    step = max(1, values.size // NUMBERS)
    return {
        "shape": list(tensor.shape),
        "step": step,
        "values": [float(f"{value:.8g}") for value in values[::step]],
    }


def case(network, shape, outputs, counters=False, given=None):
    """Names, shapes and outputs of a network; `given` is the state dict a file would hold, where it is another one."""
    tensors = {
        name: list(tensor.shape)
        for name, tensor in (given or network.state_dict()).items()
        if counters or not name.endswith("num_batches_tracked")
    }
    return {
        "tensors": tensors,
        "input": list(shape),
        "outputs": {name: sampled(tensor) for name, tensor in outputs.items()},
    }


def staged(network, image, names):
    """What the named parts of a network give."""
    seen = {}
    for name in names:
        part = network.get_submodule(name)
        part.register_forward_hook(lambda _, __, output, name=name: seen.__setitem__(name, output))
    logits = network(image)
    return seen, logits


def resnet18():
    import torchvision

    network = filled(torchvision.models.resnet18(num_classes=10))
    shape = (2, 3, 48, 40)
    seen, logits = staged(network, image(shape), ["layer1", "layer2", "layer3", "layer4", "avgpool"])
    seen["pooled"] = seen.pop("avgpool").flatten(1)
    return case(network, shape, {**seen, "logits": logits}, counters=True)


def resnet18_small():
    import torchvision

    network = torchvision.models.resnet18()
    network.conv1 = nn.Conv2d(1, 64, 3, padding=1, bias=False)
    network.maxpool = nn.Identity()
    network.fc = nn.Sequential(nn.Linear(512, 1000), nn.ReLU(), nn.Linear(1000, 4))
    network = filled(network)
    shape = (1, 1, 28, 28)
    seen, logits = staged(network, image(shape), ["fc.1"])
    return case(network, shape, {"features": seen["fc.1"], "logits": logits})


def resnet50():
    import torchvision

    network = filled(torchvision.models.resnet50(num_classes=5))
    shape = (1, 3, 64, 64)
    seen, logits = staged(network, image(shape), ["layer4", "avgpool"])
    return case(network, shape, {"layer4": seen["layer4"], "pooled": seen["avgpool"].flatten(1), "logits": logits})


def densenet121(channels, classes):
    import torchvision

    network = torchvision.models.densenet121(num_classes=classes)
    if channels != 3:
        network.features.conv0 = nn.Conv2d(channels, 64, 7, stride=2, padding=3, bias=False)
    network = filled(network)
    shape = (1, channels, 64, 64)
    parts = ["features.transition1", "features.transition2", "features.transition3", "features.norm5"]
    seen, logits = staged(network, image(shape), parts)
    last = torch.relu(seen.pop("features.norm5"))
    seen = {name.rsplit(".", 1)[-1]: output for name, output in seen.items()}
    return case(network, shape, {**seen, "last": last, "pooled": last.mean((2, 3)), "logits": logits})


def efficientnet_lite0():
    from efficientnet_lite_pytorch import EfficientNet

    # Paddings follow from the size of the image: 54 is even here and odd there on the way down.
    network = filled(EfficientNet.from_name("efficientnet-lite0", image_size=54))
    shape = (2, 3, 54, 54)
    value = network._swish(network._bn0(network._conv_stem(image(shape))))
    outputs = {}
    for place, block in enumerate(network._blocks):
        value = block(value)
        if place in (2, 4, 10, 14):
            outputs[f"map_{len(outputs)}"] = value
    return case(network, shape, outputs)


def vision_transformer():
    import timm

    network = filled(timm.create_model("vit_small_patch16_224", img_size=48, num_classes=6))
    shape = (2, 3, 48, 48)
    seen, logits = staged(network, image(shape), ["blocks.0", "norm"])
    tokens = seen["norm"]
    return case(network, shape, {"first": seen["blocks.0"], "tokens": tokens, "features": tokens[:, 0], "logits": logits})


class Recurrent(nn.Module):
    """A recurrent network over padded sequences, with mean or attention pooling."""

    def __init__(self, kind, features, hidden, layers, attention, classes):
        super().__init__()
        self.rnn = kind(features, hidden, layers, batch_first=True, bidirectional=True)
        self.attention = attention and nn.Sequential(nn.Linear(2 * hidden, attention), nn.Tanh(), nn.Linear(attention, 1))
        self.scorer = nn.Linear(2 * hidden, classes)

    def forward(self, sequence, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(sequence, lengths, batch_first=True, enforce_sorted=False)
        states, _ = self.rnn(packed)
        steps = sequence.shape[1]
        states, _ = nn.utils.rnn.pad_packed_sequence(states, batch_first=True, total_length=steps)
        valid = torch.arange(steps)[None] < torch.tensor(lengths)[:, None]
        if self.attention:
            scores = self.attention(states)[..., 0].masked_fill(~valid, -torch.inf)
        else:
            scores = torch.zeros(states.shape[:2]).masked_fill(~valid, -torch.inf)
        shares = torch.softmax(scores, 1)
        pooled = (states * shares[..., None]).sum(1)
        return {"states": states, "shares": shares, "pooled": pooled, "logits": self.scorer(pooled)}


def recurrent(kind, attention):
    network = filled(Recurrent(kind, 5, 6, 2, attention, 3))
    shape = (3, 7, 5)
    return case(network, shape, network(image(shape), [7, 4, 1]))


def unet(flat):
    from dynamic_network_architectures.architectures.unet import PlainConvUNet

    kinds = [nn.Conv2d, nn.InstanceNorm2d] if flat else [nn.Conv3d, nn.InstanceNorm3d]
    dimensions = 2 if flat else 3
    network = PlainConvUNet(
        input_channels=2, n_stages=3, features_per_stage=[6, 8, 10], conv_op=kinds[0], kernel_sizes=[[3] * dimensions] * 3,
        strides=[[1] * dimensions] + [[2] * dimensions] * 2, n_conv_per_stage=[2] * 3, num_classes=3,
        n_conv_per_stage_decoder=[2] * 2, conv_bias=True, norm_op=kinds[1], norm_op_kwargs={"eps": 1e-5, "affine": True},
        nonlin=nn.LeakyReLU, nonlin_kwargs={"inplace": True}, deep_supervision=False,
    )
    filled(network)
    shape = (2, 2, 16, 20) if flat else (1, 2, 8, 12, 16)
    # The same layers stand in the state dict under several names; rule and file go by the last, as PyTorch loads them.
    seen = {}
    for name, tensor in network.state_dict().items():
        seen.setdefault(tensor.data_ptr(), []).append(name)
    own = {}
    for names in seen.values():
        first = names[0]
        own[first] = network.state_dict()[first]
        with torch.no_grad():
            own[first].copy_(weights(first, list(own[first].shape)))
    seen, logits = staged(network, image(shape), ["encoder.stages.2", "decoder.stages.0"])
    outputs = {"deepest": seen["encoder.stages.2"], "logits": logits}
    return case(network, shape, outputs, given=own)


class BasicBlock3d(nn.Module):
    def __init__(self, before, width, stride):
        super().__init__()
        self.conv1 = nn.Conv3d(before, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm3d(width)
        self.conv2 = nn.Conv3d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm3d(width)
        self.downsample = None
        if stride != 1 or before != width:
            self.downsample = nn.Sequential(nn.Conv3d(before, width, 1, stride, bias=False), nn.BatchNorm3d(width))

    def forward(self, value):
        short = value if self.downsample is None else self.downsample(value)
        inner = torch.relu(self.bn1(self.conv1(value)))
        return torch.relu(self.bn2(self.conv2(inner)) + short)


class ResNet3d(nn.Module):
    """ResNet-18 with every layer in three dimensions."""

    def __init__(self, channels, classes):
        super().__init__()
        self.conv1 = nn.Conv3d(channels, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm3d(64)
        self.maxpool = nn.MaxPool3d(3, 2, 1)
        before = 64
        for stage in range(4):
            width = 64 << stage
            blocks = [BasicBlock3d(before, width, 1 if stage == 0 else 2), BasicBlock3d(width, width, 1)]
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
            before = width
        self.fc = nn.Linear(512, classes)

    def forward(self, value):
        value = self.maxpool(torch.relu(self.bn1(self.conv1(value))))
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            value = layer(value)
        return self.fc(value.mean((2, 3, 4)))


def resnet18_3d():
    network = filled(ResNet3d(1, 3))
    shape = (1, 1, 24, 32, 20)
    seen, logits = staged(network, image(shape), ["layer1", "layer2", "layer4"])
    return case(network, shape, {**seen, "pooled": seen["layer4"].mean((2, 3, 4)), "logits": logits})


class Autoencoder(nn.Module):
    """Strided convolutions to a vector and transposed ones back; variational where `spread`."""

    def __init__(self, channels, side, widths, latent, spread):
        super().__init__()
        layers = []
        for before, width in zip([channels, *widths], widths):
            layers += [nn.Conv2d(before, width, 3, 2, 1), nn.LeakyReLU(0.01)]
        self.encoder = nn.Sequential(*layers)
        self.small = side >> len(widths)
        inner = widths[-1] * self.small**2
        self.mean = nn.Linear(inner, latent)
        if spread:
            self.log_variance = nn.Linear(inner, latent)
        self.widen = nn.Linear(latent, inner)
        layers = []
        for before, width in zip(widths[::-1], [*widths[-2::-1], channels]):
            layers += [nn.ConvTranspose2d(before, width, 4, 2, 1), nn.LeakyReLU(0.01)]
        self.decoder = nn.Sequential(*layers[:-1])

    def encode(self, value):
        inner = self.encoder(value).flatten(1)
        return self.mean(inner), self.log_variance(inner) if hasattr(self, "log_variance") else None

    def decode(self, latent):
        inner = nn.functional.leaky_relu(self.widen(latent), 0.01)
        return self.decoder(inner.unflatten(1, (-1, self.small, self.small)))


def autoencoder(spread):
    network = filled(Autoencoder(1, 16, [4, 6], 5, spread))
    shape = (2, 1, 16, 16)
    mean, log_variance = network.encode(image(shape))
    again = network.decode(mean)
    error = ((again - image(shape)) ** 2).flatten(1).mean(1)
    outputs = {"mean": mean, "reconstruction": again, "error": error}
    if spread:
        normal = torch.distributions.Normal(torch.zeros_like(mean), torch.ones_like(mean))
        own = torch.distributions.Normal(mean, torch.exp(log_variance / 2))
        outputs["log_variance"] = log_variance
        outputs["divergence"] = torch.distributions.kl_divergence(own, normal).sum(1)
        unit = torch.distributions.Normal(again, torch.ones_like(again))
        outputs["log_likelihood"] = unit.log_prob(image(shape)).flatten(1).sum(1)
    return case(network, shape, outputs)


CASES = {
    "resnet18": resnet18,
    "resnet18_small": resnet18_small,
    "resnet50": resnet50,
    "densenet121": lambda: densenet121(3, 7),
    "densenet121_gray": lambda: densenet121(1, 18),
    "efficientnet_lite0": efficientnet_lite0,
    "vision_transformer": vision_transformer,
    "lstm_attention": lambda: recurrent(nn.LSTM, 4),
    "gru_mean": lambda: recurrent(nn.GRU, None),
    "unet": lambda: unet(True),
    "unet_3d": lambda: unet(False),
    "resnet18_3d": resnet18_3d,
    "autoencoder": lambda: autoencoder(False),
    "variational": lambda: autoencoder(True),
}


def main():
    if not set(sys.argv[1:]) <= set(CASES):
        sys.exit(__doc__)
    torch.set_num_threads(1)
    cases = json.loads(TARGET.read_text())["cases"] if sys.argv[1:] else {}
    with torch.no_grad():
        for name in sys.argv[1:] or CASES:
            cases[name] = CASES[name]()
            print(name, len(cases[name]["tensors"]), "tensors")
    packages = ["torch", "torchvision", "timm", "dynamic-network-architectures", "efficientnet_lite_pytorch", "numpy"]
    facts = {
        "made_by": "tools/golden/nets_architectures.py",
        "versions": {name: importlib.metadata.version(name) for name in packages},
        "cases": cases,
    }
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(json.dumps(facts, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
