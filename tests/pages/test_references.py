"""Comparison of models with others and with published figures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from streamlit.testing.v1 import AppTest

from explorer.app.comparison import comparison_table
from explorer.app.words import literal
from explorer.bundle.bundle import Reference
from explorer.bundle.store import load_reference, save_reference
from explorer.recipes.find import RECIPES
from explorer.recipes.recipe import Published, override

from .visiting import (
    DAMAGE,
    DEEP,
    FLAT,
    SHIPPED,
    assert_sound,
    chart,
    copy_to,
    numbers,
    open_tab,
    sentences,
    table,
    visit,
)


def put_reference(shelf: Path, name: str, *, of: str = FLAT, **changes: Any) -> Reference:
    """Put a reference on the shelf: a shipped model's card and history with some changes.

    ``latent_dim``, ``neg_elbo`` and ``recipe`` are the card's; ``history`` replaces all of it.
    """
    shipped = load_reference(SHIPPED / of)
    card, history = shipped.card, changes.get("history", shipped.history)
    latent_dim = changes.get("latent_dim", card.model.latent_dim)
    recipe = override(changes.get("recipe", card.model.recipe), epochs=len(history["kl"]))
    model = {"latent_dim": latent_dim, "recipe_if_trained": recipe}
    metrics = {
        "neg_elbo": changes.get("neg_elbo", card.metrics.neg_elbo),
        "kl_per_dimension": (0.5,) * latent_dim,
    }
    card = card.model_copy(
        update={
            "name": name,
            "model": card.model.model_copy(update=model),
            "metrics": card.metrics.model_copy(update=metrics),
        }
    )
    return load_reference(save_reference(card, history, shelf))


def history_of(reconstruction: list[float], kl: list[float]) -> dict[str, list[float]]:
    terms = {"reconstruction": reconstruction, "kl": kl,
             "neg_elbo": [r + k for r, k in zip(reconstruction, kl, strict=True)]}  # fmt: skip
    return {**terms, **{f"val_{name}": [v + 1 for v in values] for name, values in terms.items()}}


def comparison_chart(visitor: AppTest) -> dict[str, Any]:
    """Return the last of the Model view's figures."""
    return chart(visitor, -1)


def test_numbers_below_0_have_a_minus_sign(tmp_path: Path) -> None:
    likely = put_reference(tmp_path, "likely", neg_elbo=-4119.07)
    assert comparison_table([likely], 0)["−ELBO"] == ["−4119.07"]


def test_a_model_stands_beside_the_others_of_its_test_images(shelf: Path) -> None:
    copy_to(shelf, DEEP)  # of other images
    (shelf / "fashion_mnist-8d").symlink_to(SHIPPED / "fashion_mnist-8d")
    put_reference(shelf, "better", neg_elbo=200.0)
    put_reference(shelf, "worse", neg_elbo=300.0)
    put_reference(shelf, "line", neg_elbo=400.0, latent_dim=1)
    visitor = visit(model=FLAT, view="Model", section="Comparison")
    assert_sound(visitor)
    assert "Beside other models of Fashion" in visitor.subheader[0].value
    shown = table(visitor)
    assert shown["model"] == ["line", "better", FLAT, "worse", "fashion_mnist-8d"]
    assert shown["dimensions"] == ["1", "2", "2", "2", "8"]
    card = load_reference(SHIPPED / FLAT).card
    row = {title: column[2] for title, column in shown.items()}
    assert row["−ELBO"] == f"{card.metrics.neg_elbo:.2f}"
    assert row["reconstruction"] == f"{card.metrics.reconstruction:.2f}"
    assert row["KL"] == f"{card.metrics.kl:.2f}"
    assert card.metrics.importance is not None
    assert row["bound"] == f"{card.metrics.importance.bound:.2f}"
    assert (row["recipe"], row["weights"], row["epochs"]) == ("residual", "930,596", "100")
    assert row["minutes"] == f"{card.training.seconds / 60:.1f}"
    assert shown[""] == ["", "", "●", "", ""]


def test_a_model_alone_is_compared_with_nothing(shelf: Path) -> None:
    copy_to(shelf, DEEP)
    visitor = visit(model=FLAT, view="Model", section="Comparison")
    assert_sound(visitor)
    assert not table(visitor)
    assert "There is no other model of these test images here." in sentences(visitor)


def test_held_out_curves_of_the_same_dimension_come_first(shelf: Path) -> None:
    (shelf / "fashion_mnist-8d").symlink_to(SHIPPED / "fashion_mnist-8d")
    other = put_reference(shelf, "other", history=history_of([9.0, 7.0, 5.0], [1.0, 2.0, 3.0]))
    visitor = visit(model=FLAT, view="Model", section="Comparison")
    shown = comparison_chart(visitor)
    assert [trace["name"] for trace in shown["data"]] == [f"{FLAT} · 2-D", "other · 2-D"]
    this, line = shown["data"]
    np.testing.assert_array_equal(numbers(line["x"]), [1, 2, 3])
    np.testing.assert_array_equal(numbers(line["y"]), [11, 10, 9])
    held_out = load_reference(SHIPPED / FLAT).history["val_neg_elbo"]
    np.testing.assert_allclose(numbers(this["y"]), held_out, rtol=1e-6)
    visitor.session_state[f"compared-{FLAT}"] = "All"
    visitor.session_state["time-in"] = "Minutes"
    shown = comparison_chart(visitor.run())
    assert_sound(visitor)
    names = [trace["name"] for trace in shown["data"]]
    assert names == [f"{FLAT} · 2-D", "other · 2-D", "fashion_mnist-8d · 8-D"]
    minutes = other.card.training.seconds / 60
    expected = [minutes / 3, minutes * 2 / 3, minutes]
    np.testing.assert_allclose(numbers(shown["data"][1]["x"]), expected, rtol=1e-6)


