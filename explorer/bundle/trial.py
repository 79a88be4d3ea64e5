"""Try out the networks of a bundle before anything relies on them."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future

import numpy as np
from onnxruntime import RunOptions

from explorer.bundle.card import BundleError, Card
from explorer.bundle.codec import Codec, onnx_codec
from explorer.bundle.graph import GraphError
from explorer.core.likelihoods import LIKELIHOODS
from explorer.errors import one_line

TRIAL_SECONDS = 20.0
"""A graph that takes longer for its first two images is refused."""
_TOO_SLOW: dict[tuple[str, str], Future[Codec]] = {}
"""Trials that took longer, by the graphs' hashes: a new one begins only when that has ended."""


def tried_codec(card: Card, files: Mapping[str, bytes]) -> Codec:
    """Build a codec from ``encoder.onnx`` and ``decoder.onnx``, and run both.

    They run in a thread, which is abandoned if it hangs.

    Args:
        card: the bundle's card.
        files: the contents of the files, by name.

    Raises:
        BundleError: the graphs are not what the card says, or are too slow.
    """
    codec: Future[Codec] = Future()
    options = RunOptions()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")  # after each run

    def build() -> None:
        try:
            codec.set_result(_build_codec(card, files, options))
        except Exception as error:  # any error is raised again below
            codec.set_exception(error)

    graphs = card.files["encoder.onnx"].sha256, card.files["decoder.onnx"].sha256
    if graphs not in _TOO_SLOW or _TOO_SLOW[graphs].done():
        threading.Thread(target=build, daemon=True).start()
        with contextlib.suppress(TimeoutError):
            return codec.result(TRIAL_SECONDS)
        options.terminate = True
        _TOO_SLOW[graphs] = codec
    raise BundleError(
        f"encoder.onnx or decoder.onnx of {card.name} takes more than "
        f"{TRIAL_SECONDS:.0f} seconds for two images"
    )


def _build_codec(card: Card, files: Mapping[str, bytes], options: RunOptions) -> Codec:
    height, width, channels = shape = card.data.image_shape
    latent_dim = card.model.latent_dim
    classes = len(card.data.classes) if card.model.is_conditional else 0
    try:
        codec = onnx_codec(
            files["encoder.onnx"], files["decoder.onnx"], card.model.likelihood,
            has_flow=card.model.has_flow, classes=classes, options=options,
        )  # fmt: skip
    except GraphError as error:
        raise BundleError(f"in {card.name}, {error}") from error
    outputs = channels * len(LIKELIHOODS[card.model.likelihood].parameters)
    _try_out(f"encoder.onnx of {card.name}", codec.encode, shape, [(latent_dim,)] * 2)
    _try_out(
        f"decoder.onnx of {card.name}",
        lambda z: [codec.parameters(z)],
        (latent_dim,),
        [(height, width, outputs)],
    )
    return codec


def _try_out(
    place: str,
    run: Callable[[np.ndarray], Iterable[np.ndarray]],
    given: tuple[int, ...],
    expected: list[tuple[int, ...]],
) -> None:
    """Run a graph on two items of zeros; check for finite numbers of the card's shapes."""
    try:
        results = list(run(np.zeros((2, *given), np.float32)))
    except Exception as error:  # onnxruntime's errors share no base class
        raise BundleError(
            f"{place} does not take what its card says, {given}: {one_line(error)}"
        ) from error
    found = [result.shape for result in results]
    if found != [(2, *shape) for shape in expected]:
        raise BundleError(f"{place} gives {found} for two; its card says {expected} for each")
    if not all(np.isfinite(result).all() for result in results):
        raise BundleError(f"{place} gives NaN or infinity")
