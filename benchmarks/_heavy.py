"""Make a model with a decoder that is too slow for any browser from one that ships."""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks._decoders import heavy_decoder
from explorer.bundle.bundle import Bundle
from explorer.bundle.store import load_bundle, save_card

NAME = "heavy"


def heavy_bundle(bundle: Bundle, folder: Path) -> Bundle:
    """Copy a bundle of 32 × 32 colour images, with a heavy decoder, and load the copy."""
    path = folder / NAME
    shutil.copytree(bundle.path, path)
    (path / "decoder.onnx").write_bytes(heavy_decoder(bundle.card.model.latent_dim))
    save_card(bundle.card.model_copy(update={"name": NAME}), path)
    return load_bundle(path)
