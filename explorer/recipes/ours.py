"""The project's own recipes; to add one, add an entry to ``OURS``."""

from __future__ import annotations

from explorer.recipes.layers import (
    DENSE_HEAD,
    FLATTEN,
    autoregressive,
    conv,
    dense,
    grid,
    residual,
    residual_conv,
    transposed,
)
from explorer.recipes.recipe import (
    Augmentation,
    DensityRatio,
    ImportanceWeighted,
    Recipe,
    TotalCorrelation,
)

_RESIDUAL = Recipe(
    summary="narrow and deep residual MLP, for 2-D and 3-D",
    encoder=(FLATTEN, dense(256), *[residual(256)] * 2),
    decoder=(dense(256), *[residual(256)] * 6),
    head=DENSE_HEAD,
    epochs=100,
    learning_rate=1e-3,
)

_RESIDUAL_WIDE = Recipe(
    summary="wider residual MLP with KL warm-up, for 4-D and more",
    encoder=(FLATTEN, dense(384), residual(384)),
    decoder=(dense(384), *[residual(384)] * 4),
    head=DENSE_HEAD,
    kl_warmup=0.15,
    epochs=60,
)

_DIGITS = Augmentation(rotation=0.1, scale=0.07, shear=0.1, shift=0.8)
"""Changes under which a digit stays the same digit."""

_SHARP_DIGITS = _DIGITS.model_copy(update={"contrast": 1.35})
"""The same, with edges kept as steep as before: the entropy of the grey values stays the same."""

_WIDE_DIGITS = _RESIDUAL_WIDE.model_copy(
    update={
        "summary": "wider residual MLP with KL warm-up and random affine changes of digits",
        "augmentation": _SHARP_DIGITS,
        "epochs": 140,
    }
)

_CONV_COLOUR = Recipe(
    summary="two strided convolutions both ways, for small colour photographs",
    encoder=(conv(32, 4, 2), conv(64, 4, 2), FLATTEN),
    decoder=(grid(4, 64), transposed(32, 4, 2)),
    head={"layer": "Conv2DTranspose", "kernel_size": 4, "strides": 2, "padding": "same"},
    augmentation=Augmentation(flip=0.5, until=1.0),
    kl_warmup=0.1,
    epochs=20,
)

OURS: dict[str, Recipe] = {
    "residual": _RESIDUAL,
    "residual-digits": _RESIDUAL.model_copy(
        update={
            "summary": "narrow and deep residual MLP whose encoder also learns from changed digits",
            "augmentation": _SHARP_DIGITS.model_copy(update={"until": 1.0, "encoder_only": True}),
        }
    ),
    "residual-wide": _RESIDUAL_WIDE,
    "residual-wide-digits": _WIDE_DIGITS,
    "residual-flow-digits": _WIDE_DIGITS.model_copy(
        update={
            "summary": "wider residual MLP for digits with an autoregressive flow as posterior",
            "flow": (autoregressive(64),) * 3,
            "context": 32,
        }
    ),
    "residual-flow-binary": Recipe(
        summary="residual MLP with flow for binarised digits, 50-D; ends on the bound of 5 samples",
        encoder=(FLATTEN, dense(384), residual(384)),
        flow=(autoregressive(160),) * 3,
        context=64,
        decoder=(dense(384), *[residual(384)] * 4),
        head=DENSE_HEAD,
        objective=ImportanceWeighted(name="iw", samples=5, after=0.6),
        augmentation=_SHARP_DIGITS,
        kl_warmup=0.15,
        epochs=180,
    ),
    "residual-squared-digits": _WIDE_DIGITS.model_copy(
        update={
            "summary": "wider residual MLP for digits with squared error",
            "augmentation": _DIGITS,
            "epochs": 70,
            "head": {"layer": "Dense", "activation": "sigmoid"},
            "likelihood": "gaussian",
            "sigma": 0.5**0.5,
        }
    ),
    "residual-tc": _RESIDUAL_WIDE.model_copy(
        update={
            "summary": "wider residual MLP trained for independent dimensions (β-TCVAE)",
            "objective": TotalCorrelation(name="tc", weight=6.0),
        }
    ),
    "residual-factor": _RESIDUAL_WIDE.model_copy(
        update={
            "summary": "wider residual MLP trained for independent dimensions (FactorVAE)",
            "objective": DensityRatio(name="factor", gamma=10.0),
        }
    ),
    "conv-colour": _CONV_COLOUR,
    "conv-flow-colour": _CONV_COLOUR.model_copy(
        update={
            "summary": "residual convolutions both ways and a flow, for colour photographs",
            "encoder": (conv(48, 4, 2), conv(96, 4, 2), residual_conv(96), FLATTEN),
            "flow": (autoregressive(320),) * 3,
            "context": 64,
            "decoder": (grid(4, 64), residual_conv(64), transposed(48, 4, 2)),
            "epochs": 40,
        }
    ),
}
