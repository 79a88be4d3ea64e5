"""Single-file pages: a model with its map, its decoder and all parts, for any browser, offline.

A page holds the parts' code, the models and the contents of its views as compressed blocks. The
script that unpacks them comes right after the blocks that the first picture needs. The content
security policy lets that script and the code run, and allows no requests; the text of a card is
data, never markup.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from explorer.bundle.bundle import Bundle
from explorer.bundle.card import DataCard
from explorer.bundle.images import find_originals, images_path, public_name
from explorer.core.subsets import evenly_spaced
from explorer.data.named import NAMED
from explorer.errors import ExplorerError
from explorer.notation import MAX_COORDINATE
from explorer.root import ROOT
from explorer.web.code import FOLDER, STYLE, bundle_code
from explorer.web.entry import named_directions, page_entry
from explorer.web.payload import encode_images, encode_model

VIEWS = ("Map", "Manifold", "Sliders", "Interpolate", "Reconstruct", "Model")
WITHOUT_DECODER = ("Map", "Model")
"""The views of a bundle without graphs."""
FIRST = 3
"""Number of blocks before a page's script: code, contents and a model."""
_THEME = ROOT / ".streamlit" / "config.toml"
_POLICY = (
    "default-src 'none'; script-src {scripts} 'wasm-unsafe-eval'; worker-src blob:; "
    "style-src 'unsafe-inline'; img-src data: blob:; connect-src {connect}; base-uri 'none'; "
    "form-action 'none'"
)


class PageError(ExplorerError):
    """The requested page cannot be made; the message is a sentence for the user."""

    exit_status = 2


@dataclass(frozen=True)
class Look:
    """What a page shows, and how it opens.

    Attributes:
        title: title of the page.
        views: its views, in order.
        start: the parameters of an address with which it opens, as ``model=…&view=…&z=…``.
        images: largest number of test images in it; None for all, if the licence lets pictures be
            passed on.
    """

    title: str
    views: tuple[str, ...] = VIEWS
    start: str = ""
    images: int | None = None

    def __post_init__(self) -> None:
        """Refuse a negative number of images."""
        if self.images is not None and self.images < 0:
            raise PageError(f"a page can have 0 images or more, not {self.images}")


def write_page(bundles: Sequence[Bundle], look: Look) -> bytes:
    """Return a single-file page, in UTF-16.

    Raises:
        PageError: if nothing can be shown, or if the requested pictures may not be passed on.
    """
    blocks = _blocks(bundles, look)
    elements = [
        f'<div hidden id="{name}" data-size="{len(packed)}"><!--{_characters(packed)}--></div>'
        for name, packed in blocks.items()
    ]
    return _document(look, elements, connect="'none'")


def write_site(bundles: Sequence[Bundle], look: Look) -> dict[str, bytes]:
    """Return the same page as files of one folder, by name, for a web server and large data sets.

    Raises:
        PageError: as ``write_page``.
    """
    blocks = _blocks(bundles, look)
    elements = [f'<div hidden id="{name}" data-file="{name}.gz"></div>' for name in blocks]
    page = _document(look, elements, connect="'self'")
    return {"index.html": page} | {f"{name}.gz": packed for name, packed in blocks.items()}


