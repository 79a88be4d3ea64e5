"""Write a single-file page with maps and decoder, to open offline by a double-click.

    python -m explorer page mnist-2d                        writes mnist-2d.html here
    python -m explorer page mnist-2d mnist-8d -o space.html both models, in one page
    python -m explorer page mnist-8d --start "http://localhost:8501/?model=mnist-8d&view=Sliders"
    python -m explorer page fashion_mnist-8d --split -o site
                                                            a folder for a web server
    python -m explorer page --gallery pretrained -o site    a page for each, and an index

The page shows test images where their licence lets them be passed on, else the model's
reconstructions. The exit status is 0; 1 if a bundle is broken or a file cannot be written; 2 if the
command is wrong.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from explorer.bundle.bundle import Bundle
from explorer.bundle.directions import parse_direction
from explorer.bundle.maps import KINDS
from explorer.bundle.spelling import parse_class, parse_place
from explorer.bundle.store import find_bundles, load_bundle
from explorer.cli.arguments import (
    UsageError,
    add_bundles_option,
    choose_bundles,
    new_parser,
    number,
)
from explorer.cli.files import write_files
from explorer.cli.terminal import with_sentences
from explorer.notation import file_size, parse_count, parse_latent, parse_list
from explorer.web.document import (
    VIEWS,
    WITHOUT_DECODER,
    Look,
    write_page,
    write_site,
)
from explorer.web.entry import named_directions
from explorer.web.gallery import write_gallery

PARAMETERS = frozenset((
    "model", "view", "z", "class", "a", "b", "pins", "directions", "direction", "map", "axes",
    "colour", "classes", "drag", "background", "size", "spacing", "extent", "holes", "latent",
))  # fmt: skip
"""Parameters of a link that a page reads."""


@with_sentences
def main() -> int:
    """Run the command line."""
    files = _files(parse_arguments())
    write_files(files, tell=lambda path, size: f"{path}  {file_size(size)}")
    return 0


def _files(arguments: argparse.Namespace) -> list[tuple[Path, bytes]]:
    folder = arguments.gallery or arguments.bundles
    if not (arguments.names or arguments.gallery):
        raise UsageError("name a bundle, or give --gallery and a folder of them")
    paths = choose_bundles(find_bundles(folder), arguments.names, folder)
    bundles = [load_bundle(path) for path in paths]
    views = read_views(arguments.views)
    look = Look(
        arguments.title or (bundles[0].card.title if len(bundles) == 1 else "Latent spaces"),
        views=views,
        start=read_start(arguments.start, bundles, views),
        images=arguments.images,
    )
    lacking = [bundle.card.name for bundle in bundles if not bundle.card.model.has_graphs]
    are_lost = not {*views} <= {*WITHOUT_DECODER} and len(lacking) < len(bundles)
    if lacking and are_lost and not arguments.gallery:
        print(
            f"the page has only the views {' and '.join(WITHOUT_DECODER)}, for all its models: "
            f"{', '.join(lacking)} came without a decoder",
            file=sys.stderr,
        )
    if arguments.gallery:
        site = write_gallery(bundles, look, title=arguments.title)
    elif arguments.split:
        site = write_site(bundles, look)
    else:
        name = f"{bundles[0].card.name}.html"
        output = arguments.output or Path(name)
        return [(output / name if output.is_dir() else output, write_page(bundles, look))]
    output = arguments.output or Path("site")
    return [(output / name, contents) for name, contents in site.items()]


def read_views(text: str | None) -> tuple[str, ...]:
    """Read the views from a text such as ``map,sliders``; None means all.

    Raises:
        UsageError: if there is no such view.
    """
    if text is None:
        return VIEWS
    names = [name.strip().capitalize() for name in text.split(",")]
    for name in names:
        if name not in VIEWS:
            raise UsageError(f"there is no view {name!r}; there are: {', '.join(VIEWS)}")
    return tuple(dict.fromkeys(names))


def read_start(link: str, bundles: Sequence[Bundle], views: Sequence[str]) -> str:
    """Return the parameters of a link from the app, or from a page of one file.

    Raises:
        UsageError: if a page with these models and views cannot show what the link names.
    """
    if not link:
        return ""
    parts = urlsplit(link)
    texts = parts.query, parts.fragment, link
    start = next((text for text in texts if PARAMETERS & dict(parse_qsl(text)).keys()), None)
    if start is None:
        raise UsageError(
            f"--start takes a link from the app or a page, as '?model=mnist-2d&z=1,2'; "
            f"{link!r} has none of their parameters"
        )
    asked = dict(parse_qsl(start))
    by_name = {bundle.card.name: bundle for bundle in bundles}
    for name, there in (("model", list(by_name)), ("view", views)):
        if asked.get(name, there[0]) not in there:
            raise UsageError(
                f"--start asks for the {name} {asked[name]!r}; the page has {', '.join(there)}"
            )
    bundle = by_name.get(asked.get("model", ""), bundles[0])
    try:
        if "z" in asked:
            parse_latent(asked["z"], bundle.card.model.latent_dim)
        if "class" in asked:
            parse_class(asked["class"], bundle)
        if "map" in asked and asked["map"] not in KINDS:
            raise ValueError(f"{asked['map']!r} is no map; there are {', '.join(KINDS)}")
        if "axes" in asked and asked.get("map") != "directions":
            axes = [parse_count(number) for number in asked["axes"].split(",")]
            known = range(1, bundle.card.model.latent_dim + 1)
            if len({*axes}) != 2 or not {*axes} <= {*known}:
                raise ValueError(f"axes {asked['axes']} are not two of its {len(known)} dimensions")
        pins = parse_list(asked["pins"]) if "pins" in asked else []
        for place in (*(asked[end] for end in "ab" if end in asked), *(pin[1] for pin in pins)):
            parse_place(place, bundle)
        for text in named_directions(start):
            parse_direction(text, bundle)
    except (ValueError, IndexError) as error:
        raise UsageError(
            f"--start is not a link that {bundle.card.name} can show: {error}"
        ) from error
    return start


def parse_arguments() -> argparse.Namespace:
    """Read the command line; a wrong flag ends with one sentence and status 2."""
    parser = new_parser(__doc__)
    add = parser.add_argument
    add("names", nargs="*", metavar="NAME", help="bundles; the first is shown first")
    add_bundles_option(parser)
    add(
        "--gallery", type=Path, metavar="DIR",
        help="write a page for each bundle in DIR, and an index of them",
    )  # fmt: skip
    add("-o", "--output", type=Path, metavar="PATH", help="the file, or the folder of a site")
    add("--split", action="store_true", help="write a folder for a web server, not one file")
    add("--title", help="title of the page")
    add("--views", metavar="LIST", help="views to include, such as map,sliders (default: all)")
    add(
        "--start",
        default="",
        metavar="LINK",
        help="a link from the app or a page: the page opens as it shows",
    )
    add(
        "--images", type=number(int, 0), metavar="N",
        help="include at most N test images (default: all that may be passed on)",
    )  # fmt: skip
    return parser.parse_args()