def test_nats_of_a_density_are_not_drawn_beside_those_of_probabilities(shelf: Path) -> None:
    recipe = load_reference(SHIPPED / FLAT).card.model.recipe
    put_reference(shelf, "dense", recipe=override(recipe, likelihood="gaussian"))
    put_reference(shelf, "strong", recipe=override(recipe, beta=4.0))
    visitor = visit(model=FLAT, view="Model", section="Comparison")
    recipes = dict(zip(*(table(visitor)[c] for c in ("model", "recipe")), strict=True))
    assert recipes["dense"] == "residual, Gaussian likelihood"
    assert recipes["strong"] == "residual, β = 4"
    names = [trace["name"] for trace in comparison_chart(visitor)["data"]]
    assert names == [f"{FLAT} · 2-D", "strong · 2-D, β = 4"]
    assert "Nats of different likelihoods do not compare" in sentences(visitor)


def test_a_broken_reference_is_left_out_with_a_sentence(shelf: Path) -> None:
    put_reference(shelf, "whole")
    broken = shelf / "references" / "broken"
    for damage in DAMAGE.values():
        put_reference(shelf, "broken")
        damage(broken / "history.json")
        visitor = visit(model=FLAT, view="Model", section="Comparison")
        assert_sound(visitor)
        assert not visitor.error
        assert sorted(table(visitor)["model"]) == [FLAT, "whole"]
        assert "Left out of the comparison: history.json of broken" in sentences(visitor)
        shutil.rmtree(broken)


def test_a_published_figure_stands_beside_ours_after_as_many_epochs(shelf: Path) -> None:
    history = history_of([80.0, 70.0, 60.0], [20.0, 25.0, 26.0])
    same: Any = {"data": "fashion_mnist", "latent_dim": 2}
    recipe = RECIPES["softplus-mlp"].model_copy(
        update={"published": Published(value=96.21, epochs=100, **same)}
    )
    published = Published(value=96.21, epochs=2, **same)
    put_reference(shelf, "short", recipe=recipe, history=history)
    put_reference(shelf, "long", recipe=override(recipe, published=published), history=history)
    mean = override(
        RECIPES["tutorial"], published=Published(value=0.3314, epochs=3, divisor=10, **same)
    )
    put_reference(shelf, "mean", recipe=mean, history=history)
    pictures_only = override(recipe, published=Published(epochs=2, **same))
    put_reference(shelf, "none", recipe=pictures_only, history=history)
    put_reference(shelf, "of-mnist", recipe=RECIPES["softplus-mlp"], history=history)
    visitor = visit(model=FLAT, view="Model", section="Comparison")
    (found,) = [m.value for m in visitor.markdown if "repeats a published system" in m.value]
    lines = {line.split("**")[1]: line for line in found.splitlines()}
    assert set(lines) == {"short", "long", "mean", "none"}
    assert "Its write-up reports **96.21** after 100 epochs; " in lines["short"]
    nats = "(training images, reconstruction + KL, nats)."
    assert lines["short"].endswith(f"this one, after only 3 epochs, has **86.00** {nats}")
    assert lines["long"].endswith(f"this one has **95.00** {nats}")
    assert "Its write-up shows pictures after 2 epochs; this one has **95.00**" in lines["none"]
    scaled = "(training images, (reconstruction + 0.392 KL) / 10)."
    assert lines["mean"].endswith(f"has **7.0192** {scaled}")  # (60 + 0.392 · 26) / 10


def test_what_strangers_wrote_is_shown_and_not_rendered(shelf: Path) -> None:
    picture = "![x](https://example.org/x.png)"
    folder = copy_to(shelf, DEEP)
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    card["data"].update(title=picture, licence=picture, origin=picture)
    card["model"]["recipe_name"] = card["model"]["recipe"]["summary"] = picture
    card["training"]["versions"] = {picture: picture}
    (folder / "card.json").write_text(json.dumps(card), encoding="utf-8")
    put_reference(shelf, "other", of=DEEP)
    visitor, shown = visit(model=DEEP, view="Model"), []
    for section in ("Comparison", "Recipe and data"):
        open_tab(visitor, section)
        assert_sound(visitor)
        main = visitor.main
        shown += [element.value for element in (*main.markdown, *main.subheader, *main.caption)]
    assert sum(literal(picture) in text for text in shown) == 7  # the title is above both
    assert not any("![" in text for text in shown)


def test_text_of_others_is_taken_literally() -> None:
    assert literal("![a](b)") == r"\!\[a\]\(b\)"
    assert literal("T-shirt_1\n\n# *x*  <b> $y$ `z` :red[w]") == (
        r"T\-shirt\_1 \# \*x\* \<b\> \$y\$ \`z\` \:red\[w\]"
    )
    assert literal("größer 日本 − 7") == "größer 日本 − 7"
