"""What the browser gets of a model, as bytes."""

from __future__ import annotations

import json
import struct
import zlib

import numpy as np

from explorer.bundle.store import Bundle
from explorer.core.elbo import LOG_2PI
from explorer.drawing import raster

NO_DATA, LITTLE_DATA = 1, 10
"""Percentiles of density below which a place has no data, or little."""
SPRITE_COLUMNS = 100
"""Test images in a row of the picture that the browser gets."""
MAX_NETWORK_BYTES = 64_000_000
"""Larger decoders and encoders are not sent to the browser, which then says so."""
MAX_SPRITE_PIXELS = 16_000_000
"""Larger sets of test images are not sent to the browser; the lens then shows no originals."""


def encode_images(bundle: Bundle, images: np.ndarray | None) -> bytes:
    """The model's hash and, if there are any and not too many, the test images as one PNG."""
    content = bundle.content.encode()
    if images is None or images[..., 0].size > MAX_SPRITE_PIXELS:
        return content
    return content + raster.png(raster.tile(images, SPRITE_COLUMNS), effort=1)


def encode_model(bundle: Bundle) -> bytes:
    """All that ``static/live/shared/model.js`` reads."""
    latents, card = bundle.latents, bundle.card
    log_var = latents.train_z_log_var.astype(np.float64)
    arrays = {
        "zMean": latents.z_mean.astype("<f4"),
        "trainMean": latents.train_z_mean.astype("<f4"),
        "trainPrecision": np.exp(-log_var).astype("<f4"),
        "trainConstant": (-0.5 * np.sum(LOG_2PI + log_var, axis=1)).astype("<f4"),
        "sortedDensity": bundle.sorted_log_density.astype("<f4"),
        "labels": latents.labels.astype("<u2"),
    }
    contents = {name: array.tobytes() for name, array in arrays.items()}
    for name, network in (("decoder", bundle.decoder), ("encoder", bundle.encoder)):
        contents[name] = network if len(network) <= MAX_NETWORK_BYTES else b""
    body = b"".join(contents.values())
    sections, at = {}, 0
    for name, content in contents.items():
        sections[name] = {"at": at, "bytes": len(content)}
        at += len(content)
    header = json.dumps(
        {
            "content": bundle.content,
            "latentDim": card.model.latent_dim,
            "imageShape": card.data.image_shape,
            "classes": card.data.classes,
            "likelihood": card.model.recipe.likelihood,
            "trust": {"none": NO_DATA, "little": LITTLE_DATA},
            "spriteColumns": SPRITE_COLUMNS,
            "sections": sections,
        }
    ).encode()
    checked = header + body
    return struct.pack("<II", len(header), zlib.crc32(checked)) + checked
