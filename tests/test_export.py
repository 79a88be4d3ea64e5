"""Export: the graphs compute what Keras computes, and the same weights give the same bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import onnxruntime
import pytest

from explorer.bundle.codec import Codec, onnx_codec
from explorer.bundle.graph import count_weights
from explorer.core.likelihoods import LIKELIHOODS, LikelihoodName
from explorer.core.refinement import refine
from explorer.recipes.recipe import RecipeError, recipe_from_json
from explorer.training import export
from explorer.training.export import (
    REFINED_TOLERANCE,
    check_exportable,
    export_graphs,
    keras_codec,
    onnx_difference,
    round_to_half,
    save_keras,
)
from explorer.training.vae import VAE

FLATTEN = {"layer": "Flatten"}


CONVOLUTIONS = {
    "encoder": [
        {"layer": "Conv2D", "filters": 4, "kernel_size": 3, "strides": 2, "padding": "same"},
        {"layer": "BatchNormalization"},
        {"layer": "LeakyReLU"},
        {"layer": "MaxPooling2D"},
        FLATTEN,
        {"layer": "Dropout", "rate": 0.5},
    ],
    "decoder": [
        {"layer": "Dense", "units": 32, "activation": "softplus"},
        {"layer": "LayerNormalization"},
        {"layer": "Reshape", "target_shape": [4, 4, 2]},
        {"layer": "UpSampling2D"},
        {"layer": "Conv2DTranspose", "filters": 3, "kernel_size": 3, "padding": "same"},
        {"layer": "Activation", "activation": "silu"},
    ],
    "head": {"layer": "Conv2D", "kernel_size": 3, "padding": "same"},
}
FLOW = {
    "encoder": [
        {"layer": "Conv2D", "filters": 4, "kernel_size": 3, "strides": 2},
        {"layer": "Conv2D", "filters": 4, "kernel_size": 2, "activation": "gelu"},
    ],
    "flow": [{"layer": "InverseAutoregressive", "units": 9}] * 2,
    "context": 3,
    "decoder": [],
    "head": {"layer": "Dense"},
}
REFINED = {
    "encoder": [FLATTEN],
    "decoder": [{"layer": "Dense", "units": 9, "activation": "tanh"}],
    "head": {"layer": "Dense"},
    "refinement": 2,
}
RESIDUALS = {
    "encoder": [FLATTEN, {"layer": "GaussianNoise", "stddev": 0.1}, {"layer": "Dense", "units": 9}],
    "decoder": [
        {"layer": "Dense", "units": 9, "activation": "celu"},
        {"layer": "Residual", "layers": [{"layer": "Dense", "units": 9, "activation": "tanh"}]},
    ],
    "head": {"layer": "Dense"},
}


@pytest.mark.parametrize(
    ("recipe", "shape", "latent_dim"),
    [
        (RESIDUALS, (7, 5, 1), 1),
        ({**RESIDUALS, "likelihood": "gaussian", "sigma": 0.1}, (6, 6, 3), 80),
        (CONVOLUTIONS, (8, 8, 3), 8),
        ({**CONVOLUTIONS, "likelihood": "gaussian"}, (8, 8, 1), 2),
    ],
    ids=["grey dense bernoulli", "colour dense gaussian", "colour conv bernoulli", "grey conv"],
)
def test_onnx_computes_what_keras_computes(
    recipe: dict[str, Any], shape: tuple[int, ...], latent_dim: int
) -> None:
    model = VAE(recipe_from_json(recipe), shape, latent_dim)
    random = np.random.default_rng(0)
    for weight in model.weights:  # moving means and variances, biases: none stays at 0 or 1
        if weight.dtype == "float32":
            weight.assign(weight.numpy() + random.uniform(0, 0.2, weight.shape))
    round_to_half(model)
    ours, theirs = codec_of(model), keras_codec(model)
    images = random.random((9, *shape), np.float32)
    z = random.standard_normal((9, latent_dim)).astype(np.float32)
    z_mean, z_log_var = ours.encode(images)
    expected_mean, expected_log_var = theirs.encode(images)
    assert z_mean.std() > 0
    np.testing.assert_allclose(z_mean, expected_mean, atol=1e-5, rtol=1e-5)
    np.testing.assert_allclose(z_log_var, expected_log_var, atol=1e-5, rtol=1e-5)
    np.testing.assert_allclose(ours.parameters(z), theirs.parameters(z), atol=1e-5, rtol=1e-5)
    assert ours.decode(z).shape == (9, *shape)
    assert ours.decode(z).std() > 0
    np.testing.assert_allclose(ours.decode(z), theirs.decode(z), atol=1e-5)


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_a_refined_encoder_is_exported_with_its_steps(likelihood: LikelihoodName) -> None:
    recipe = recipe_from_json({**REFINED, "likelihood": likelihood})
    model = VAE(recipe, (5, 4, 2), 3)
    round_to_half(model)
    codec = codec_of(model)
    images = np.random.default_rng(0).random((30, 5, 4, 2), np.float32)
    mean, log_var = model.encoder.predict_on_batch(images)
    expected = refine(images, mean, log_var, codec.parameters, likelihood, recipe.refinement)
    found = codec.encode(images)
    assert np.abs(expected[0] - mean).max() > 0.1
    assert onnx_difference(found, expected) < REFINED_TOLERANCE
    assert onnx_difference(found, keras_codec(model).encode(images)) < REFINED_TOLERANCE


def test_the_weights_in_a_refined_encoder_count_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the graphs that a recipe is checked with: such a recipe passes."""
    exported = []

    def keep(model: VAE) -> dict[str, bytes]:
        exported.append(export_graphs(model))
        return exported[-1]

    monkeypatch.setattr(export, "export_graphs", keep)
    for changed in ({"refinement": 0}, {}):
        check_exportable(recipe_from_json(REFINED | changed), (5, 4, 2), 3)
    without, with_steps = (count_weights(*graphs.values()) for graphs in exported)
    constants = 2 * 3 * 3 + 2 * 3 * 3
    assert with_steps <= without + constants


