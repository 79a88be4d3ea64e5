"""Read a picture file that a user uploads, or say in one sentence why it cannot be read.

Files come from strangers. Memory and time stay bounded: a picture's cost is estimated from its
header before any pixel is decoded, JPEGs are decoded at a fraction of their size, and one file is
decoded at a time. Damaged files are read in part.
"""

from __future__ import annotations

import codecs
import io
import re
import struct
import threading
import warnings
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import TILELENGTH, TILEWIDTH, TiffImageFile

from explorer.data.files.kinds import HEAD, kind_of_bytes
from explorer.data.pixels import (
    Form,
    draft,
    has_deep_greys,
    is_heif,
    orientation,
    to_picture,
    with_heif,
)
from explorer.data.ranges import BYTES
from explorer.errors import ExplorerError

MAX_UPLOAD_BYTES = 50 * 2**20
MAX_DECODING_BYTES = 200 * 2**20

_FORMATS = ("PNG", "GIF", "WEBP", "BMP", "DIB", "TIFF", "ICO", "PPM", "AVIF", "HEIF")  # and JPEG
_READABLE_IN_PART = ("JPEG", "PNG", "BMP", "TIFF")  # decoded row by row from one end
_LARGEST_ICON = 1024  # pixels a side
_ENOUGH = "for instance 2,048 pixels wide"
_PYTHON_DECODERS = ("ppm", "ppm_plain", "bmp_rle")  # about a second per million pixels
_MAX_READS = 600_000  # read calls for one file: millions would take minutes

_PICTURE_START = (
    rb"\xff\xd8|\x89PNG|GIF8|RIFF....WEBP|BM|II\*\x00|MM\x00\*|\x00\x00\x01\x00|"
    rb"P[1-6]\s|....ftyp(avi|hei|hev|mif|msf)"
)

_one_at_a_time = threading.Lock()  # so that many visitors need no more memory than one


class UploadError(ExplorerError):
    """One sentence for the user: what is wrong with a file and what to do about it."""


@dataclass(frozen=True)
class Upload:
    """A picture as it is meant to look.

    Attributes:
        image: upright, 8-bit, mode "L", "RGB", or "RGBA" if any of it is transparent; large
            pictures are reduced, see `to_picture`.
        size: (width, height) of the file's picture, upright, pixels.
        notes: what was done to it, as text that can be shown.
    """

    image: Image.Image
    size: tuple[int, int]
    notes: tuple[str, ...] = ()


def read_upload(data: bytes, form: Form) -> Upload:
    """Read the picture in a file, as training would, in 300 MB of memory and about a second.

    Args:
        data: the file's bytes.
        form: form of the model's images.

    Raises:
        UploadError: the bytes are not a picture, or the picture is damaged or too large.
    """
    if not data:
        raise UploadError("This file is empty; choose a picture, for instance a JPEG or PNG.")
    if len(data) > MAX_UPLOAD_BYTES:
        raise UploadError(
            f"This file has {len(data) / 2**20:,.0f} MB, but at most {MAX_UPLOAD_BYTES >> 20} MB "
            "can be read; make the picture smaller or save it as JPEG."
        )
    with _one_at_a_time, warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        try:
            return _read(data, form)
        except UploadError:
            raise
        except Exception as error:  # Pillow raises nearly anything for malformed files
            raise UploadError(_what_is_wrong(data, error)) from error


def _read(data: bytes, form: Form) -> Upload:
    image = _open(data)
    size = image.size
    draft(image, form.shape)
    _refuse_if_costly(image, size, data)
    notes = _notes(image, form)
    turned_by_pillow = image.format == "TIFF" and orientation(image) != 1
    if _load(image):
        notes.append("damaged or cut short: the part that could be read is shown")
    if turned_by_pillow or orientation(image) != 1:
        notes.append("turned upright as its EXIF orientation says")
    if form.range.kind == "bytes" and _is_brighter(image, form.range.high):
        form = replace(form, range=BYTES)  # an ordinary picture, but a model of 0/1 masks
    picture = to_picture(image, form)
    if (size[0] < size[1]) != (picture.width < picture.height):
        size = size[1], size[0]  # it was turned
    if max(picture.size) < max(size):
        notes.append(f"reduced from {size[0]:,} × {size[1]:,} pixels")
    return Upload(picture, size, tuple(notes))


class _Pieces(io.BytesIO):
    """A file that refuses to be read in an unreasonable number of pieces."""

    reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads += 1
        if self.reads > _MAX_READS:
            raise OSError("too many pieces")
        return super().read(size)


def _open(data: bytes) -> ImageFile:
    """Read the header with one of the allowed readers, none of which runs another program."""
    if data.startswith(b"\xff\xd8\xff"):  # also MPO: its first picture is a plain JPEG
        # not Image.open, which refuses sizes that a draft decodes easily
        return JpegImageFile(_Pieces(data))
    if data.startswith(b"\0\0\1\0"):  # Pillow decodes an icon's PNG while opening it
        for size in re.findall(rb"IHDR(.{8})", data, re.DOTALL):
            if max(struct.unpack(">II", size)) > _LARGEST_ICON:
                raise UploadError("The picture in this icon is too large; save it as PNG.")
    if is_heif(data[:12]):
        with_heif()
    return Image.open(_Pieces(data), formats=_FORMATS)


