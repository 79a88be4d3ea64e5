"""Write exports.json: small networks written by exporters, with the results of onnxruntime.

    python tests/javascript/network/make_exports.py

It needs torch, onnx, onnxscript and onnxruntime; cases.json comes from make_cases.py. The network
exported by jax2onnx comes from `tests/adopted/make_flax_model.py`.

The networks are of published kinds: convolutional and residual VAEs as in pythae, a decoder like
DCGAN's, group normalisation with SiLU, bilinear upsampling, attention, labels.
"""

from __future__ import annotations

import base64
import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn

FILE = Path(__file__).with_name("exports.json")
FLAX = Path(__file__).parents[2] / "adopted" / "flax-decoder.onnx"
LATENTS = 4


class Residual(nn.Module):
    """x + f(x), as in pythae."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.block = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(width, width // 2, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width // 2, width, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.add(x, self.block(x))


class Attention(nn.Module):
    """Self-attention between pixels, as in latent diffusion."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(2, width)
        self.qkv = nn.Conv2d(width, 3 * width, 1)
        self.out = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        batch, width, height, length = x.shape
        q, k, v = self.qkv(self.norm(x)).reshape(batch, 3, width, height * length).unbind(1)
        weights = torch.softmax(q.transpose(1, 2) @ k * width**-0.5, dim=-1)
        return x + self.out((v @ weights.transpose(1, 2)).reshape(x.shape))


class Conditional(nn.Module):
    """A decoder that also takes a one-hot class."""

    def __init__(self, latent_dim: int, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(latent_dim + 3, width), nn.GELU(), nn.Linear(width, 36), nn.Sigmoid()
        )

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        return self.layers(torch.cat([z, label], dim=1)).view(-1, 1, 6, 6)


class Encoder(nn.Module):
    """A convolutional encoder with two outputs."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, width, 4, 2, padding=1),
            nn.BatchNorm2d(width),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, 2 * width, 3, 2, padding=1),
            nn.Hardswish(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.LayerNorm(2 * width),
        )
        self.mean = nn.Linear(2 * width, 3)
        self.log_var = nn.Linear(2 * width, 3)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.layers(x)
        return self.mean(h), self.log_var(h)


def networks(width: int) -> dict[str, tuple[nn.Module, list[tuple[int, ...]]]]:
    """Return networks by name, each with the shapes of its inputs for one item."""
    dcgan = nn.Sequential(
        nn.Unflatten(1, (8, 1, 1)),
        nn.ConvTranspose2d(8, 4 * width, 4, 1, 0, bias=False),
        nn.BatchNorm2d(4 * width),
        nn.ReLU(),
        nn.ConvTranspose2d(4 * width, 2 * width, 4, 2, 1, bias=False),
        nn.BatchNorm2d(2 * width),
        nn.ReLU(),
        nn.ConvTranspose2d(2 * width, 3, 4, 2, 1, bias=False),
        nn.Tanh(),
    )
    pythae = nn.Sequential(
        nn.Linear(5, width * 16),
        nn.Unflatten(1, (width, 4, 4)),
        nn.ConvTranspose2d(width, width, 3, 2, padding=1),
        Residual(width),
        Residual(width),
        nn.ConvTranspose2d(width, 1, 3, 2, padding=1, output_padding=1),
        nn.Sigmoid(),
    )
    diffusion = nn.Sequential(
        nn.Conv2d(4, width, 3, padding=1),
        Attention(width),
        nn.GroupNorm(2, width),
        nn.SiLU(),
        nn.Upsample(scale_factor=2, mode="nearest"),
        nn.Conv2d(width, width, 3, padding=1),
        nn.Mish(),
        nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
        nn.Conv2d(width, 3, 3, padding=1, groups=1),
    )
    shuffle = nn.Sequential(
        nn.Linear(3, width * 16),
        nn.ELU(),
        nn.Unflatten(1, (width, 4, 4)),
        nn.Conv2d(width, width, 3, padding=1, groups=width),
        nn.PReLU(width),
        nn.Conv2d(width, 8, 1),
        nn.PixelShuffle(2),
        nn.InstanceNorm2d(2, affine=True),
        nn.Softplus(),
        nn.UpsamplingBilinear2d(size=(12, 12)),
        nn.ReflectionPad2d(1),
        nn.AvgPool2d(3, 2),
    )
    return {
        "dcgan": (dcgan, [(8,)]),
        "pythae-resnet": (pythae, [(5,)]),
        "diffusion": (diffusion, [(4, 4, 4)]),
        "shuffle": (shuffle, [(3,)]),
        "conditional": (Conditional(4, 16 * width), [(4,), (3,)]),
        "encoder": (Encoder(width), [(1, 12, 12)]),
    }


def trained(module: nn.Module) -> nn.Module:
    """Return the module with moments of batch normalisation that differ from the initial ones."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d) and part.running_mean is not None:
            part.running_mean.uniform_(-1, 1)
            part.running_var.uniform_(0.5, 2)
    return module.eval()


