"""Read the header, the extreme values or the pixels of image files.

A damaged file gives None instead of a result. Each function may run in any thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import IO, Any, NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError

from explorer.data.files.kinds import HEAD, kind_of_bytes
from explorer.data.pixels import (
    Form,
    Pixels,
    describe_tiff,
    has_deep_greys,
    has_further_channels,
    is_grey,
    open_image,
    read_pixels,
    upright_size,
    without_sign,
)
from explorer.data.ranges import Values, look_at
from explorer.errors import one_line

Opener = Callable[[str], IO[bytes]]
Unit = tuple[str, Sequence[int] | None]
"""A file, and the indices of the pages to read; None for a file with one image."""
STACKS = ("TIFF", "GIF", "WEBP")
"""Formats whose files are searched for several images."""


class Header(NamedTuple):
    """What a file says of its image before it is decoded.

    Attributes:
        height, width: in pixels, once it is upright.
        is_grey: whether it has no colours.
        is_deep: whether it has greys of more than 8 bits.
        has_frames: whether further frames are not read.
        has_further_channels: whether it has channels beside colours and transparency, which are
            not read.
    """

    height: int
    width: int
    is_grey: bool
    is_deep: bool
    has_frames: bool
    has_further_channels: bool


class Decoded(NamedTuple):
    """The pixels of some images.

    Attributes:
        requested: number of images requested.
        readable: ``(k,)`` positions of the requested images that could be read.
        colours: ``(k, height, width, channels)`` uint8.
        transparent: ``(t,)`` positions in ``colours`` of images that are transparent somewhere.
        alphas: alpha of the transparent images, ``(t, height, width, 1)`` uint8.
    """

    requested: int
    readable: np.ndarray
    colours: np.ndarray
    transparent: np.ndarray
    alphas: np.ndarray


def decode(
    open_file: Opener, units: Sequence[Unit], form: Form, apply: Callable[..., Iterable[Any]]
) -> Decoded:
    """Decode image files, in order; ``apply`` is ``map``, or one that uses threads."""

    def read(unit: Unit) -> list[Pixels | None]:
        return _read(open_file, unit, form)

    return gather([pixels for one in apply(read, units) for pixels in one], form)


def gather(found: Sequence[Pixels | None], form: Form) -> Decoded:
    """Put the pixels of images together; None stands for an image that could not be read."""
    kept = [pixels for pixels in found if pixels is not None]
    transparent = [i for i, (_, alpha) in enumerate(kept) if alpha is not None]
    return Decoded(
        len(found),
        np.array([i for i, pixels in enumerate(found) if pixels is not None], int),
        np.array([colour for colour, _ in kept], np.uint8).reshape(-1, *form.shape),
        np.array(transparent, int),
        np.array([kept[i][1] for i in transparent], np.uint8).reshape(-1, *form.shape[:2], 1),
    )


def measure(open_file: Opener, name: str) -> Header | None:
    """Read a file's header."""
    try:
        for image in _frames(open_file, (name, None)):
            is_oblong = image.width != image.height  # only then does orientation matter
            size = upright_size(image) if is_oblong else image.size
            has_more = image.format not in STACKS and getattr(image, "is_animated", False)
            has_more = has_more and image.format != "MPO"  # it has a preview or a stereo view
            kind = is_grey(image), has_deep_greys(image)
            return Header(*size, *kind, has_more, has_further_channels(image))
    except Exception:  # as in _read
        pass
    return None


def look(open_file: Opener, unit: Unit, is_deep: bool) -> Values | None:
    """Find the extreme values of a file's images, either of the deep ones or of the others."""
    found: Values | None = None
    try:
        for image in _frames(open_file, unit):
            if has_deep_greys(image) != is_deep:
                continue
            values = _stored_values(image)
            finite = values[np.isfinite(values)]
            if values.size:
                known = finite if finite.size else np.zeros(1, values.dtype)  # as it is read
                one = replace(look_at(known, unit[0]), has_gaps=finite.size < values.size)
                found = one if found is None else found | one
    except Exception:  # as in _read
        pass
    return found


def fault(open_file: Opener, name: str) -> str:
    """Say why a file cannot be decoded, as far as that can be known."""
    try:
        with open_file(name) as stream:
            if not stream.read(1):
                return "it is empty"
            stream.seek(0)
            try:
                open_image(stream).load()
            except UnidentifiedImageError:
                stream.seek(0)
                kind = kind_of_bytes(stream.read(HEAD))
                stream.seek(0)
                known = f"it is {kind[0]}; {kind[1]}" if kind else describe_tiff(stream)
                return known or "its content is no image of a known format"
    except Exception as error:  # as in _read
        return one_line(error)
    return "it is damaged"


def count_pages(open_file: Opener, name: str) -> int:
    """Count the images in a file, without the reduced-size copies that some TIFFs hold."""
    try:
        with open_file(name) as stream, open_image(stream) as image:
            count: int = getattr(image, "n_frames", 1)
            width, height = image.size
            for page in range(1, count if image.format == "TIFF" else 0):
                image.seek(page)
                tags: Any = getattr(image, "tag_v2", {})
                is_reduced = tags.get(254, 0) & 1  # NewSubfileType, TIFF 6.0
                if is_reduced or (2 * image.width <= width and 2 * image.height <= height):
                    return page
            return count
    except Exception:  # it will be counted as unreadable once it is read
        return 1


def _frames(open_file: Opener, unit: Unit) -> Iterator[Image.Image]:
    name, pages = unit
    with open_file(name) as stream, open_image(stream) as image:
        for page in pages or (0,):
            if page:
                image.seek(page)
            yield image


def _read(open_file: Opener, unit: Unit, form: Form) -> list[Pixels | None]:
    found: list[Pixels | None] = []
    try:
        for image in _frames(open_file, unit):
            found.append(read_pixels(image, form))
    except Exception:  # damaged files make Pillow and zipfile raise nearly anything
        found += [None] * (len(unit[1] or (0,)) - len(found))
    return found


def _stored_values(image: Image.Image) -> np.ndarray:
    if has_deep_greys(image):
        return np.asarray(image)
    image = without_sign(image)
    return np.asarray(image.convert("RGB" if image.mode not in ("1", "L") else "L"))