def _refuse_if_costly(image: ImageFile, size: tuple[int, int], data: bytes) -> None:
    """Raise UploadError if a picture needs too much memory or time, judged by its header."""
    pixels = size[0] * size[1]
    if isinstance(image, TiffImageFile):
        tile = image.tag_v2.get(TILEWIDTH, 0) * image.tag_v2.get(TILELENGTH, 0)
        if tile > pixels + 2**24:
            raise ValueError("a tile far larger than the picture")
    allowed = MAX_DECODING_BYTES / _bytes_per_pixel(image, size, data)
    if image.tile and image.tile[0].codec_name in _PYTHON_DECODERS:
        allowed = 10**6
    if pixels > allowed:
        raise UploadError(
            f"This {image.format} has {size[0]:,} × {size[1]:,} pixels, but only about "
            f"{allowed // 10**6:,.0f} million of its kind can be read; make it smaller, "
            f"{_ENOUGH}, or save it as a plain JPEG."
        )


def _bytes_per_pixel(image: ImageFile, size: tuple[int, int], data: bytes) -> float:
    """Return the peak memory of decoding, in bytes per pixel of the stored size."""
    if isinstance(image, JpegImageFile):
        drafted = 4 * image.size[0] * image.size[1] / (size[0] * size[1])
        return max(0.2, drafted) + _coefficient_bytes(image, data)  # 0.2: time, not memory
    if image.format in ("WEBP", "AVIF", "HEIF"):
        return 16  # measured: canvases, planes and copies of all of them
    stored = 2 if image.mode in ("1", "L", "P", "I;16") else 4
    if image.format == "TIFF":  # one strip may hold all of it; then it may be turned
        return stored * (3 if _is_deep(image) else 2)
    return stored


def _coefficient_bytes(image: JpegImageFile, data: bytes) -> float:
    """Return the bytes per pixel that libjpeg keeps for several scans, 0 for a plain JPEG.

    More scans than usual count as more memory, as each scan costs time.
    """
    assert image.fp is not None
    first_scan = data.rfind(b"\xff\xda", 0, image.fp.tell())
    if not image.info.get("progressive") and data[first_scan + 4] == len(image.layer):
        return 0.0
    across, down = [layer[1] for layer in image.layer], [layer[2] for layer in image.layer]
    samples = sum(h * v for h, v in zip(across, down, strict=True)) / (max(across) * max(down))
    return 2 * samples * max(1.0, data.count(b"\xff\xda") / 12)


def _is_deep(image: ImageFile) -> bool:
    return image.format in ("PNG", "TIFF") and ";16" in str(image.tile[:1])


def _is_brighter(image: ImageFile, high: float) -> bool:
    """Whether an 8-bit picture exceeds ``high``, if that is the 1 of a set of 0 and 1."""
    if high > 1 or has_deep_greys(image):
        return False
    extrema = np.reshape(image.convert("RGB").getextrema(), (-1, 2))
    return bool(extrema[:, 1].max() > high)


def _notes(image: ImageFile, form: Form) -> list[str]:
    notes = []
    if getattr(image, "is_animated", False):
        pages = image.format == "TIFF"
        notes.append("the first of several pages" if pages else "the first frame of an animation")
    if has_deep_greys(image) and form.range.kind != "bytes":
        notes.append(f"greys scaled as the model's images were: {form.range} is black to white")
    elif image.mode == "F":
        notes.append(
            "greys in floating point: 0 is black; 1 or the largest of 8 to 16 bits is white"
        )
    elif image.mode == "I":
        notes.append("whole numbers: 0 is black, the largest of 8, 10, 12, 14 or 16 bits white")
    elif has_deep_greys(image):
        notes.append("16-bit grey scaled to 8 bits")
    elif _is_deep(image):
        notes.append("16-bit colour scaled to 8 bits")
    elif image.mode in ("CMYK", "LAB"):
        notes.append(f"{image.mode} converted to RGB")
    return notes


def _load(image: ImageFile) -> bool:
    """Decode; return True if the file is damaged but at least half of its rows could be read."""
    try:
        image.load()
        return False
    except Exception as error:
        image.tile = []  # do not try again: keep the rows that are there
        in_part = image.format in _READABLE_IN_PART and not image.info.get("interlace")
        try:
            box = image.getbbox(alpha_only=False) if in_part else None
        except Exception:  # nothing was decoded
            box = None
        if box is None or box[3] - box[1] < image.height / 2:
            raise UploadError(
                f"This {image.format} is damaged or cut short, and too little of it is left "
                "to show; copy or download it again."
            ) from error
        return True


def _what_is_wrong(data: bytes, error: Exception) -> str:
    """Return the most helpful sentence for bytes that could not be opened as a picture."""
    head = data[:HEAD]
    if (found := kind_of_bytes(head)) and not (is_heif(head) and with_heif()):
        kind, advice = found
        return f"This is {kind}, which cannot be read here; {advice} and upload that."
    if isinstance(error, (Image.DecompressionBombError, MemoryError)):
        return f"This picture has too many pixels to be read here; make it smaller, {_ENOUGH}."
    if _is_text(head):
        return "This is a text file, not a picture; choose for instance a JPEG or PNG."
    if re.match(_PICTURE_START, head, re.DOTALL):
        return "This picture is damaged and cannot be read; save it again, for instance as PNG."
    return "This file is not a picture of a known kind; choose for instance a JPEG or PNG."


def _is_text(head: bytes) -> bool:
    try:
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(head)
    except UnicodeDecodeError:
        return False
    return "".join(text.split()).isprintable()
