"""What the browser gets of a model, as bytes."""

from __future__ import annotations

import json
import struct
import zlib

import numpy as np

from explorer.bundle.store import Bundle
from explorer.bundle.trust import trust_limits, trust_scales
from explorer.core.geometry import principal_plane
from explorer.core.neighbourhood import NEIGHBOURS, REACH
from explorer.core.trust import LIMITS, VERDICTS
from explorer.drawing import raster

SPRITE_COLUMNS = 100
"""Test images in a row of the picture that the browser gets."""
MAX_NETWORK_BYTES = 64_000_000
"""Larger decoders and encoders are not sent to the browser, which then says so."""
MAX_SPRITE_PIXELS = 16_000_000
"""Larger sets of test images are not sent to the browser; the lens then shows no originals, and
no stored reconstructions."""
MAX_LOSSLESS_BYTES = 12_000_000
"""Of pixels; more of them are sent as thumbnails that are not exact."""


def encode_images(bundle: Bundle, images: np.ndarray | None) -> bytes:
    """The model's hash and, if there are any and not too many, the test images as one picture.

    Stored reconstructions follow in it, one for each. It is a PNG, or if that would be large a
    JPEG, whose blocks of 8 pixels do not mix images of common sizes.
    """
    content = bundle.content.encode()
    if images is None or not fits_sprite(images):
        return content
    if bundle.reconstructions is not None:
        images = np.concatenate([images, bundle.reconstructions])
    picture = raster.tile(images, SPRITE_COLUMNS)
    is_large = picture.size > MAX_LOSSLESS_BYTES
    return content + (raster.jpeg(picture) if is_large else raster.png(picture, effort=1))


def fits_sprite(images: np.ndarray) -> bool:
    """Whether the browser gets these test images, ``(n, height, width, channels)``."""
    return images[..., 0].size <= MAX_SPRITE_PIXELS


def encode_model(bundle: Bundle) -> bytes:
    """All that ``static/live/shared/model.js`` reads."""
    latents, card = bundle.latents, bundle.card
    columns = _columns(bundle)
    neighbourhoods = card.metrics.maps.get("neighbourhoods")
    arrays = {
        "zMean": latents.z_mean.astype("<f4"),
        "trainMean": latents.train_z_mean.astype("<f4"),
        "trainLogVar": latents.train_z_log_var.astype("<f4"),
        "quantiles": trust_scales(bundle).astype("<f4"),
        "labels": latents.labels.astype("<u2"),
        "places": (np.empty(0) if latents.places is None else latents.places).astype("<f4"),
        **{name: values.astype("<f4") for name, _, _, values in columns},
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
            "likelihood": card.model.likelihood,
            "isConditional": card.model.is_conditional,
            "hasDecoder": card.model.has_graphs,
            "hasReconstructions": bundle.reconstructions is not None,
            "trust": {
                "limits": trust_limits(bundle),
                "words": VERDICTS,
                "hole": 100.0 * (LIMITS["density"].low or 0.0),
            },
            "columns": [dict(zip(("name", "title", "unit"), c[:3], strict=True)) for c in columns],
            "principal": _principal(bundle),
            "mainDimensions": bundle.main_dimensions,
            "emptyDistance": None if neighbourhoods is None else neighbourhoods.empty_distance,
            "placing": {"neighbours": NEIGHBOURS, "reach": REACH},
            "spriteColumns": SPRITE_COLUMNS,
            "sections": sections,
        }
    ).encode()
    checked = header + body
    return struct.pack("<II", len(header), zlib.crc32(checked)) + checked


def _columns(bundle: Bundle) -> list[tuple[str, str, str, np.ndarray]]:
    """Name, title, unit and values of what is known of each test image, where it is known."""
    latents = bundle.latents
    known = [
        ("negElbo", "−ELBO", "nats", latents.neg_elbo),
        ("reconstruction", "reconstruction term", "nats", latents.neg_elbo - latents.kl),
        ("kl", "KL", "nats", latents.kl),
        ("logDensity", "density, log q(z)", "nats", latents.log_density),
        ("returnDistance", "return distance", "", latents.return_distance),
        ("nearestDistance", "distance to the nearest image", "", latents.nearest_distance),
    ]
    if len(bundle.card.data.classes) > 1:
        known.append(("agreement", "neighbours of its class, of 15", "share", latents.agreement))
    known += [(f"column:{name}", name, "", values) for name, values in latents.columns.items()]
    return [column for column in known if np.isfinite(column[3]).any()]


def _principal(bundle: Bundle) -> dict[str, object] | None:
    """The plane of the principal components, above two dimensions."""
    if bundle.card.model.latent_dim < 3:
        return None
    plane = principal_plane(bundle.latents.z_mean)
    return {
        "origin": plane.origin.tolist(),
        "directions": plane.directions.tolist(),
        "labels": plane.labels,
    }
