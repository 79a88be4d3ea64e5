"""Make files that people really upload, and some that only an attacker would.

``odd_images`` makes a few hundred files in memory: every format and mode at several sizes,
rotated, animated, deep, huge, broken, and files that are not pictures at all.
"""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from PIL import Image

Expected = Literal["picture", "sentence", "either"]

MODES = {
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "JPEG": ("L", "RGB", "CMYK", "YCbCr"),
    "GIF": ("1", "L", "P", "RGB", "RGBA"),
    "WEBP": ("L", "RGB", "RGBA"),
    "BMP": ("1", "L", "P", "RGB", "RGBA"),
    "TIFF": ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "LAB", "YCbCr", "I;16", "I", "F"),
    "ICO": ("1", "L", "P", "RGB", "RGBA"),
    "PPM": ("1", "L", "RGB", "I"),
    "AVIF": ("L", "RGB", "RGBA"),
}
SIZES = ((1, 1), (28, 28), (61, 97), (200, 3))
PNG_START = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class OddImage:
    """A file, and what ``read_upload`` should do with it: "either" where both are acceptable."""

    name: str
    data: bytes
    expected: Expected


def odd_images() -> Iterator[OddImage]:
    """Yield all files, the same at every call, in a few seconds."""
    yield from _every_format()
    yield from _rotated()
    yield from _several_frames()
    yield from _unusual_pictures()
    yield from _broken()
    yield from _huge()
    yield from _no_pictures()