def exported(module: nn.Module, inputs: list[Tensor], dynamo: bool) -> bytes:
    """Return the bytes of an ONNX file for any number of images."""
    names = [f"input{i}" for i in range(len(inputs))]
    buffer = io.BytesIO()
    if dynamo:
        batch = torch.export.Dim("batch")
        shapes = tuple({0: batch} for _ in inputs)
        program = torch.onnx.export(
            module, tuple(inputs), input_names=names, dynamic_shapes=shapes, dynamo=True
        )
        program.save(buffer)
    else:
        torch.onnx.export(
            module,
            tuple(inputs),
            buffer,
            input_names=names,
            dynamic_axes={name: {0: "batch"} for name in names},
            dynamo=False,
        )
    model = onnx.load_model_from_string(buffer.getvalue())
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    del model.graph.value_info[:], model.graph.metadata_props[:]
    return bytes(model.SerializeToString())


def case(name: str, model: bytes, inputs: list[np.ndarray]) -> dict[str, Any]:
    """Return a network with its outputs for a few latents or images."""
    session = onnxruntime.InferenceSession(model)
    given = {node.name: x for node, x in zip(session.get_inputs(), inputs, strict=True)}
    outputs = session.run(None, given)
    return {
        "name": name,
        "model": encode(model),
        "inputs": [encode(x.tobytes()) for x in inputs],
        "outputs": [{"shape": [1, *y.shape[1:]], "data": encode(y.tobytes())} for y in outputs],
    }


def case_of_torch(
    name: str, module: nn.Module, shapes: list[tuple[int, ...]], dynamo: bool
) -> dict[str, Any]:
    """Return a case of a module, written by one of the exporters."""
    inputs = [torch.randn(LATENTS, *shape) for shape in shapes]
    model = exported(module, inputs, dynamo)
    name = f"{name}, exporter {'new' if dynamo else 'old'}"
    return case(name, model, [x.numpy() for x in inputs])


def case_of_flax() -> dict[str, Any]:
    """Return a case of a decoder that ``make_flax_model.py`` has written with jax2onnx."""
    z = np.random.default_rng(0).standard_normal((LATENTS, 3), np.float32)
    return case("Flax decoder, jax2onnx", FLAX.read_bytes(), [z])


def encode(written: bytes) -> str:
    return base64.b64encode(written).decode()


def main() -> None:
    """Write the file; with a width and a folder as arguments, write wider networks there."""
    torch.manual_seed(0)
    np.random.seed(0)
    width = int(sys.argv[1]) if len(sys.argv) > 1 else 4
    file = Path(sys.argv[2]) if len(sys.argv) > 2 else FILE
    with torch.no_grad():
        cases = [
            case_of_torch(name, trained(module), shapes, dynamo)
            for name, (module, shapes) in networks(width).items()
            for dynamo in (False, True)
        ]
    cases.append(case_of_flax())
    lines = ",\n".join(json.dumps(one) for one in cases)
    file.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    print(f"{len(cases)} networks, {file.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
