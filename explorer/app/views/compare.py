"""Compare: the same image, path and test set in two models, side by side and live."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import streamlit as st

from explorer.app import cache, ends, parts, session
from explorer.app.exports import menu
from explorer.app.pair import (
    Gap,
    counterpart,
    describe_gap_by_chance,
    figure_rows,
    gap_between,
    have_same_images,
    partners,
    row_at,
)
from explorer.app.paths import Walks, choose_path, download_films, on_path, render_scores, scrubbed
from explorer.app.point import class_input
from explorer.app.reconstruction import (
    DRAWING,
    UPLOAD_KEY,
    describe_terms,
    image_detail,
    terms,
    warn_of_strangeness,
)
from explorer.app.upload import upload_and_prepare
from explorer.app.view import Detail, Option, View
from explorer.app.words import describe_test_image, explain_neg_elbo, literal, table
from explorer.bundle import sheets
from explorer.bundle.bundle import Bundle
from explorer.bundle.card import BundleError
from explorer.drawing import raster

HELP = f"""
The model of the sidebar is on the left, the second one on the right.

- **Point at a dot**: the same test image is marked on both maps, and its reconstruction by either
  model is shown. Between the dots the picture that is decoded there is encoded by the other model.
- **Click** to keep the point in both; a group made on one map is a group on both.
- An **image of your own** goes through both, and so does a **path** between the same two images.
- {explain_neg_elbo("a model explains an image")}
"""
FIGURES_HELP = """
The Model view defines these figures. **Difference** is the second model's figure less the first's,
where both are of the same test images and in the same unit: nats of different likelihoods
(probabilities, densities) cannot be compared.
"""
POINT, WALK = "The point", "A path"
THROUGH = Option("through", POINT, (POINT, "File", "Camera", DRAWING, WALK))
EXTREMES = 12
FRAMES = 24
"""Frames of a film, from one end to the other."""
Click = Callable[[np.ndarray, int | None], None]
"""What a click on a map does: it gets the latent, and the row of the dot that was hit."""


def render_view(bundle: Bundle) -> None:
    """Draw the view."""
    st.markdown("See what two models make of the same images.", help=HELP)
    names = partners(bundle.card, cache.usable_cards())
    if not names:
        height, width, channels = bundle.card.data.image_shape
        st.info(
            f"There is no other model of images of {width} × {height} pixels, "
            f"{'grey' if channels == 1 else 'colour'}, and only models of the same kind of image "
            "can be compared. Train or adopt one, then reload this page.",
            icon=":material/compare:",
        )
        return
    chosen = st.session_state.get("beside")
    if chosen is not None and chosen not in cache.usable_cards():
        st.warning(
            f"The model {literal(chosen)} is no longer usable; {literal(names[0])} is shown."
        )
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key="both"):
        name = _choose_second(names)
        try:
            other = session.with_label(cache.open_bundle(name))
        except BundleError as error:
            st.error(f"**{literal(name)}** cannot be shown: {literal(str(error))}")
            return
        st.button("Swap", icon=":material/swap_horiz:", on_click=_swap, args=(bundle, other))
        through = _choose_what(bundle, other)
    parts.mount_model(other)
    st.caption(_describe_link(bundle, other))
    _render_both(bundle, other, through)
    _render_figures(bundle, other)
    parts.mount_images(other)


def _second(names: list[str]) -> str:
    """The chosen second model, or the first of ``names`` if that one is not among them."""
    chosen = st.session_state.get("beside")
    return chosen if chosen in names else names[0]


def _choose_second(names: list[str]) -> str:
    cards, state = cache.usable_cards(), st.session_state
    state["second"] = _second(names)
    name: str = st.selectbox(
        "Second model",
        names,
        format_func=lambda name: f"{cards[name].title} · {name}" if name in cards else name,
        key="second",
        on_change=lambda: state.update(beside=state["second"]),
        width=360,
    )
    return name


def _apply_second(text: str, bundle: Bundle) -> None:
    if text not in partners(bundle.card, cache.usable_cards()):
        raise ValueError("there is no such other model of images of the same size")
    st.session_state["beside"] = text


def _write_second(bundle: Bundle) -> str | None:
    names = partners(bundle.card, cache.usable_cards())
    return _second(names) if names else None


VIEW = View(
    "Compare",
    render_view,
    options=(THROUGH,),
    details=(Detail("with", _apply_second, _write_second), *ends.DETAILS, image_detail(THROUGH)),
)


def _swap(bundle: Bundle, other: Bundle) -> None:
    ends.translate(
        bundle,
        lambda z: counterpart(bundle, z, other),
        keeps_images=have_same_images(bundle.card, other.card),
    )
    session.move_to(other, _second_point(bundle, other))
    st.session_state.update(model=other.card.name, beside=bundle.card.name)


def _describe_link(bundle: Bundle, other: Bundle) -> str:
    if have_same_images(bundle.card, other.card):
        return (
            f"Both have the same {bundle.card.data.test_images:,} test images: what you point at "
            "on one map is marked on the other, and so are groups."
        )
    has_graphs = bundle.card.model.has_graphs and other.card.model.has_graphs
    return (
        f"{literal(other.card.name)} knows other test images ({literal(other.card.data.title)}), "
        "so no dot stands for the same image on both maps, and figures of test images are not "
        "compared. "
        + (
            "Pictures go from one model through the other."
            if has_graphs
            else "Nor can pictures go from one to the other: that takes both encoders and decoders."
        )
    )


def _second_point(bundle: Bundle, other: Bundle) -> np.ndarray:
    """The second model's latent for the point: the one clicked, or where it puts the picture."""
    here = session.format_latent(session.point(bundle))
    clicked = st.session_state.get("clicked-beside")
    if clicked and clicked[:3] == (bundle.content, here, other.content):
        return np.asarray(clicked[3])
    return _beside(bundle, session.point(bundle), other)


