"""Find and apply the range of stored values, from black to white, of a whole image set.

Files and arrays hold images in many scales: 0..255, 0..1, −1..1, 12 bits of 16, standardised.
The range is found from all values of a set, kept in the card, and applied to uploads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from explorer.errors import DatasetError

ValueKind = Literal["bytes", "integers", "floats"]
"""Kind of stored values: up to 8 bits, more bits (also whole numbers in floats), or fractions."""
TOPS = (255.0, 1023.0, 4095.0, 16383.0, 65535.0)  # largest of 8, 10, 12, 14 and 16 bits
_NEARLY = 1 / 510  # half a grey level, which resampling and rounding may add


@dataclass(frozen=True)
class Range:
    """The stored values that become black and white.

    Attributes:
        low: the stored value that becomes 0.
        high: the stored value that becomes 255.
        kind: the kind of values that it applies to; others are scaled by the range of their kind.
    """

    low: float = 0.0
    high: float = 255.0
    kind: ValueKind = "bytes"

    def __str__(self) -> str:
        return f"{self.low:g}..{self.high:g}"

    @property
    def is_default(self) -> bool:
        """Whether bytes stay unchanged."""
        return (self.low, self.high, self.kind) == (0.0, 255.0, "bytes")


BYTES = Range()
DEEP = Range(0.0, 65535.0, "integers")


@dataclass(frozen=True)
class Values:
    """The kind and the extremes of the values in an image set.

    Attributes:
        kind: the kind of the values.
        low, high: the smallest and the largest finite value.
        has_gaps: whether some values are NaN or infinite.
    """

    kind: ValueKind
    low: float
    high: float
    has_gaps: bool = False

    def __or__(self, other: Values) -> Values:
        """Combine two parts: the kind is floats if either has floats, else integers, else bytes."""
        kinds: tuple[ValueKind, ...] = ("floats", "integers", "bytes")
        kind = next(kind for kind in kinds if kind in (self.kind, other.kind))
        low, high = min(self.low, other.low), max(self.high, other.high)
        return Values(kind, low, high, self.has_gaps or other.has_gaps)


def look_at(values: np.ndarray, name: str, first: int | None = None) -> Values:
    """Find the kind and the extremes of an array's values.

    Args:
        values: values of one image, or of several, ``(k, ...)``.
        name: name of the file or array.
        first: index in the array of the first of several images.

    Raises:
        DatasetError: a value is not a number.
    """
    low, high = float(values.min()), float(values.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        where = ""
        if first is not None:
            image = first + int(np.argwhere(~np.isfinite(values))[0, 0])
            where = f", the first of them in image {image}, counted from 0"
        raise DatasetError(
            f"{name} holds values that are not finite numbers{where}: fill empty cells, or replace "
            "them, as numpy.nan_to_num does."
        )
    if values.dtype.kind == "b" or values.dtype == np.uint8:
        return Values("bytes", low, high)
    is_whole = values.dtype.kind in "iu" or not np.any(np.mod(values, 1))
    return Values("integers" if is_whole else "floats", low, high)


def find_range(values: Values) -> Range:
    """Choose the range of a set from the values in it.

    Bytes are 0..255, or 0..1 if 1 is the largest value. Whole numbers are 0..1, −1..1 or, if the
    largest is 32 or more and none is negative, the smallest of 8, 10, 12, 14 and 16 bits that holds
    them. Fractions are 0..1, −0.5..0.5 if they reach both, −1..1 or, if the largest is above 127,
    0..255. Other values go from their own smallest (for whole numbers, at most 0) to their own
    largest.
    """
    kind, low, high = values.kind, values.low, values.high
    if kind == "bytes" and high != 1:
        return BYTES
    if low >= -_NEARLY and high <= 1 + _NEARLY:
        return Range(0.0, 1.0, kind)
    if abs(low + 0.5) <= _NEARLY and abs(high - 0.5) <= _NEARLY:
        return Range(-0.5, 0.5, kind)
    if low >= -1 - _NEARLY and high <= 1 + _NEARLY:
        return Range(-1.0, 1.0, kind)
    if low >= 0 and (kind == "integers" and high >= 32 or 127 < high <= 255):
        top = next((top for top in TOPS if high <= top), high)
        return Range(0.0, top, kind)
    if low == high:
        return Range(low - 1.0, low + 1.0, kind)
    return Range(min(low, 0.0) if kind == "integers" else low, high, kind)


def check_agreement(found: Sequence[tuple[str, Values]], option: str) -> None:
    """Check that no part of a set is in 0..1 or −1..1 while another goes far beyond.

    Args:
        found: the name and the values of each part.
        option: how the user gives a range.

    Raises:
        DatasetError: the parts are scaled differently.
    """
    small = [(name, one) for name, one in found if 0 < one.high <= 1 + _NEARLY and one.low > -1.1]
    large = [(name, one) for name, one in found if one.high > (1 if one.kind == "bytes" else 100)]
    if not large:  # 0..1 beside −1..1
        large = [(name, one) for name, one in small if one.low < -0.5]
        small = [(name, one) for name, one in small if one.low >= 0]
    if small and large:
        (name, one), (other, another) = small[0], large[0]
        raise DatasetError(
            f"{name} goes from {one.low:g} to {one.high:g}, but {other} from {another.low:g} to "
            f"{another.high:g}: bring all images to one range, or give {option} for all."
        )


def apply_range(values: np.ndarray, scale: Range) -> np.ndarray:
    """Scale values to uint8; values outside the range become black or white."""
    if values.dtype == np.uint8 and (scale.low, scale.high) == (0.0, 255.0):
        return values
    if values.dtype == np.uint8:  # by lookup table
        return np.asarray(_to_bytes(np.arange(256), scale)[values])
    return _to_bytes(values, scale)


def _to_bytes(values: np.ndarray, scale: Range) -> np.ndarray:
    floats = np.nan_to_num(values.astype(np.float32)).clip(scale.low, scale.high)
    floats -= np.float32(scale.low)
    floats *= np.float32(255.0 / (scale.high - scale.low))
    return np.asarray(np.rint(floats), np.uint8)