def codec_of(model: VAE) -> Codec:
    encoder, decoder = export_graphs(model).values()
    return onnx_codec(encoder, decoder, model.recipe.likelihood, has_flow=model.recipe.has_flow)


@pytest.fixture(scope="module")
def wide() -> VAE:
    """Return a dense model with large weights, rounded to half precision."""
    dense = {"layer": "Dense", "units": 200, "activation": "relu"}
    recipe = {"encoder": [FLATTEN, dense], "decoder": [dense], "head": {"layer": "Dense"}}
    model = VAE(recipe_from_json(recipe), (28, 28, 1), 2)
    random = np.random.default_rng(0)
    for weight in model.trainable_variables:  # the exporter leaves out zeros and duplicates
        weight.assign(weight.numpy() + random.uniform(0.0, 0.1, weight.shape))
    round_to_half(model)
    return model


def test_weights_take_two_bytes_each(wide: VAE) -> None:
    graphs = export_graphs(wide)
    encoder = 784 * 200 + 200 + 2 * (200 * 2 + 2)
    decoder = 2 * 200 + 200 + 200 * 784 + 784
    for name, weights in (("encoder.onnx", encoder), ("decoder.onnx", decoder)):
        assert count_weights(graphs[name]) == weights
        assert 2 * weights < len(graphs[name]) < 2 * weights + 3000