def _beside(bundle: Bundle, z: np.ndarray, other: Bundle) -> np.ndarray:
    found = counterpart(bundle, z, other)
    return session.point(other) if found is None else found


def _choose_what(bundle: Bundle, other: Bundle) -> str:
    """Let the user choose what both show; without their graphs only the point is possible."""
    if not (bundle.card.model.has_graphs and other.card.model.has_graphs):
        return POINT
    session.choose(THROUGH, "What both show")
    return str(st.session_state[THROUGH.name])


def _render_both(bundle: Bundle, other: Bundle, through: str) -> None:
    """Draw what goes through both models, and each one's map."""
    pair = (bundle, other)
    image: np.ndarray | None = None
    walks: list[Walks] = []
    ways: list[np.ndarray] = []
    click: Click = partial(_click, bundle)
    if through == WALK:
        walks, ways = _choose_path(bundle, other)
        click = ends.choose_clicked()
    elif through not in (POINT, DRAWING):
        image = upload_and_prepare(bundle, key=UPLOAD_KEY, source=through, adjustable=True)
    clicks = click, partial(_click_second, bundle, other, click)
    places = [session.point(bundle), _second_point(bundle, other)]
    for side, column in enumerate(st.columns(2)):
        one, linked = pair[side], pair[1 - side]
        with column, st.container(key=f"side-{side}", gap="xsmall"):
            st.markdown(f"**{literal(one.card.title)}** · {literal(one.card.name)}")
            if side == 1 and one.card.model.is_conditional:
                class_input(one)
            if through == DRAWING and side == 0:
                image = parts.draw(bundle, key=f"draw-{bundle.card.name}", moves=True)
            elif through == DRAWING:
                parts.follow_drawing(bundle, other, key=f"follow-{other.card.name}")
            elif image is not None:
                _render_pictures(one, image)
            if image is not None:
                places[side] = one.codec.encode(image[np.newaxis])[0][0]
            if image is not None and one.card.model.has_variance:
                found = terms(one, image)
                st.caption(describe_terms(*found))
                warn_of_strangeness(one, sum(found))
            elif image is None and through != WALK and (told := _describe_row(one, places[side])):
                st.caption(told)
            parts.live_map(
                one,
                key=f"compare-{one.card.name}-{linked.card.name}",
                z=places[side],
                on_click=clicks[side],
                picks=through != POINT,
                path=ways[side] if ways else None,
                has_lens=True,
                linked=linked,
            )
            if walks:
                render_scores(walks[side])
    if walks:
        _offer_film(bundle, other, walks)


def _click(bundle: Bundle, z: np.ndarray, _: int | None) -> None:
    session.move_to(bundle, z)


def _click_second(
    bundle: Bundle, other: Bundle, click: Click, z: np.ndarray, row: int | None
) -> None:
    """Let a click on the second map do what a click on the first does at the same picture."""
    first = counterpart(other, z, bundle)
    if first is None:
        return
    there = session.format_latent(session.rounded(first))
    st.session_state["clicked-beside"] = bundle.content, there, other.content, z
    click(first, row if have_same_images(bundle.card, other.card) else None)


def _choose_path(bundle: Bundle, other: Bundle) -> tuple[list[Walks], list[np.ndarray]]:
    """Draw ends, kind and scrubber of a path; return both models' walks and chosen latents."""
    ends.render_ends(bundle)
    ends.render_stops_between(bundle)
    with st.container(horizontal=True):
        choose_path()
    stops = ends.stops(bundle, is_loop=False)
    beside = np.stack([_beside(bundle, z, other) for z in stops])
    walks: list[Walks] = [cache.walks(bundle, stops), cache.walks(other, beside)]
    ways = [scrubbed(one, len(stops)) for one in walks]
    key = f"film-{bundle.card.name}-{other.card.name}"
    parts.scrubber(bundle, ways[0], key=key, beside=(other, ways[1]))
    return walks, ways


