"""Train a tiny VAE in Flax and export it with jax2onnx.

    python tests/adopted/make_flax_model.py      needs flax, optax and jax2onnx

``tests/test_adoption.py`` adopts the two files, without these packages.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import onnx
import optax
from flax import linen as nn
from jax2onnx import to_onnx

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent)]

from shapes import draw_shapes  # noqa: E402

LATENT_DIM, STEPS, OPSET = 3, 1500, 21


class Encoder(nn.Module):
    """Grey images ``(n, 12, 12, 1)`` in [0, 1] to mean and log-variance."""

    @nn.compact
    def __call__(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Return the exported outputs."""
        x = nn.gelu(nn.Conv(8, (3, 3), strides=2)(x))
        x = nn.gelu(nn.LayerNorm()(nn.Conv(8, (3, 3), strides=2)(x)))
        x = x.reshape((x.shape[0], -1))
        return nn.Dense(LATENT_DIM)(x), nn.Dense(LATENT_DIM)(x)


class Decoder(nn.Module):
    """Latents to logits ``(n, 12, 12, 1)``."""

    @nn.compact
    def __call__(self, z: jax.Array) -> jax.Array:
        """Return logits, for training; the exported function adds the sigmoid."""
        x = nn.gelu(nn.Dense(72)(z)).reshape((-1, 3, 3, 8))
        x = nn.gelu(nn.ConvTranspose(8, (4, 4), strides=(2, 2))(x))
        out: jax.Array = nn.ConvTranspose(1, (4, 4), strides=(2, 2))(x)
        return out


def train(encoder: Encoder, decoder: Decoder) -> tuple[Any, Any]:
    """Return the parameters of both after a short training."""
    images = jnp.asarray(draw_shapes()[0][:300, ..., None] / 255.0, jnp.float32)
    keys = jax.random.split(jax.random.key(0), STEPS + 2)
    parameters = (
        encoder.init(keys[0], images[:1]),
        decoder.init(keys[1], jnp.zeros((1, LATENT_DIM))),
    )
    optimiser = optax.adam(3e-3)
    state = optimiser.init(parameters)

    def loss(parameters: tuple[Any, Any], key: jax.Array) -> jax.Array:
        chosen, drawn = jax.random.split(key)
        x = images[jax.random.randint(chosen, (64,), 0, len(images))]
        mean, log_var = encoder.apply(parameters[0], x)
        z = mean + jnp.exp(0.5 * log_var) * jax.random.normal(drawn, mean.shape)
        logits = decoder.apply(parameters[1], z)
        error = optax.sigmoid_binary_cross_entropy(logits, x).sum((1, 2, 3))
        kl = 0.5 * (mean**2 + jnp.exp(log_var) - 1 - log_var).sum(1)
        return (error + kl).mean()

    @jax.jit
    def step(parameters: tuple[Any, Any], state: Any, key: jax.Array) -> tuple[Any, Any]:
        updates, state = optimiser.update(jax.grad(loss)(parameters, key), state)
        return optax.apply_updates(parameters, updates), state

    for key in keys[2:]:
        parameters, state = step(parameters, state, key)
    return parameters


if __name__ == "__main__":
    encoder, decoder = Encoder(), Decoder()
    of_encoder, of_decoder = train(encoder, decoder)
    halves = {
        "encoder": (lambda x: encoder.apply(of_encoder, x), ("n", 12, 12, 1)),
        "decoder": (lambda z: nn.sigmoid(decoder.apply(of_decoder, z)), ("n", LATENT_DIM)),
    }
    for name, (function, shape) in halves.items():
        onnx.save(to_onnx(function, [shape], opset=OPSET), HERE / f"flax-{name}.onnx")
