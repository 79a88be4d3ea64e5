"""Train tiny VAEs in PyTorch and export them in common ways.

    python tests/adopted/make_models.py      needs torch and onnxscript, which the tests do not

Each pair of files takes and gives images in one of these ways; ``tests/test_adoption.py`` adopts
them.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import nn

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parents[1])]

from shapes import draw_shapes  # noqa: E402

from explorer.bundle.compact import drop_notes  # noqa: E402

LATENT_DIM, STEPS = 3, 1500


class Encoder(nn.Module):
    """Grey images 12 × 12 in channels-first order to the outputs that ``gives`` names."""

    def __init__(self, features: nn.Module, size: int, gives: str) -> None:
        super().__init__()
        self.features, self.gives = features, gives
        self.mean, self.log_var = nn.Linear(size, LATENT_DIM), nn.Linear(size, LATENT_DIM)

    def terms(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return mean and log-variance."""
        hidden = self.features(x)
        return self.mean(hidden), self.log_var(hidden)

    def forward(self, x: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, ...]:
        """Return the exported outputs."""
        mean, log_var = self.terms(x)
        std = torch.exp(0.5 * log_var)
        if self.gives == "drawn":
            return mean + std * torch.randn_like(std), mean, log_var
        return {
            "mean,log_var": (mean, log_var),
            "log_var,mean": (log_var, mean),
            "mean,std": (mean, std),
            "concatenated": torch.cat([mean, log_var], 1),
            "mean": mean,
        }[self.gives]


class Decoder(nn.Module):
    """Latents to images, with logits passed through ``ends_with``."""

    def __init__(self, layers: nn.Module, ends_with: nn.Module) -> None:
        super().__init__()
        self.layers, self.ends_with = layers, ends_with

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Return the exported outputs."""
        out: torch.Tensor = self.ends_with(self.layers(z))
        return out


class WithClass(nn.Module):
    """An encoder or decoder of pixels or latents joined with one-hot classes."""

    def __init__(self, model: Encoder | Decoder) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: torch.Tensor, label: torch.Tensor) -> Any:
        """Return the exported outputs."""
        return self.model(torch.cat([x, label], 1))


class Planes(nn.Module):
    """72 numbers as eight planes."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the exported outputs."""
        return x.view(-1, 8, 3, 3)


def convolutions(activation: type[nn.Module], norm: nn.Module) -> tuple[nn.Module, nn.Module]:
    """A small convolutional encoder and decoder."""
    encoder = nn.Sequential(
        nn.Conv2d(1, 8, 3, 2, 1), norm, activation(), nn.Conv2d(8, 8, 3, 2, 1), activation(),
        nn.Flatten(),
    )  # fmt: skip
    decoder = nn.Sequential(
        nn.Linear(LATENT_DIM, 72), activation(), Planes(),
        nn.ConvTranspose2d(8, 8, 4, 2, 1), activation(), nn.ConvTranspose2d(8, 1, 4, 2, 1),
    )  # fmt: skip
    return encoder, decoder


def dense(classes: int = 0) -> tuple[nn.Module, nn.Module]:
    """An encoder and a decoder of flat pixels; with classes, both take the class as well."""
    encoder = nn.Sequential(nn.Linear(144 + classes, 48), nn.Tanh())
    decoder = nn.Sequential(nn.Linear(LATENT_DIM + classes, 48), nn.Tanh(), nn.Linear(48, 144))
    return encoder, decoder


def make(
    name: str,
    parts: tuple[nn.Module, nn.Module],
    *,
    gives: str = "mean,log_var",
    ends_with: nn.Module,
    dynamo: bool = False,
    dynamic: bool = True,
    opset: int = 17,
    classes: int = 0,
) -> None:
    """Train one model and export both halves."""
    torch.manual_seed(0)
    is_signed = isinstance(ends_with, nn.Tanh)
    images, labels = draw_shapes()
    x = torch.tensor(images[:300] / 255.0, dtype=torch.float32)
    one_hot = torch.eye(classes or 3)[labels[:300]][:, :classes]  # empty for most models
    x = x.reshape(-1, 144) if isinstance(parts[0][0], nn.Linear) else x.reshape(-1, 1, 12, 12)
    x = 2 * x - 1 if is_signed else x
    encoder, decoder = (
        Encoder(parts[0], 48 if x.ndim == 2 else 72, gives),
        Decoder(parts[1], ends_with),
    )
    optimiser = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], 3e-3)
    for _ in range(STEPS):
        chosen = torch.randint(len(x), (64,))
        batch, condition = x[chosen], one_hot[chosen]
        mean, log_var = encoder.terms(torch.cat([batch, condition], 1) if classes else batch)
        z = mean + torch.exp(0.5 * log_var) * torch.randn_like(mean)
        logits = decoder.layers(torch.cat([z, condition], 1))
        if is_signed:
            error = 10 * (torch.tanh(logits) - batch).square().flatten(1).sum(1)
        else:
            error = nn.functional.binary_cross_entropy_with_logits(logits, batch, reduction="none")
            error = error.flatten(1).sum(1)
        kl = 0.5 * (mean.square() + log_var.exp() - 1 - log_var).sum(1)
        optimiser.zero_grad()
        (error + kl).mean().backward()
        optimiser.step()
    for half, model, example in (
        ("encoder", encoder.eval(), x[:1]),
        ("decoder", decoder.eval(), torch.zeros(1, LATENT_DIM)),
    ):
        path = str(HERE / f"{name}-{half}.onnx")
        if classes:
            torch.onnx.export(
                WithClass(model), (example, one_hot[:1]), path, dynamo=False, opset_version=opset,
                input_names=["x", "label"], dynamic_axes={"x": {0: "n"}, "label": {0: "n"}},
            )  # fmt: skip
            continue
        if dynamo:
            batch = ({0: torch.export.Dim("n")},)
            torch.onnx.export(
                model, (example,), path, dynamo=True, dynamic_shapes=batch, external_data=False
            )
            exported = onnx.load(path)
            drop_notes(exported)  # they name files of this machine
            onnx.save(exported, path)
        else:
            torch.onnx.export(
                model, (example,), path, dynamo=False, opset_version=opset, input_names=["x"],
                dynamic_axes={"x": {0: "n"}} if dynamic else None,
            )  # fmt: skip


if __name__ == "__main__":

    def relu() -> tuple[nn.Module, nn.Module]:
        return convolutions(nn.ReLU, nn.BatchNorm2d(8))

    make("plain", relu(), ends_with=nn.Sigmoid())
    make("logits", relu(), ends_with=nn.Identity(), opset=11)
    make("swapped", relu(), gives="log_var,mean", ends_with=nn.Sigmoid(), dynamic=False)
    make("drawn", dense(), gives="drawn", ends_with=nn.Sigmoid())
    make("halves", dense(), gives="concatenated", ends_with=nn.Sigmoid())
    make("mean", dense(), gives="mean", ends_with=nn.Sigmoid())
    make("conditional", dense(3), ends_with=nn.Sigmoid(), classes=3)
    make(
        "signed", convolutions(nn.SiLU, nn.GroupNorm(2, 8)), gives="mean,std", ends_with=nn.Tanh(),
        dynamo=True,
    )  # fmt: skip
