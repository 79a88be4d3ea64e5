"""Bundles: all that the app needs for one trained model, in one folder of plain files.

``pretrained/<name>/`` holds ``card.json``, ``encoder.onnx``, ``decoder.onnx``,
``latents.npz`` and ``history.json``; docs/bundles.md documents them. An adopted model has no
history, and one that came without graphs may have ``reconstructions.npz`` instead. References,
for comparison only, lie in ``pretrained/references/``. Loading checks everything and runs no code
from a bundle.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from explorer.bundle.arrays import read_images
from explorer.bundle.atomic import unfinished
from explorer.bundle.bundle import Bundle, Reference
from explorer.bundle.card import NAME, BundleError, Card, parse_card
from explorer.bundle.files import check_size, describe_file, read_checked, read_file
from explorer.bundle.history import HISTORY, History, parse_history, save_history
from explorer.bundle.latents import read_latents
from explorer.bundle.trial import tried_codec
from explorer.root import DEFAULT_FOLDER

GRAPHS = ("encoder.onnx", "decoder.onnx")
FILES = (*GRAPHS, "latents.npz", HISTORY)
RECONSTRUCTIONS = "reconstructions.npz"
REFERENCE_FILES = (HISTORY,)
IMAGES_FOLDER = "images"
REFERENCES_FOLDER = "references"
_RESERVED = (IMAGES_FOLDER, REFERENCES_FOLDER)


def check_name(name: str) -> None:
    """Raise a ``BundleError`` if ``name`` is not a valid name for a bundle."""
    if not re.fullmatch(NAME, name) or name in _RESERVED:
        raise BundleError(
            f"{name!r} cannot name a bundle: use up to 100 small letters, digits, '-', '_' and "
            f"'.', starting with a letter or digit, and not {' or '.join(map(repr, _RESERVED))}"
        )


def find_bundles(folder: Path) -> list[Path]:
    """The bundle folders in ``folder``, whole or broken, by name."""
    if not folder.is_dir():
        return []
    return sorted(
        path
        for path in folder.iterdir()
        if _is_folder(path) and path.name not in _RESERVED and not path.name.startswith(".")
    )


def _is_folder(path: Path) -> bool:
    """Whether it is a folder, or cannot be looked at: ``read_card`` then says so."""
    try:
        return path.is_dir()
    except OSError:
        return True


def read_card(path: Path, names: Iterable[str] = FILES) -> Card:
    """Read a bundle's card and check that its files are there, without reading them.

    Args:
        path: folder of the bundle.
        names: the files that it must have.

    Raises:
        BundleError: the card is not valid, or a file is missing or has another size.
    """
    return _read_card(path, names)[0]


def load_bundle(path: Path) -> Bundle:
    """Load a bundle with all checks.

    Raises:
        BundleError: as for ``read_card``, a file was changed, or the contents contradict
            the card.
    """
    try:
        card, content = _read_card(path, FILES)
        names = [name for name in (*FILES, RECONSTRUCTIONS) if name in card.files]
        files = {name: read_checked(path / name, card.files[name]) for name in names}
        return Bundle(
            path,
            card,
            content,
            latents=read_latents(card, files["latents.npz"]),
            history=parse_history(card, files[HISTORY]) if HISTORY in files else {},
            encoder=files.get("encoder.onnx", b""),
            decoder=files.get("decoder.onnx", b""),
            codec_if_any=tried_codec(card, files) if card.model.has_graphs else None,
            reconstructions=_make_reconstructions(card, files.get(RECONSTRUCTIONS)),
        )
    except MemoryError as error:
        raise BundleError(f"{path.name} needs more memory than this machine has") from error


def load(model: str | Path) -> Bundle:
    """Load a bundle for a notebook.

    Args:
        model: its name, in ``$LATENT_BUNDLES`` or among those that ship, or its folder.

    Returns:
        The bundle: ``encode`` and ``decode`` run its graphs; ``latents`` (``z_mean``,
        ``z_log_var``, ``neg_elbo``, … of the test set), ``labels`` and ``history`` hold arrays,
        ``figures`` numbers, ``card`` all that is known about it.

    Raises:
        BundleError: there is no bundle of that name, or it is broken.

    Example:
        >>> bundle = explorer.load("mnist-2d")
        >>> image = bundle.decode([0.5, -1.0])[0]
    """
    known = {path.name: path for path in find_bundles(DEFAULT_FOLDER)}
    path = known.get(str(model), Path(model))
    if not path.is_dir():
        there = ", ".join(known) or "none"
        raise BundleError(f"there is no bundle {str(model)!r}; in {DEFAULT_FOLDER} are: {there}")
    return load_bundle(path.resolve())


def find_references(folder: Path) -> list[Path]:
    """The folders of the references that lie beside the bundles in ``folder``, by name."""
    return find_bundles(folder / REFERENCES_FOLDER)


def reference_path(folder: Path, name: str) -> Path:
    """Where a reference lies beside the bundles in ``folder``."""
    return folder / REFERENCES_FOLDER / name


def load_reference(path: Path) -> Reference:
    """Load a reference, or the same parts of a bundle, with all checks.

    Raises:
        BundleError: as for ``load_bundle``, but only for card and history.
    """
    card = read_card(path, REFERENCE_FILES)
    if card.model.adopted:
        return Reference(card, {})
    history = read_checked(path / HISTORY, card.files[HISTORY])
    return Reference(card, parse_history(card, history))


def save_reference(card: Card, history: History, folder: Path) -> Path:
    """Put a reference beside the bundles in ``folder``; the card's list of files is replaced.

    Returns:
        Where it was put: ``reference_path``.
    """
    path = reference_path(folder, card.name)
    with unfinished(path) as beside:
        save_history(history, beside / HISTORY)
        save_card(card, beside, REFERENCE_FILES)
    return path


def save_card(card: Card, folder: Path, names: Iterable[str] = FILES) -> Card:
    """Write ``card.json`` beside the named files, with their sizes and hashes.

    Returns:
        The card as written.
    """
    files = {name: describe_file(folder / name) for name in names}
    card = card.model_copy(update={"files": files})
    (folder / "card.json").write_text(card.to_json(), encoding="utf-8")
    return card


def _read_card(path: Path, names: Iterable[str]) -> tuple[Card, str]:
    """The card, and the SHA-256 of its file."""
    content = read_file(path / "card.json")
    card = parse_card(content, path.name)
    absent = set()
    if card.model.adopted:
        absent.add(HISTORY)
    if not card.model.has_graphs:
        absent.update(GRAPHS)
    names = [name for name in names if name not in absent]
    if missing := [name for name in names if name not in card.files]:
        raise BundleError(f"card.json of {path.name} does not list {missing[0]}")
    for name in names:
        check_size(path / name, card.files[name])
    return card, hashlib.sha256(content).hexdigest()


def _make_reconstructions(card: Card, npz: bytes | None) -> np.ndarray | None:
    if npz is None:
        return None
    shape = card.data.test_images, *card.data.image_shape
    return read_images(npz, shape, f"{RECONSTRUCTIONS} of {card.name}")
