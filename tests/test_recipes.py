"""Recipes are data: they survive JSON, and every mistake in a recipe gets a sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from explorer.recipes.find import RECIPES, find_recipe
from explorer.recipes.published import published_loss
from explorer.recipes.recipe import LAYERS, Recipe, RecipeError, override
from explorer.recipes.recipe import recipe_from_json as from_json

DENSE = {"layer": "Dense", "units": 8}
GRID = {"layer": "Grid", "downscale": 4, "filters": 3}
STEP = {"layer": "InverseAutoregressive", "units": 8}
PLAIN = {"encoder": [{"layer": "Flatten"}, DENSE], "decoder": [DENSE], "head": {"layer": "Dense"}}


def sentence(error: pytest.ExceptionInfo[RecipeError]) -> str:
    text = str(error.value)
    assert text.strip() == text != ""
    assert "\n" not in text
    assert "Value error" not in text  # pydantic's words for programmers
    return text


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_survives_json(name: str) -> None:
    values = json.loads(json.dumps(RECIPES[name].model_dump(mode="json")))
    again = from_json(values)
    assert again.model_dump(mode="json") == values
    assert [layer["layer"] for layer in again.encoder] == [
        layer["layer"] for layer in RECIPES[name].encoder
    ]


def test_a_recipe_needs_only_its_layers() -> None:
    recipe = from_json(PLAIN)
    assert (recipe.likelihood, recipe.beta, recipe.sigma) == ("bernoulli", 1.0, None)


def test_a_grid_is_a_dense_layer_of_the_images_size_divided() -> None:
    recipe = from_json({**PLAIN, "decoder": [DENSE, {**GRID, "activation": "relu"}, DENSE]})
    assert recipe.decoder_layers((16, 8, 1)) == [
        DENSE,
        {"layer": "Dense", "units": 4 * 2 * 3, "activation": "relu"},
        {"layer": "Reshape", "target_shape": (4, 2, 3)},
        DENSE,
    ]


def test_a_recipe_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        from_json(PLAIN).beta = 2.0  # type: ignore[misc]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"encoder": [{"layer": "Lambda"}]}, ["encoder", "'Lambda'", "Dense"]),
        ({"decoder": [{"layer": "dense", "units": 8}]}, ["decoder", "'dense'"]),
        ({"head": {"layer": "Sequential"}}, ["head", "'Sequential'"]),
        ({"head": [DENSE]}, ["head", "dictionary"]),
        ({"encoder": [{}]}, ["encoder", "None"]),
        ({"encoder": [{"layer": ["Dense"]}]}, ["encoder", "['Dense']"]),
        ({"encoder": ["Dense"]}, ["encoder", "dictionary"]),
        ({"encoder": "Dense"}, ["encoder"]),
        ({"encoder": [{"layer": "Residual", "layers": 5}]}, ["Residual", "list", "5"]),
        ({"encoder": [{"layer": "Residual", "layers": ["Dense"]}]}, ["'Dense'", "layer"]),
        (
            {"encoder": [{"layer": "Residual", "layers": [{"layer": "Residual", "layers": [{}]}]}]},
            ["None"],
        ),
        ({"encoder": [GRID]}, ["encoder", "'Grid'"]),
        ({"decoder": [{"layer": "Residual", "layers": [GRID]}]}, ["decoder", "'Grid'"]),
        ({"decoder": [{**GRID, "downscale": 0}]}, ["downscale of a Grid", "1 or more"]),
        ({"decoder": [{"layer": "Grid", "downscale": 2}]}, ["filters of a Grid", "1 or more"]),
        ({"learningrate": 0.1}, ["learningrate: there is no such", "did you mean learning_rate?"]),
        ({"colour": 0.1}, ["colour: there is no such field"]),
        ({"augmentation": {"rotate": 0.1}}, ["there is no such field; did you mean rotation?"]),
        ({"likelihood": "laplace"}, ["likelihood", "bernoulli", "gaussian"]),
        ({"epochs": 0}, ["epochs", "greater than 0"]),
        ({"epochs": 2.5}, ["epochs", "integer"]),
        ({"epochs": None}, ["epochs"]),
        ({"batch_size": "many"}, ["batch_size", "integer"]),
        ({"beta": -1}, ["beta", "0"]),
        ({"beta": float("inf")}, ["beta", "finite"]),
        ({"beta": float("nan")}, ["beta"]),
        ({"learning_rate": float("inf")}, ["learning_rate", "finite"]),
        ({"learning_rate": 0}, ["learning_rate", "greater than 0"]),
        ({"kl_warmup": 1.5}, ["kl_warmup", "1"]),
        ({"sigma": 0}, ["sigma", "greater than 0"]),
        ({"warmup_steps": -1}, ["warmup_steps", "0"]),
        ({"schedule": "linear"}, ["schedule", "cosine"]),
        ({"head": {"layer": "Dense", "units": 3}}, ["head", "units follow from the image"]),
        ({"head": {"layer": "Conv2D", "filters": 3}}, ["head", "filters follow from"]),
        ({"head": {"layer": "Dense", "activation": "sigmoid"}}, ["head", "logits", "activation"]),
        (
            {
                "head": {"layer": "Dense", "activation": "relu"},
                "likelihood": "discretised-logistic",
            },
            ["head", "means and log-scales", "activation"],
        ),
        ({"sigma": 0.5}, ["sigma is for a gaussian"]),
        ({"context": 3}, ["context needs a flow"]),
        (
            {"flow": [{"layer": "InverseAutoregressive", "units": 8, "backwards": True}]},
            ["flow", "reversed by itself"],
        ),
        ({"objective": {"name": "gan"}}, ["objective", "'gan'", "'tc', 'factor', 'iw'"]),
        ({"objective": {"name": "tc"}}, ["objective.tc.weight", "required"]),
        ({"objective": {"name": "factor", "gamma": -1}}, ["objective.factor.gamma", "0"]),
        (
            {"objective": {"name": "factor", "gamma": 1, "layers": [{"layer": "Lambda"}]}},
            ["objective.factor.layers", "'Lambda'", "Dense"],
        ),
        ({"objective": {"name": "tc", "weight": 6}, "beta": 2}, ["leave out beta"]),
        ({"augmentation": {"encoder_only": True}}, ["augmentation", "until = 1"]),
        ({"objective": {"name": "iw", "samples": 1}}, ["objective.iw.samples", "2"]),
        ({"objective": {"name": "iw", "samples": 5}, "beta": 2}, ["leave out beta"]),
        (
            {
                "objective": {"name": "tc", "weight": 6},
                "flow": [{"layer": "InverseAutoregressive", "units": 8}],
            },
            ["leave out the flow"],
        ),
    ],
)
def test_a_mistake_in_a_recipe_gets_a_sentence(change: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(RecipeError) as error:
        from_json({**PLAIN, **change})
    text = sentence(error)
    for word in words:
        assert word in text


@pytest.mark.parametrize("missing", ["encoder", "decoder", "head"])
def test_a_missing_part_is_named(missing: str) -> None:
    with pytest.raises(RecipeError) as error:
        from_json({key: value for key, value in PLAIN.items() if key != missing})
    assert missing in sentence(error)


@pytest.mark.parametrize("values", [None, 3, "mlp", [PLAIN]])
def test_json_that_is_no_object_is_no_recipe(values: Any) -> None:
    with pytest.raises(RecipeError) as error:
        from_json(values)
    sentence(error)


def test_override_changes_what_is_given_and_nothing_else() -> None:
    recipe = from_json({**PLAIN, "batch_size": 50})
    changed = override(recipe, epochs=7, batch_size=None, beta=0.0)
    assert (changed.epochs, changed.batch_size, changed.beta) == (7, 50, 0.0)
    assert override(changed, epochs=30, beta=1.0).model_dump() == recipe.model_dump()


def test_override_refuses_what_a_recipe_would_refuse() -> None:
    with pytest.raises(RecipeError, match="epochs"):
        override(from_json(PLAIN), epochs=0)


@pytest.mark.parametrize(
    ("latent_dim", "expected"),
    [(1, "residual"), (3, "residual"), (4, "residual-wide"), (80, "residual-wide")],
)
def test_there_is_a_recipe_for_every_dimension(latent_dim: int, expected: str) -> None:
    assert find_recipe(None, latent_dim) == (expected, RECIPES[expected])
    assert find_recipe(expected, 2) == (expected, RECIPES[expected])


def test_a_recipe_is_found_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({**PLAIN, "epochs": 3}), encoding="utf-8")
    name, recipe = find_recipe(str(path), 2)
    assert (name, recipe.epochs) == ("mine", 3)
    assert recipe == from_json({**PLAIN, "epochs": 3})


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("absent.json", None, ["absent.json", *RECIPES]),
        ("recipe.txt", b"{}", ["recipe.txt", ".json"]),
        ("cut.json", b'{"encoder": [', ["cut.json", "not JSON"]),
        ("empty.json", b"", ["empty.json", "not JSON"]),
        ("binary.json", b"\xff\xfe\x00", ["binary.json", "not text in UTF-8"]),
        ("latin.json", b'{"summary": "\xe9"}', ["latin.json", "not text in UTF-8"]),
        ("twice.json", b'{"epochs": 1, "epochs": 2}', ["twice.json", "'epochs' twice"]),
        ("deep.json", b"[" * 200_000, ["deep.json", "not JSON"]),
        ("list.json", b"[1, 2]", ["not usable"]),
        ("partial.json", b'{"encoder": []}', ["decoder"]),
    ],
)
def test_a_file_that_holds_no_recipe_gets_a_sentence(
    tmp_path: Path, name: str, content: bytes | None, words: list[str]
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RecipeError) as error:
        find_recipe(str(path), 2)
    text = sentence(error)
    for word in words:
        assert word in text


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("name", ["mine.json", "MINE.JSON"])
def test_a_recipe_that_windows_wrote_is_read(tmp_path: Path, name: str, encoding: str) -> None:
    text = json.dumps({**PLAIN, "epochs": 7})
    (tmp_path / name).write_text(text, encoding=encoding)
    assert find_recipe(str(tmp_path / name), 2)[1].epochs == 7


def test_a_missing_recipe_file_is_called_missing(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="there is no file .*nope.json"):
        find_recipe(str(tmp_path / "nope.json"), 2)


def test_a_folder_is_no_recipe(tmp_path: Path) -> None:
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(RecipeError, match="there is no file .*folder.json"):
        find_recipe(str(tmp_path / "folder.json"), 2)


def test_no_layer_that_recipes_know_can_run_code() -> None:
    assert not LAYERS & {"Lambda", "TorchModuleWrapper", "TFSMLayer", "JaxLayer", "Wrapper"}


def test_the_summary_of_every_built_in_recipe_is_one_line() -> None:
    for recipe in RECIPES.values():
        assert isinstance(recipe, Recipe)
        assert recipe.summary
        assert "\n" not in recipe.summary


def test_a_published_loss_is_computed_as_its_write_up_does() -> None:
    history = {
        "reconstruction": [80.0, 70.0], "kl": [20.0, 25.0],
        "val_reconstruction": [300.0, 259.0], "val_kl": [2.5, 5.0],
    }  # fmt: skip
    nats, mean = RECIPES["softplus-mlp"], RECIPES["tutorial"]
    assert published_loss(history, nats, "training") == [100.0, 95.0]
    held_out = published_loss(history, mean, "held-out")
    assert held_out == pytest.approx([300.98 / 784, 260.96 / 784])  # 0.392 nats for one nat of KL
    assert published_loss({"kl": [1.0], "reconstruction": [2.0]}, nats, "held-out") == []


def test_a_changed_recipe_repeats_no_published_system() -> None:
    published = RECIPES["softplus-mlp"]
    assert override(published, epochs=3).published == published.published
    assert override(published, batch_size=100).published == published.published  # unchanged
    assert override(published, beta=2.0).published is None