def pictures_of(bundle: Bundle, most: int | None) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the rows of the test images that a page may show, and the images if there are any.

    Raises:
        PageError: if ``most`` images were requested, but have no licence to be passed on.
    """
    data = bundle.card.data
    none = np.empty(0, np.int64), None
    if most == 0 or (most is None and not may_be_passed_on(data)):
        return none
    name = public_name(data)
    if name is not None and not NAMED[name].has_licence:
        raise PageError(
            f"the pictures of {data.title} have no licence that lets you pass them on; leave "
            "--images out, and the page shows the model's reconstructions"
        )
    images = find_originals(bundle)
    if images is None:
        return none
    rows = evenly_spaced(len(images), len(images) if most is None else most)
    return rows, images[rows]


def estimated_size(bundle: Bundle) -> int:
    """Approximate size of a page of one model, in bytes."""
    held = [file.bytes for file in bundle.card.files.values()]
    kept = images_path(bundle.path.parent, bundle.card.data)
    if may_be_passed_on(bundle.card.data) and kept.is_file():
        held.append(kept.stat().st_size)
    return round(1.05 * sum(held))


def may_be_passed_on(data: DataCard) -> bool:
    """Whether a page holds the pictures of a data set by default.

    It holds those of a public data set only if the licence is free, and always the user's own.
    """
    name = public_name(data)
    return name is None or NAMED[name].may_be_kept


def _blocks(bundles: Sequence[Bundle], look: Look) -> dict[str, bytes]:
    """The compressed blocks of a page by name; the first ``FIRST`` give the first picture."""
    views = [view for view in look.views if view in _possible(bundles)]
    if not views:
        raise PageError(f"these models have only the views {', '.join(_possible(bundles))}")
    entries, models, sprites = [], {}, {}
    for bundle in bundles:
        rows, images = pictures_of(bundle, look.images)
        name = bundle.card.name
        models[f"model-{name}"] = _planes(encode_model(bundle, rows))
        if images is not None:
            sprites[f"images-{name}"] = encode_images(bundle, images, small=True)
        entries.append(page_entry(bundle, len(rows), named_directions(look.start)))
    shown = {
        "title": look.title,
        "start": look.start,
        "views": views,
        "models": entries,
        "limit": MAX_COORDINATE,
    }
    blocks = {"code": _code().encode(), "contents": json.dumps(shown).encode(), **models, **sprites}
    return {name: gzip.compress(block, mtime=0) for name, block in blocks.items()}


def _possible(bundles: Iterable[Bundle]) -> tuple[str, ...]:
    is_complete = all(bundle.card.model.has_graphs for bundle in bundles)
    return VIEWS if is_complete else WITHOUT_DECODER


def _document(look: Look, elements: Sequence[str], *, connect: str) -> bytes:
    script = (FOLDER / "page" / "boot.js").read_text(encoding="utf-8")
    scripts = " ".join(f"'sha256-{_digest(text)}'" for text in (script, _code()))
    style = colours() + (FOLDER / "page" / "page.css").read_text(encoding="utf-8")
    lines = [
        '<!doctype html>\n<html lang="en"><head>',
        f'<meta http-equiv="Content-Security-Policy" content="'
        f'{_POLICY.format(scripts=scripts, connect=connect)}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{html.escape(look.title)}</title>",
        f'<style>{style}</style><style id="style" media="not all">{STYLE}</style></head>',
        '<body><div id="page"><p>Unpacking the model …</p></div>',
        *elements[:FIRST],
        f"<script>{script}</script>",
        *elements[FIRST:],
        "</body></html>\n",
    ]
    return "\n".join(lines).encode("utf-16")


@cache
def _code() -> str:
    return bundle_code("page/page.js", "shared/worker.js")


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def colours() -> str:
    """The colours of the app's themes as CSS, with the names that the parts use.

    They follow the system, unless the page has a theme of its own.
    """
    themes: Mapping[str, Mapping[str, str]] = tomllib.loads(_THEME.read_text("utf-8"))["theme"]

    def block(name: str) -> str:
        colours = themes[name]
        return (
            f"color-scheme: {name}; --st-primary-color: {colours['primaryColor']}; "
            f"--st-background-color: {colours['backgroundColor']}; "
            f"--st-secondary-background-color: {colours['secondaryBackgroundColor']}; "
            f"--st-text-color: {colours['textColor']};"
        )

    return (
        f":root {{ {block('light')} }}\n"
        "@media (prefers-color-scheme: dark) "
        f"{{ :root:not([data-theme]) {{ {block('dark')} }} }}\n"
        f":root[data-theme='dark'] {{ {block('dark')} }}\n"
    )


def _planes(words: bytes) -> bytes:
    """Reorder four-byte words: the first bytes of all words, then the second ones, and so on.

    Similar bytes are then next to each other, and compress by a tenth more.
    """
    return np.frombuffer(words, np.uint8).reshape(-1, 4).T.tobytes()


def _characters(packed: bytes) -> str:
    """Encode fifteen bits per character, from U+4000 on, where none has a meaning in HTML.

    In UTF-16 this takes a fifteenth more than the bytes, while base64 takes a third more, and
    browsers read it in half the time; a comment is read faster than the text of an element.
    """
    bits = np.unpackbits(np.frombuffer(packed, np.uint8))
    rows = np.pad(bits, (0, -len(bits) % 15)).reshape(-1, 15)
    values = np.packbits(rows, axis=1).view(">u2") >> 1
    return (values + 0x4000).astype("<u2").tobytes().decode("utf-16-le")