@pytest.mark.parametrize("part", ["encoder", "decoder"])
def test_a_graph_stands_alone_with_plain_names(wide: VAE, part: str) -> None:
    graph = export_graphs(wide)[f"{part}.onnx"]
    onnx.checker.check_model(graph, full_check=True)
    model = getattr(wide, part)
    session = onnxruntime.InferenceSession(graph)
    names = [value.name for value in (*session.get_inputs(), *session.get_outputs())]
    assert (
        names
        == {
            "encoder": ["image", "z_mean", "z_log_var"],
            "decoder": ["z", "parameters"],
        }[part]
    )
    given = np.random.default_rng(0).random((3, *model.input_shape[1:]), np.float32)
    results = session.run(None, {names[0]: given})
    expected = model.predict_on_batch(given)
    for one, other in zip(results, expected if part == "encoder" else [expected], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


def test_a_graph_has_no_node_that_only_finds_out_a_shape() -> None:
    """tf2onnx flattens the output of convolutions to a shape that it computes at run time."""
    graph = onnx.load_from_string(
        export_graphs(VAE(recipe_from_json(FLOW), (8, 8, 3), 2))["encoder.onnx"]
    ).graph
    kinds = {node.op_type for node in graph.node}
    assert {"Conv", "Reshape"} <= kinds
    assert not kinds & {"Shape", "Gather", "Slice", "Squeeze", "Unsqueeze"}
    assert [value.name for value in graph.input] == ["image", "epsilon"]
    assert [value.name for value in graph.output] == ["z", "log_q"]


@pytest.mark.parametrize("context", [0, 3])
def test_the_graph_of_a_flow_draws_what_keras_draws(context: int) -> None:
    model = VAE(recipe_from_json({**FLOW, "context": context}), (8, 8, 3), 5)
    random = np.random.default_rng(0)
    for weight in model.weights:
        if weight.dtype == "float32":
            weight.assign(weight.numpy() + random.uniform(-0.2, 0.2, weight.shape))
    images = random.random((9, 8, 8, 3), np.float32)
    noise = random.standard_normal((9, 4, 5)).astype(np.float32)
    ours, theirs = codec_of(model).draw(images, noise), keras_codec(model).draw(images, noise)
    for one, other in zip(ours, theirs, strict=True):
        assert np.ptp(one, axis=1).min() > 1e-3, "deaf to the noise"
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


def test_keras_loads_its_own_file(wide: VAE, tmp_path: Path) -> None:
    save_keras(wide, tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    assert isinstance(again, VAE)
    assert not again.compiled
    assert len(again.weights) == 10
    for one, other in zip(wide.weights, again.weights, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


def test_weights_that_are_no_halves_are_kept_as_they_are() -> None:
    model = VAE(recipe_from_json(RESIDUALS), (28, 28, 1), 2)
    assert np.any(model.get_weights()[0].astype(np.float16) != model.get_weights()[0])
    z = np.random.default_rng(0).standard_normal((9, 2)).astype(np.float32)
    ours, theirs = codec_of(model), keras_codec(model)
    np.testing.assert_allclose(ours.parameters(z), theirs.parameters(z), rtol=1e-5, atol=1e-5)
    graph = onnx.load_from_string(export_graphs(model)["decoder.onnx"]).graph
    assert all(tensor.data_type != onnx.TensorProto.FLOAT16 for tensor in graph.initializer)


@pytest.mark.parametrize(
    ("part", "layers", "words"),
    [
        ("encoder", [FLATTEN, {"layer": "Dense", "units": 8, "dtype": "float16"}], "dtype"),
        (
            "encoder",
            [{"layer": "Conv2D", "filters": 1, "kernel_size": 3, "dtype": "float64"}],
            "Conv",
        ),
        ("decoder", [{"layer": "Dense", "units": 8, "activation": "exponential"}] * 9, "by nan"),
    ],
)
def test_a_model_that_the_app_could_not_run_is_refused_before_training(
    part: str, layers: list[Any], words: str
) -> None:
    recipe = recipe_from_json({**RESIDUALS, part: layers})
    with pytest.raises(RecipeError, match=words) as error:
        check_exportable(recipe, (6, 6, 1), 2)
    assert "\n" not in str(error.value)


def test_infinite_results_differ_without_a_warning() -> None:
    assert np.isnan(onnx_difference([np.inf], [np.inf]))


def test_a_model_that_the_app_can_run_passes() -> None:
    check_exportable(recipe_from_json(CONVOLUTIONS), (8, 8, 3), 8)


def test_the_same_weights_are_the_same_bytes() -> None:
    model = VAE(recipe_from_json(FLOW), (8, 8, 3), 2)
    one = export_graphs(model)
    keras.utils.clear_session()  # as every run does
    assert export_graphs(model) == one
