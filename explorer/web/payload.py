"""Encode a model and its images as the bytes that the browser gets."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping
from dataclasses import asdict
from functools import reduce
from typing import Any

import numpy as np

from explorer.bundle.bundle import Bundle
from explorer.bundle.latents import Latents, graph_nodes
from explorer.bundle.maps import map_kinds
from explorer.bundle.trust import trust_limits, trust_scales
from explorer.core.amortisation import DAMPINGS, DRAWS, ENOUGH, JUDGING_DRAWS, STEPS
from explorer.core.geodesics import JUDGED, THIN
from explorer.core.geometry import principal_plane
from explorer.core.half import to_half
from explorer.core.neighbourhood import JUDGED_NEIGHBOURS, PLACING_NEIGHBOURS, REACH
from explorer.core.trust import HOLE, READINGS, SHARES, VERDICTS
from explorer.drawing import raster
from explorer.notation import ADDRESS_ROUNDING, MAX_COORDINATE

SPRITE_WIDTH = 4000
"""Largest width in pixels of the picture of all test images, unless one image is wider."""
MAX_NETWORK_BYTES = 64_000_000
"""Larger decoders and encoders are not sent to the browser, which then says so."""
MAX_SPRITE_PIXELS = 16_000_000
"""Larger sets of test images are not sent to the browser, nor are stored reconstructions."""
MAX_LOSSLESS_BYTES = 12_000_000
"""Largest size of pixels sent as they are; more are sent as thumbnails that are not exact."""
ALL, NOT_ALL = b"=", b"~"
"""Marks: the pictures are all that there is, or the browser may ask for each original."""


def encode_images(bundle: Bundle, images: np.ndarray | None, *, small: bool = False) -> bytes:
    """Return the model's hash, ``ALL`` or ``NOT_ALL``, and the test images as one picture.

    Stored reconstructions follow in the picture, one for each image. It is a PNG, or a WebP if
    ``small``; if that would be large, a JPEG, whose blocks of 8 pixels do not mix images of common
    sizes. There is no picture if there are no images, or too many.

    Args:
        bundle: the model.
        images: ``(n, height, width, channels)`` uint8, of the rows passed to ``encode_model``.
        small: whether to spend seconds to make the picture small.
    """
    content = bundle.content.encode()
    if images is None or not len(images):
        return content + ALL
    if images[..., 0].size > MAX_SPRITE_PIXELS:
        return content + NOT_ALL
    if bundle.reconstructions is not None:
        images = np.concatenate([images, bundle.reconstructions])
    picture = raster.tile(images, sprite_columns(images.shape[2]))
    if picture.size > MAX_LOSSLESS_BYTES:
        return content + NOT_ALL + raster.jpeg(picture)
    return content + ALL + (raster.webp(picture) if small else raster.png(picture, effort=1))


def sprite_columns(width: int) -> int:
    """Number of images in a row of that picture, for images of this width in pixels."""
    return max(1, SPRITE_WIDTH // width)


def encode_model(bundle: Bundle, pictured: np.ndarray | None = None) -> bytes:
    """Return all that ``static/live/shared/model.js`` reads.

    Args:
        bundle: the model.
        pictured: rows of the test images passed to ``encode_images``, ascending, for a page
            without a server, which also gets the graph of paths; by default all.
    """
    latents, card = bundle.latents, bundle.card
    columns = _columns(bundle)
    neighbourhoods = card.metrics.maps.get("neighbourhoods")
    arrays = {
        "zMean": to_half(latents.z_mean),
        "trainMean": to_half(latents.train_z_mean),
        "trainLogVar": to_half(latents.aggregate_posterior.z_log_var),
        "quantiles": trust_scales(bundle).astype("<f4"),
        "labels": latents.labels.astype("<u2"),
        "places": (np.empty(0) if latents.places is None else latents.places).astype("<f4"),
        **{name: values.astype("<f4") for name, _, _, values in columns},
    }
    if pictured is not None:
        arrays |= {name: _shortened(arrays[name]) for name, *_ in columns}
        arrays |= _standalone(latents, pictured)
    contents = {name: array.tobytes() for name, array in arrays.items()}
    halves = [name for name, array in arrays.items() if array.dtype == np.float16]
    for name, network in (("decoder", bundle.decoder), ("encoder", bundle.encoder)):
        contents[name] = network if len(network) <= MAX_NETWORK_BYTES else b""
    header = {
        "content": bundle.content,
        "name": card.name,
        "testSet": card.data.test_sha256,
        "latentDim": card.model.latent_dim,
        "imageShape": card.data.image_shape,
        "classes": card.data.classes,
        "likelihood": card.model.likelihood,
        "isConditional": card.model.is_conditional,
        "hasDecoder": card.model.has_graphs,
        "hasReconstructions": bundle.reconstructions is not None,
        "trust": {
            "limits": [asdict(limit) for limit in trust_limits(bundle)],
            "words": VERDICTS,
            "shares": [SHARES[reading] for reading in READINGS],
            "hole": 100.0 * HOLE,
            "isOfOthers": card.data.reading.whole,
        },
        "columns": [dict(zip(("name", "title", "unit"), c[:3], strict=True)) for c in columns],
        "maps": map_kinds(bundle),
        "principal": _principal(bundle),
        "mainDimensions": bundle.main_dimensions,
        "emptyDistance": None if neighbourhoods is None else neighbourhoods.empty_distance,
        "placing": {"neighbours": PLACING_NEIGHBOURS, "reach": REACH},
        "coordinates": {"limit": MAX_COORDINATE, "rounded": ADDRESS_ROUNDING},
        "path": {"thin": 100.0 * THIN, "judged": JUDGED},
        "refining": {
            "steps": STEPS,
            "dampings": DAMPINGS,
            "enough": ENOUGH,
            "draws": (DRAWS, JUDGING_DRAWS),
        },
        "spriteColumns": sprite_columns(card.data.image_shape[1]),
        "halves": halves,
    }
    return pack(header, contents)


def pack(header: Mapping[str, Any], contents: Mapping[str, bytes]) -> bytes:
    """Join a header and named contents, with their places and a checksum."""
    sections, at = {}, 0
    for name, content in contents.items():
        sections[name] = {"at": at, "bytes": len(content)}
        at += len(content)
    head = json.dumps({**header, "sections": sections}).encode()
    head += b" " * (-(len(head) + at) % 4)  # fill up to words of four bytes
    pieces = [head, *contents.values()]
    checksum = reduce(lambda so_far, piece: zlib.crc32(piece, so_far), pieces, 0)
    return b"".join([struct.pack("<II", len(head), checksum), *pieces])


def _standalone(latents: Latents, pictured: np.ndarray) -> dict[str, np.ndarray]:
    """What a page without a server needs in addition."""
    n = len(latents.z_mean)
    arrays = {}
    if len(pictured) < n:
        tiles = np.full(n, -1, "<i4")
        tiles[pictured] = np.arange(len(pictured))
        arrays["tiles"] = tiles
    if latents.graph is not None:
        arrays["edges"] = graph_nodes(n)[latents.graph.edges].T.astype("<u4")
        arrays["edgeCosts"] = latents.graph.costs.astype("<f4")
    return arrays


def _shortened(values: np.ndarray) -> np.ndarray:
    """The values to one part in 4,000, which take a third less space when compressed."""
    return (values.view("<u4") & np.uint32(0xFFFFF800)).view("<f4")


def _columns(bundle: Bundle) -> list[tuple[str, str, str, np.ndarray]]:
    """Name, title, unit and values of each quantity that is known of the test images."""
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
        known.append(
            (
                "agreement",
                f"neighbours of its class, of {min(JUDGED_NEIGHBOURS, len(latents.labels) - 1)}",
                "share",
                latents.agreement,
            )
        )
    known += [(f"column:{name}", name, "", values) for name, values in latents.columns.items()]
    return [column for column in known if np.isfinite(column[3]).any()]


def _principal(bundle: Bundle) -> dict[str, object] | None:
    """The plane of the principal components; None up to two dimensions."""
    if bundle.card.model.latent_dim < 3:
        return None
    plane = principal_plane(bundle.latents.z_mean)
    return {
        "origin": plane.origin.tolist(),
        "directions": plane.directions.tolist(),
        "labels": plane.labels,
    }
