"""Published systems as recipes, and their losses as their write-ups compute them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from explorer.recipes.layers import (
    DENSE_HEAD,
    DROPOUT,
    FLATTEN,
    LEAKY,
    POOL,
    UPSAMPLE,
    autoregressive,
    conv,
    dense,
    reshape,
    transposed,
)
from explorer.recipes.recipe import Published, Recipe, SplitName

_PLAIN_ADAM = {"learning_rate": 1e-3, "schedule": "constant", "warmup_steps": 0}
"""Adam as published systems use it."""

_TANH_MLP = Recipe(
    summary="published system: tanh MLPs of 500 units for CIFAR-10 in colour, 500-D",
    encoder=(FLATTEN, dense(500, "tanh")),
    decoder=(dense(500, "tanh"),),
    head=DENSE_HEAD,
    epochs=30,
    batch_size=100,
    published=Published(data="cifar10", latent_dim=500, epochs=30),
    **_PLAIN_ADAM,
)

PUBLISHED: dict[str, Recipe] = {
    "sigmoid-mlp": Recipe(
        summary="published system: sigmoid MLPs for CIFAR-10 in grey, 15-D",
        encoder=(FLATTEN, dense(1024, "sigmoid"), dense(512, "sigmoid")),
        decoder=(dense(256, "sigmoid"), dense(512, "sigmoid")),
        head=DENSE_HEAD,
        epochs=15,
        batch_size=1000,
        published=Published(data="cifar10-grey", latent_dim=15, value=673.84, epochs=15),
        **_PLAIN_ADAM,
    ),
    "tutorial": Recipe(
        summary="published system: four convolutions for Fashion-MNIST, 2-D",
        encoder=(conv(32), conv(64, 3, 2), conv(64), conv(64), FLATTEN, dense(32)),
        decoder=(dense(14 * 14 * 64), reshape(14, 14, 64), transposed(32, 3, 2)),
        head={"layer": "Conv2D", "kernel_size": 3, "padding": "same"},
        # The write-up averages over pixels, and 1 + log σ² − μ² − σ² over two dimensions
        beta=784 * 5e-4,
        epochs=10,
        batch_size=32,
        validation_split=0.2,
        published=Published(
            data="fashion_mnist",
            latent_dim=2,
            value=0.3314,
            epochs=10,
            split="held-out",
            divisor=784,
        ),
        **_PLAIN_ADAM,
    ),
    "softplus-mlp": Recipe(
        summary="published system: softplus MLPs for MNIST, 20-D",
        encoder=(FLATTEN, dense(500, "softplus"), dense(500, "softplus")),
        decoder=(dense(500, "softplus"), dense(500, "softplus")),
        head=DENSE_HEAD,
        epochs=100,
        batch_size=100,
        published=Published(data="mnist", latent_dim=20, value=96.21, epochs=100),
        **_PLAIN_ADAM,
    ),
    "pooled-conv": Recipe(
        summary="published system: convolutions and pooling for MNIST, 20-D",
        encoder=(conv(8, 5), conv(16, 3), POOL, FLATTEN, dense(500)),
        decoder=(
            *(dense(500), dense(14 * 14 * 16), reshape(14, 14, 16), UPSAMPLE),
            transposed(8, 3),
        ),
        head={"layer": "Conv2DTranspose", "kernel_size": 5, "padding": "same"},
        epochs=150,
        batch_size=100,
        published=Published(data="mnist", latent_dim=20, value=99.20, epochs=150),
        **_PLAIN_ADAM,
    ),
    "pooled-conv-colour": Recipe(
        summary="published system: convolutions and pooling for CIFAR-10 in colour, 80-D",
        encoder=(conv(8, 5), conv(16, 4), POOL, FLATTEN, dense(500)),
        decoder=(
            *(dense(500), dense(16 * 16 * 16), reshape(16, 16, 16), UPSAMPLE),
            transposed(8, 4),
        ),
        head={"layer": "Conv2DTranspose", "kernel_size": 5, "padding": "same"},
        epochs=150,
        batch_size=100,
        published=Published(data="cifar10", latent_dim=80, value=1840.12, epochs=150),
        **_PLAIN_ADAM,
    ),
    "tanh-mlp": _TANH_MLP,
    "tanh-mlp-flow": _TANH_MLP.model_copy(
        update={
            "summary": "published system: tanh MLPs with a flow of three steps for CIFAR-10, 500-D",
            "flow": (autoregressive(500),) * 3,
            "context": 500,
        }
    ),
    "tanh-200": Recipe(
        summary="published system: tanh MLPs of 200 units for binarised MNIST, 50-D",
        encoder=(FLATTEN, dense(200, "tanh"), dense(200, "tanh")),
        decoder=(dense(200, "tanh"), dense(200, "tanh")),
        head=DENSE_HEAD,
        epochs=40,  # published: some 3,280, while the learning rate falls in eight steps
        batch_size=20,
        learning_rate=1e-3,
    ),
    "leaky-conv": Recipe(
        summary="published system: leaky convolutions with dropout for MNIST, 8-D",
        encoder=(
            *(conv(64, 4, 2, None), LEAKY, DROPOUT),
            *(conv(64, 4, 2, None), LEAKY, DROPOUT),
            *(conv(64, 4, 1, None), LEAKY, DROPOUT),
            FLATTEN,
        ),
        decoder=(
            *(dense(24, None), LEAKY, dense(49, None), LEAKY, reshape(7, 7, 1)),
            *(transposed(64, 4, 2), DROPOUT),
            *(transposed(64, 4, 1), DROPOUT),
            *(transposed(64, 4, 1), FLATTEN),
        ),
        head={"layer": "Dense", "activation": "sigmoid"},
        likelihood="gaussian",
        sigma=0.5**0.5,  # the squared error, up to a constant
        epochs=32,  # 30,000 steps
        batch_size=64,
        published=Published(data="mnist", latent_dim=8, epochs=32),
        **{**_PLAIN_ADAM, "learning_rate": 5e-4},
    ),
}


def published_loss(
    history: Mapping[str, Sequence[float]], recipe: Recipe, split: SplitName
) -> list[float]:
    """The loss of a published system after each epoch, as its write-up computes it.

    Args:
        history: ``reconstruction`` and ``kl`` per epoch, nats per image; ``val_…``
            for held-out images.
        recipe: a recipe that repeats a published system.
        split: which images; if the history has no values for them, the result is empty.
    """
    divisor = recipe.published.divisor if recipe.published else 1.0
    prefix = "val_" if split == "held-out" else ""
    reconstruction, kl = (history.get(prefix + term, ()) for term in ("reconstruction", "kl"))
    return [(r + recipe.beta * k) / divisor for r, k in zip(reconstruction, kl, strict=True)]
