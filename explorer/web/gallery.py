"""Write a site: a page for each model, and an index with a picture and the figures of each."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from explorer.bundle.bundle import Bundle
from explorer.core.pixels import to_pixels
from explorer.core.subsets import evenly_spaced
from explorer.drawing import raster
from explorer.notation import file_size
from explorer.web.document import Look, colours, write_page
from explorer.web.figures import main_figures

TITLE = "Latent spaces"
TILES, COLUMNS = 24, 8
"""Number of reconstructions in a model's picture, and in a row of it."""
_STYLE = """
* { box-sizing: border-box; }
body { margin: 2rem auto; max-width: 76rem; padding: 0 1rem; font: 15px/1.5 system-ui, sans-serif;
  color: var(--st-text-color); background: var(--st-background-color); }
ul { list-style: none; padding: 0; display: grid; gap: 1.5rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr)); }
a { display: block; height: 100%; padding: 1rem; border-radius: 0.6rem; color: inherit;
  text-decoration: none; background: var(--st-secondary-background-color); }
a:hover, a:focus-visible { outline: 3px solid var(--st-primary-color); }
img { width: 100%; image-rendering: pixelated; border-radius: 4px; }
h2 { font-size: 1.05rem; margin: 0.5rem 0; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: auto 1fr; gap: 0 1rem; margin: 0; }
dd { margin: 0; text-align: right; font-variant-numeric: tabular-nums; }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'"


def write_gallery(
    bundles: Sequence[Bundle], look: Look, *, title: str | None = None
) -> dict[str, bytes]:
    """Return the site's files by name; ``look`` applies to each page except for its title."""
    files, cards = {}, []
    for bundle in bundles:
        name = f"{bundle.card.name}.html"
        files[name] = write_page([bundle], replace(look, title=bundle.card.title))
        cards.append(_card(bundle, name, len(files[name])))
    heading = html.escape(title or TITLE)
    page = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{heading}</title><style>{colours()}{_STYLE}</style></head>\n"
        f"<body><h1>{heading}</h1><ul>\n{''.join(cards)}</ul></body></html>\n"
    )
    return {"index.html": page.encode()} | files


def _card(bundle: Bundle, name: str, size: int) -> str:
    rows = "".join(
        f"<dt>{html.escape(title)}</dt><dd>{html.escape(value)}</dd>"
        for title, value, _ in main_figures(bundle.card)
    )
    return (
        f'<li><a href="{html.escape(name)}">{_picture(bundle)}'
        f"<h2>{html.escape(bundle.card.title)}</h2>"
        f"<dl>{rows}<dt>size</dt><dd>{file_size(size)}</dd></dl></a></li>\n"
    )


def _picture(bundle: Bundle) -> str:
    """Reconstructions of test images as HTML; empty for a model without graphs."""
    if not bundle.card.model.has_graphs:
        return ""
    rows = evenly_spaced(len(bundle.latents.z_mean), TILES)
    rows = rows[np.argsort(bundle.latents.labels[rows], kind="stable")]
    tiles = raster.tile(to_pixels(bundle.reconstruct(rows)), COLUMNS)
    return f'<img alt="Reconstructions of test images" src="{raster.data_uri(tiles)}">'
