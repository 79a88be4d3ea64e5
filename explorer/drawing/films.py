"""Films from pictures: GIF, animated WebP and MP4.

Films that do not end where they begin run back and forth.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np

from explorer.drawing.raster import as_image

SECONDS = 3.0
"""Duration from one end to the other and back."""
_EVEN = 2
"""Sides of a film in MP4 are multiples of this many pixels."""
_PERIODS = 3
"""Repetitions in an MP4, which has no endless loop of its own."""


def gif(frames: Sequence[np.ndarray], *, seconds: float = SECONDS, is_loop: bool = False) -> bytes:
    """An endless GIF of pictures ``(height, width, channels)`` uint8."""
    return _animation(frames, "gif", seconds, is_loop)


def webp(frames: Sequence[np.ndarray], *, seconds: float = SECONDS, is_loop: bool = False) -> bytes:
    """The same as a lossless WebP."""
    return _animation(frames, "webp", seconds, is_loop, lossless=True)


def mp4(frames: Sequence[np.ndarray], *, seconds: float = SECONDS, is_loop: bool = False) -> bytes:
    """The same as a film in H.264, three times around."""
    import av  # on demand: it is large

    shown = _around(frames, is_loop)
    height, width = (side - side % _EVEN for side in shown[0].shape[:2])
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=max(1, round(len(shown) / seconds)))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for frame in shown * _PERIODS:
            pixels = np.broadcast_to(frame[:height, :width], (height, width, 3))
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    return buffer.getvalue()


def _around(frames: Sequence[np.ndarray], is_loop: bool) -> list[np.ndarray]:
    return list(frames[:-1]) if is_loop else [*frames, *frames[-2:0:-1]]


def _animation(
    frames: Sequence[np.ndarray], kind: str, seconds: float, is_loop: bool, **options: bool
) -> bytes:
    images = [as_image(frame) for frame in _around(frames, is_loop)]
    buffer = io.BytesIO()
    images[0].save(
        buffer,
        kind,
        save_all=True,
        append_images=images[1:],
        duration=max(20, round(1000 * seconds / len(images))),
        loop=0,
        **options,
    )
    return buffer.getvalue()