def _offer_film(bundle: Bundle, other: Bundle, walks: list[Walks]) -> None:
    """Draw the downloads of the chosen path in both models, side by side."""
    with menu("compare") as is_open:
        if is_open:
            latents = [on_path(one, FRAMES) for one in walks]
            pair = zip((bundle, other), latents, strict=True)
            left, right = (cache.decoded(one, z) for one, z in pair)
            both = [
                raster.tile(np.stack(frame), 2, gap=1) for frame in zip(left, right, strict=True)
            ]
            name = f"{bundle.card.name}-{other.card.name}"
            download_films(lambda: [raster.enlarge(frame, 8) for frame in both], name)


def _render_pictures(bundle: Bundle, image: np.ndarray) -> None:
    reconstruction = bundle.codec.decode(bundle.codec.encode(image[np.newaxis])[0])[0]
    sheet = sheets.reconstruction(image, reconstruction).picture
    caption = "original, reconstruction, error map: blue too dark, red too bright"
    st.image(raster.crisp(sheet), caption=caption, width="stretch", alt=caption)


def _describe_row(bundle: Bundle, z: np.ndarray) -> str:
    """How well the model explains the test image at a latent; empty if none is there."""
    row = row_at(bundle, z)
    if row is None:
        return ""
    name = f"Test image {literal(describe_test_image(bundle, row))}"
    if bundle.card.metrics.neg_elbo is None:
        return name
    neg_elbo, kl = float(bundle.latents.neg_elbo[row]), float(bundle.latents.kl[row])
    return f"{name}: {describe_terms(neg_elbo - kl, kl)}"


def _render_figures(bundle: Bundle, other: Bundle) -> None:
    st.subheader("Figures on the test images", help=FIGURES_HELP)
    st.markdown(table(figure_rows(bundle.card, other.card)))
    gap = gap_between(bundle, other)
    if gap is None:
        st.caption(
            "The −ELBOs are not compared: that takes two models with a −ELBO, on the same test "
            "images and with the same likelihood."
        )
        return
    names = [literal(one.card.name) for one in (bundle, other)]
    if not gap.of_images.any():
        st.caption("Both explain every test image equally well.")
        return
    better, worse = names if gap.mean > 0 else reversed(names)
    share = 100 * np.mean(gap.of_images * np.sign(gap.mean) > 0)
    st.caption(
        f"**{better}** explains a test image better than {worse} by {abs(gap.mean):.2f} ± "
        f"{gap.error:.2f} nats on average (± the standard error over {len(gap.of_images):,} "
        f"images), and {share:.0f} % of them better."
    )
    chances = {one.card.name: cache.chance(one) for one in (bundle, other)}
    if told := describe_gap_by_chance(gap, chances):
        st.caption(told)
    _render_extremes(bundle, other, gap)


def _render_extremes(bundle: Bundle, other: Bundle, gap: Gap) -> None:
    """Draw the test images that the models explain most differently, to choose from."""
    _, are_originals = cache.pictures(bundle, np.zeros(1, np.int64))
    st.subheader("Test images that the two explain most differently")
    st.caption(
        f"From top to bottom: {'the image, ' if are_originals else ''}its reconstruction by "
        f"{literal(bundle.card.name)}, and by {literal(other.card.name)}. Choose one to move the "
        "point there."
    )
    for column, is_worse in zip(st.columns(2), (True, False), strict=True):
        winner, loser = (bundle, other) if is_worse else (other, bundle)
        rows = gap.most(EXTREMES, is_worse=is_worse)
        with column:
            st.markdown(f"Better by **{literal(winner.card.name)}**")
            if not len(rows):
                st.caption("None.")
                continue
            shown = [cache.reconstructed(one, rows) for one in (bundle, other)]
            if are_originals:
                shown.insert(0, cache.pictures(bundle, rows)[0])
            parts.pick_tile(
                np.concatenate(shown, axis=1),
                partial(_choose_row, bundle, rows),
                columns=len(rows),
                labels=[
                    f"{describe_test_image(bundle, row)}: −ELBO "
                    f"{abs(gap.of_images[row]):.1f} nats lower than with {loser.card.name}"
                    for row in rows.tolist()
                ],
                key=f"extremes-{winner.card.name}-{loser.card.name}",
                title=f"Test images that {winner.card.name} explains better",
                tile_size=56,
            )


def _choose_row(bundle: Bundle, rows: np.ndarray, tile: int) -> None:
    session.move_to(bundle, bundle.latents.z_mean[rows[tile]])
    st.session_state[THROUGH.name] = POINT