def picture(mode: str, size: tuple[int, int]) -> Image.Image:
    """Return a bright ellipse fading to the right, on a dark ground (transparent with alpha)."""
    width, height = size
    y, x = np.mgrid[0:height, 0:width]
    inside = ((x - width / 2) / width) ** 2 + ((y - height / 2) / height) ** 2 < 0.16
    level = np.where(inside, 255 - 100 * x / width, 20).astype(np.uint8)
    if mode == "I;16":
        return Image.fromarray(level.astype(np.uint16) * 257)
    if mode == "I":
        return Image.fromarray(level.astype(np.int32) * 257)
    if mode == "F":
        return Image.fromarray(level.astype(np.float32) / 100 - 1)
    alpha = np.where(inside, 255, 60).astype(np.uint8)
    colour = Image.fromarray(np.stack([level, level // 2, 255 - level, alpha], axis=-1))
    return colour.convert("RGB").convert(mode) if mode in ("LAB", "CMYK") else colour.convert(mode)


def encode(image: Image.Image, format: str, **options: Any) -> bytes:
    """Return the image as a file."""
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def png(size: tuple[int, int], bit_depth: int, colour_type: int, rows: Iterator[bytes]) -> bytes:
    """Return a PNG of raw rows, for what Pillow does not write: 16-bit colour, wrong sizes."""
    header = struct.pack(">IIBBBBB", *size, bit_depth, colour_type, 0, 0, 0)
    deflate = zlib.compressobj(1)
    body = b"".join(deflate.compress(b"\0" + row) for row in rows) + deflate.flush()
    return PNG_START + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return one chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def grey_jpeg(size: tuple[int, int]) -> bytes:
    """Return a mid-grey JPEG of any size, made without pixels: every block is the same 6 bits."""
    header = claim_size(encode(Image.new("L", (8, 8), 128), "JPEG"), size)
    scan = header.index(b"\xff\xda") + 10
    blocks = -(-size[0] // 8) * -(-size[1] // 8)
    return header[:scan] + b"\x28\xa2\x8a" * -(-blocks // 4) + b"\xff\xd9"


def claim_size(jpeg: bytes, size: tuple[int, int]) -> bytes:
    """Return the JPEG with another size in its header."""
    frame = max(jpeg.find(b"\xff\xc0"), jpeg.find(b"\xff\xc2"))
    return jpeg[: frame + 5] + struct.pack(">HH", size[1], size[0]) + jpeg[frame + 9 :]


def exif_orientation(value: int) -> Image.Exif:
    """Return metadata with the orientation of the camera."""
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


def _every_format() -> Iterator[OddImage]:
    for format, modes in MODES.items():
        for mode in modes:
            for size in SIZES:
                data = encode(picture(mode, size), format)
                yield OddImage(f"{format} {mode} {size[0]}×{size[1]}", data, "picture")


def _rotated() -> Iterator[OddImage]:
    for orientation in range(10):
        exif = exif_orientation(orientation)
        data = encode(picture("RGB", (60, 40)), "JPEG", exif=exif)
        yield OddImage(f"JPEG, EXIF orientation {orientation}", data, "picture")
    for format in ("PNG", "WEBP", "TIFF", "AVIF"):
        data = encode(picture("RGB", (60, 40)), format, exif=exif_orientation(6))
        yield OddImage(f"{format}, EXIF orientation 6", data, "picture")
    data = encode(picture("RGB", (60, 40)), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff")
    yield OddImage("JPEG, broken EXIF", data, "picture")


def _several_frames() -> Iterator[OddImage]:
    frames = [picture("RGB", (40, 30)), *(Image.new("RGB", (40, 30), (i, 0, 0)) for i in range(3))]
    for format in ("GIF", "WEBP", "PNG", "TIFF", "MPO", "AVIF"):
        data = encode(frames[0], format, save_all=True, append_images=frames[1:])
        yield OddImage(f"{format} of 4 frames", data, "picture")
        yield OddImage(f"{format} of 4 frames, last bytes missing", data[:-40], "either")


def _unusual_pictures() -> Iterator[OddImage]:
    rgb = picture("RGB", (60, 40))
    yield OddImage("JPEG, progressive", encode(rgb, "JPEG", progressive=True), "picture")
    yield OddImage("PNG, palette with a transparent entry", _transparent_palette(3), "picture")
    yield OddImage("PNG, palette with alphas", _transparent_palette(bytes(range(200))), "picture")
    ground = picture("L", (40, 40)).getpixel((0, 0))
    grey = encode(picture("L", (40, 40)), "PNG", transparency=ground)
    yield OddImage("PNG, grey with a transparent value", grey, "picture")
    for colour_type, channels in ((2, 3), (4, 2), (6, 4)):
        rows = (bytes(range(2 * channels)) * 20 for _ in range(10))
        name = f"PNG, 16 bits × {channels} channels"
        yield OddImage(name, png((20, 10), 16, colour_type, rows), "picture")
    for compression in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "group4"):
        image = picture("1" if compression == "group4" else "RGB", (60, 40))
        data = encode(image, "TIFF", compression=compression)
        yield OddImage(f"TIFF, {compression}", data, "picture")
    for value in (np.nan, np.inf, -np.inf, 3e38):
        levels = np.linspace(-1, 1, 600, dtype=np.float32).reshape(20, 30)
        levels[3, 3] = value
        data = encode(Image.fromarray(levels), "TIFF")
        yield OddImage(f"TIFF, float with {value}", data, "picture")
    flat = encode(Image.fromarray(np.full((5, 5), np.nan, np.float32)), "TIFF")
    yield OddImage("TIFF, float, all NaN", flat, "picture")
    yield OddImage("PGM as text", b"P2\n# note\n3 2\n255\n0 128 255\n9 9 9\n", "picture")
    yield OddImage("PPM, 10 bits", b"P6 2 1 1023\n" + bytes(12), "picture")
    for size in ((1, 5000), (5000, 1), (3, 20000), (65500, 2)):
        for format in ("PNG", "JPEG"):
            data = encode(Image.new("RGB", size, (200, 40, 40)), format)
            yield OddImage(f"{format} {size[0]}×{size[1]}", data, "picture")


def _transparent_palette(transparency: int | bytes) -> bytes:
    return encode(picture("RGB", (40, 40)).quantize(200), "PNG", transparency=transparency)


def _broken() -> Iterator[OddImage]:
    chance = random.Random(0)
    noise = np.random.default_rng(0).integers(1, 255, (90, 120, 3), dtype=np.uint8)
    image = Image.fromarray(noise)
    for format in ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "ICO", "PPM", "AVIF"):
        data = encode(image, format)
        yield OddImage(f"{format}, first 4 bytes only", data[:4], "sentence")
        for percent in (2, 10, 40, 70, 90, 99):
            cut = data[: len(data) * percent // 100]
            expected: Expected = "sentence" if percent <= 10 else "either"
            yield OddImage(f"{format}, cut at {percent} %", cut, expected)
        for flips in (1, 5, 50):
            flipped = bytearray(data)
            for _ in range(flips):
                flipped[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
            yield OddImage(f"{format}, {flips} bits flipped", bytes(flipped), "either")
        header = bytearray(data)
        for _ in range(5):
            header[chance.randrange(4, 60)] = chance.randrange(256)
        yield OddImage(f"{format}, header damaged", bytes(header), "either")


def _huge() -> Iterator[OddImage]:
    yield OddImage("JPEG 12000×9000", grey_jpeg((12000, 9000)), "picture")
    yield OddImage("JPEG 20000×20000", grey_jpeg((20000, 20000)), "picture")
    small = picture("RGB", (16, 16))
    progressive = claim_size(encode(small, "JPEG", progressive=True), (12000, 9000))
    yield OddImage("JPEG, progressive, that says 12000×9000", progressive, "sentence")
    one_by_one = claim_size(encode(small, "JPEG", quality=95), (12000, 9000)).replace(
        b"\xff\xda\0\x0c\x03\1\0\2\x11\3\x11", b"\xff\xda\0\x08\x01\1\0"
    )
    yield OddImage("JPEG, scan per channel, that says 12000×9000", one_by_one, "sentence")
    many = encode(Image.new("RGB", (4000, 3000)), "JPEG", progressive=True)
    scan = many[many.rindex(b"\xff\xda") : -2]
    yield OddImage("JPEG of 500 scans", many[:-2] + scan * 500 + many[-2:], "sentence")
    yield OddImage("PNG 12000×9000", blank_png((12000, 9000)), "sentence")
    yield OddImage("PNG 8000×6000", blank_png((8000, 6000)), "picture")
    strip = encode(Image.new("LAB", (1, 500_000), 99), "TIFF", compression="tiff_lzw")
    yield OddImage("TIFF LAB 1×500000", strip, "picture")
    for size in ((20000, 20000), (50000, 50000), (2**31 - 1, 2**31 - 1), (0, 10)):
        data = png(size, 8, 2, iter([bytes(30)]))
        yield OddImage(f"PNG that says {size[0]}×{size[1]}", data, "sentence")
    gif = bytearray(encode(Image.new("L", (2, 2)), "GIF"))
    gif[6:10] = b"\xff\xff\xff\xff"
    yield OddImage("GIF that says 65535×65535", bytes(gif), "sentence")
    bmp = bytearray(encode(Image.new("RGB", (2, 2)), "BMP"))
    bmp[18:26] = struct.pack("<ii", 30000, 30000)
    yield OddImage("BMP that says 30000×30000", bytes(bmp), "sentence")
    webp = encode(Image.new("RGB", (5000, 4000)), "WEBP", lossless=True, method=0, quality=0)
    yield OddImage("WEBP 5000×4000", webp, "sentence")
    yield OddImage("ICO with a PNG of 12000×9000", icon(blank_png((12000, 9000))), "sentence")
    yield OddImage("TIFF with a tile of 40000×40000", tiled_tiff((16, 16), 40_000), "sentence")
    yield OddImage("PPM that says 9000×9000", b"P3 9000 9000 255\n" + b"9 " * 99, "sentence")
    text = chunk(b"tEXt", b"a\0b") * 500_000
    pieces = encode(Image.new("L", (2, 2)), "PNG").replace(PNG_START, b"")
    data = PNG_START + pieces[:25] + text + pieces[25:]
    yield OddImage("PNG of half a million pieces", data, "either")


def blank_png(size: tuple[int, int]) -> bytes:
    """Return a black 8-bit RGB PNG of any size."""
    row = bytes(3 * size[0])
    return png(size, 8, 2, (row for _ in range(size[1])))


def tiled_tiff(size: tuple[int, int], tile: int) -> bytes:
    """Return a grey deflated TIFF of one square tile, of any claimed size."""
    body = zlib.compress(bytes(10**6))
    tags = {256: size[0], 257: size[1], 258: 8, 259: 8, 262: 1, 322: tile, 323: tile}
    tags |= {324: 8 + 2 + 12 * 9 + 4, 325: len(body)}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return struct.pack("<4sIH", b"II*\0", 8, len(tags)) + entries + bytes(4) + body


def icon(png_file: bytes) -> bytes:
    """Return a Windows icon with a PNG in it."""
    entry = struct.pack("<BBBBHHII", 0, 0, 0, 0, 1, 32, len(png_file), 22)
    return struct.pack("<HHH", 0, 1, 1) + entry + png_file


def _no_pictures() -> Iterator[OddImage]:
    chance = random.Random(1)
    for name, data in NO_PICTURES.items():
        yield OddImage(name, data, "sentence")
    for length in (1, 2, 16, 1000, 100_000):
        yield OddImage(f"{length} random bytes", chance.randbytes(length), "sentence")
    for length in (1, 100, 10_000):
        yield OddImage(f"{length} zero bytes", bytes(length), "sentence")
    for start in (b"\xff\xd8\xff", PNG_START, b"GIF89a", b"BM", b"II*\0", b"\0\0\1\0", b"P6 "):
        data = start + chance.randbytes(500)
        yield OddImage(f"random bytes that start with {start!r}", data, "sentence")


NO_PICTURES = {
    "nothing": b"",
    "text": b"Dear all,\nBMW and P5 are not pictures.\n",
    "text that starts like a bitmap": b"BMW is a car maker.\n",
    "text in UTF-8": "Grüße aus Zürich, 東京".encode(),
    "table": b"epoch,loss\n1,260.1\n2,255.3\n",
    "PDF": b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n",
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "SVG": b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"></svg>',
    "SVG without a prologue": b'<svg xmlns="http://www.w3.org/2000/svg"></svg>',
    "web page": b"<!DOCTYPE html>\n<html><body>404</body></html>",
    "HEIC": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100),
    "HEIF with a general brand": b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic" + bytes(100),
    "MP4": b"\0\0\0\x18ftypisom\0\0\0\0isomiso2" + bytes(100),
    "WebM": b"\x1aE\xdf\xa3" + bytes(100),
    "AVI": b"RIFF\0\0\0\0AVI LIST" + bytes(100),
    "WAV": b"RIFF\0\0\0\0WAVEfmt " + bytes(100),
    "JPEG XL": b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(100),
    "JPEG 2000": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(100),
    "Photoshop": b"8BPS\0\1" + bytes(100),
    "ZIP": b"PK\x03\x04\x14\0" + bytes(100),
    "gzip": b"\x1f\x8b\x08\0" + bytes(100),
    "NumPy array": b"\x93NUMPY\1\0" + bytes(100),
    "raw photo (CR3)": b"\0\0\0\x18ftypcrx \0\0\0\1crx isom" + bytes(100),
    "EXE": b"MZ\x90\0" + bytes(100),
}


def tiff(array: np.ndarray) -> bytes:
    """An uncompressed TIFF of an array ``(height, width, channels)``, as instruments write it."""
    height, width, channels = array.shape
    kind = {"u": 1, "i": 2, "f": 3}[array.dtype.kind]
    photometric = 2 if channels in (3, 4) else 1  # RGB, or greys from black
    values = {
        256: width, 257: height, 258: 8 * array.dtype.itemsize, 259: 1, 262: photometric,
        273: 200, 277: channels, 278: height, 279: array.nbytes, 338: 0, 339: kind,
    }  # fmt: skip
    if channels != 4:
        del values[338]  # further samples
    entries = [struct.pack("<HHII", tag, 4, 1, value) for tag, value in values.items()]
    directory = struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4)
    return (b"II*\0" + struct.pack("<I", 8) + directory).ljust(200, b"\0") + array.tobytes()
