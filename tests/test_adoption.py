"""Foreign models become bundles: their conventions are detected, and mistakes reported."""

from __future__ import annotations

import hashlib
import re
import shutil
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from shapes import draw_shapes

from explorer.adoption import adopt, trial
from explorer.adoption.adopt import Request, adopt_graphs
from explorer.adoption.candidates import Candidate, Known, choose
from explorer.adoption.checks import report_channel_order, report_classes
from explorer.adoption.conventions import (
    SIGNED,
    UNIT,
    DecoderConvention,
    DecoderOutput,
    EncoderConvention,
    PixelRange,
    adapt_decoder,
    adapt_encoder,
    parse_range,
    usual_ranges,
)
from explorer.adoption.graphs import AdoptionError, Port, read_given_graph
from explorer.adoption.notes import notes_on_border
from explorer.adoption.padding import choose_framing
from explorer.adoption.result import About, hashes
from explorer.adoption.runner import Runner
from explorer.adoption.signatures import image_forms, separate_classes
from explorer.adoption.spreads import kind_by_name
from explorer.bundle import effort
from explorer.bundle.bundle import Bundle
from explorer.bundle.codec import Codec
from explorer.bundle.posterior import GaussianPosterior
from explorer.bundle.store import load_bundle
from explorer.bundle.work import count_multiply_adds
from explorer.cli import adopt as command
from explorer.cli.arguments import take_reading
from explorer.cli.verify import verify
from explorer.data import load
from explorer.data.dataset import Dataset, Split
from explorer.data.load import load_dataset
from explorer.data.pixels import Form
from explorer.data.report import Report
from explorer.data.sources.read import read_part
from explorer.data.sources.source import Part
from explorer.data.summary import three_lines
from explorer.errors import ExplorerError

MODELS = Path(__file__).parent / "adopted"


@pytest.fixture
def said() -> list[str]:
    """Return the list of messages while models are adopted, line by line."""
    return []


@pytest.fixture
def take(
    tmp_path: Path, tiny_settings: dict[str, Any], said: list[str], few_estimates: None
) -> Any:
    """Return a function that adopts one of the models, or two given files."""

    def adopt_model(
        name: str,
        encoder: Path | None = None,
        decoder: Path | None = None,
        data: Path | None = None,
        padding: int | None = None,
        **known: Any,
    ) -> Bundle:
        request = Request(
            About(name, output=tmp_path),
            encoder=encoder or MODELS / f"{name}-encoder.onnx",
            decoder=decoder or MODELS / f"{name}-decoder.onnx",
            data=str(data or tiny_settings["data"]),
            known=Known(**known),
            padding=padding,
        )
        path = adopt_graphs(
            request, said.append, lambda what: lambda share: None, command.from_keras
        )
        return load_bundle(path)

    return adopt_model


@pytest.fixture
def refusal(take: Any, tmp_path: Path) -> Any:
    """Return a function that returns the sentence with which a model is refused."""

    def refuse(*arguments: Any, **further: Any) -> str:
        with pytest.raises(ExplorerError) as error:
            take(*arguments, **further)
        assert not list(tmp_path.glob("*/card.json"))  # nothing is half-written
        assert "\n" not in str(error.value)
        return str(error.value)

    return refuse


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        ("variance z_var sigma2 sigma_sq", "variance"),
        ("log_var logvar z_log_var lv log-var ln_var log_covariance log_sigma_sq", "log_var"),
        ("std scale z_sigma z_sigma_2 variational_std", "std"),
        ("log_std logsigma z_log_sigma log_scale log_z_std", "log_std"),
        ("mu logits 17 variational_mean variable device_out developed grayscale", None),
    ],
)
def test_names_of_spreads(names: str, kind: str | None) -> None:
    assert {kind_by_name(name) for name in names.split()} == {kind}


@pytest.mark.parametrize(
    ("name", "range_", "encoder_output", "decoder_output"),
    [
        ("plain", "0,1", "mean,log_var", "probability"),
        ("logits", "0,1", "mean,log_var", "logit"),
        ("swapped", "0,1", "mean,log_var", "probability"),
        ("drawn", "0,1", "mean,log_var", "probability"),
        ("halves", "0,1", "concatenated", "probability"),
        ("mean", "0,1", "mean", "probability"),
        ("signed", "-1,1", "mean,std", "mean"),
        ("flax", "0,1", "mean,log_var", "probability"),
    ],
)
def test_conventions_are_found_out(
    take: Any, name: str, range_: str, encoder_output: str, decoder_output: str
) -> None:
    bundle = take(name)
    adopted, metrics = bundle.card.model.adopted, bundle.card.metrics
    assert adopted.conventions["--range"] == range_
    assert adopted.conventions["--encoder-output"] == encoder_output
    assert adopted.conventions["--decoder-output"] == decoder_output
    assert metrics.squared_error < 0.03
    assert (metrics.neg_elbo is None) == (name == "mean")
    assert any("comes first" in note for note in adopted.notes) == (name in ("swapped", "drawn"))
    assert any("at random" in note for note in adopted.notes) == (name == "drawn")


Node = tuple[str, list[str], str, dict[str, Any]]
"""Kind, inputs, output and attributes."""


def rewired(path: Path, outputs: list[str], *nodes: Node) -> Path:
    """Write the plain encoder (outputs MEAN, LOG_VAR) with more nodes and other outputs."""
    return _with_nodes(path, "encoder", ["MEAN", "LOG_VAR"], outputs, nodes)


def decoder_with(path: Path, outputs: list[str], *nodes: Node) -> Path:
    """Write the plain decoder (output IMAGE) with more nodes and other outputs."""
    return _with_nodes(path, "decoder", ["IMAGE"], outputs, nodes)


def _with_nodes(
    path: Path, half: str, own: list[str], outputs: list[str], nodes: Sequence[Node]
) -> Path:
    model = onnx.load(MODELS / f"plain-{half}.onnx")
    graph = model.graph
    names = dict(zip(own, (output.name for output in graph.output), strict=True))
    constants = {"half": np.float32(0.5), "last": np.array([2]), "flat": np.array([0, -1])}
    constants |= {"first": np.array([0]), "end": np.array([1]), "axes": np.array([1])}
    constants["zero"] = np.float32(0.0)
    graph.initializer.extend(
        numpy_helper.from_array(np.asarray(v), n) for n, v in constants.items()
    )
    for kind, inputs, output, attributes in nodes:
        given = [names.get(name, name) for name in inputs]
        graph.node.append(helper.make_node(kind, given, [output], **attributes))
    del graph.output[:]
    graph.output.extend(
        helper.make_tensor_value_info(names.get(name, name), TensorProto.FLOAT, None)
        for name in outputs
    )
    onnx.save(model, path)
    return path


STD: tuple[Node, ...] = ("Mul", ["LOG_VAR", "half"], "log_std", {}), ("Exp", ["log_std"], "std", {})
IN_ONE: dict[str, list[Node]] = {
    "concatenated": [("Concat", ["MEAN", "LOG_VAR"], "both", {"axis": 1})],
    "concatenated,swapped": [("Concat", ["LOG_VAR", "MEAN"], "both", {"axis": 1})],
    "concatenated,std": [*STD, ("Concat", ["MEAN", "std"], "both", {"axis": 1})],
    "concatenated,swapped,std": [*STD, ("Concat", ["std", "MEAN"], "both", {"axis": 1})],
    "interleaved": [
        ("Unsqueeze", ["MEAN", "last"], "one", {}),
        ("Unsqueeze", ["LOG_VAR", "last"], "other", {}),
        ("Concat", ["one", "other"], "pairs", {"axis": 2}),
        ("Reshape", ["pairs", "flat"], "both", {}),
    ],
}


@pytest.mark.parametrize("output", IN_ONE)
def test_means_and_spreads_in_one_output_are_told_apart(
    take: Any, tmp_path: Path, output: str
) -> None:
    path = rewired(tmp_path / "encoder.onnx", ["both"], *IN_ONE[output])
    card = take("plain", encoder=path).card
    assert card.model.adopted.conventions["--encoder-output"] == output
    (tmp_path / "plain").rename(tmp_path / "kept")
    plain = take("plain").card.metrics
    assert card.metrics.neg_elbo == pytest.approx(plain.neg_elbo, abs=0.01)
    assert card.metrics.kl == pytest.approx(plain.kl, abs=0.01)


@pytest.mark.parametrize("output", ["channels", "channels,swapped,std"])
def test_channels_of_means_and_spreads_at_each_place_are_told_apart(
    take: Any, tmp_path: Path, output: str
) -> None:
    """Latents of 2 × 1 × 2 with channels last, whose fourth number the decoder ignores."""
    spread = "std" if "std" in output else "LOG_VAR"
    halves = ["spreads", "means"] if "swapped" in output else ["means", "spreads"]
    nodes: list[Node] = [
        ("Constant", [], "places", {"value": numpy_helper.from_array(np.array([-1, 2, 1, 2]))}),
        *STD,
    ]
    for values, name in (("MEAN", "means"), (spread, "spreads")):
        nodes += [
            ("Slice", [values, "first", "end", "axes"], f"one of {name}", {}),
            ("Concat", [values, f"one of {name}"], f"four {name}", {"axis": 1}),
            ("Reshape", [f"four {name}", "places"], name, {}),
        ]
    encoder = rewired(
        tmp_path / "encoder.onnx", ["both"], *nodes, ("Concat", halves, "both", {"axis": -1})
    )
    model = onnx.load(MODELS / "plain-decoder.onnx")
    (port,) = model.graph.input
    for name, value in (("start", 0), ("stop", 3), ("axis", 1)):
        model.graph.initializer.append(numpy_helper.from_array(np.array([value]), name))
    model.graph.node.insert(
        0, helper.make_node("Slice", ["four", "start", "stop", "axis"], [port.name])
    )
    port.CopyFrom(helper.make_tensor_value_info("four", TensorProto.FLOAT, ["n", 4]))
    onnx.save(model, tmp_path / "decoder.onnx")
    card = take("plain", encoder, tmp_path / "decoder.onnx").card
    assert card.model.adopted.conventions["--encoder-output"] == output
    (tmp_path / "plain").rename(tmp_path / "kept")
    plain = take("plain").card.metrics
    assert card.metrics.squared_error == pytest.approx(plain.squared_error, rel=1e-3)
    assert card.metrics.kl_per_dimension[:3] == pytest.approx(plain.kl_per_dimension, abs=0.01)


def test_a_spread_that_is_never_negative_is_asked_about(take: Any, tmp_path: Path) -> None:
    variance: Node = ("Exp", ["LOG_VAR"], "squares", {})
    path = rewired(tmp_path / "encoder.onnx", ["MEAN", "squares"], variance)
    adopted = take("plain", encoder=path).card.model.adopted
    assert adopted.conventions["--encoder-output"] == "mean,std"
    assert any("or mean,variance (variance)" in note for note in adopted.notes)
    (tmp_path / "plain").rename(tmp_path / "kept")
    said = take("plain", encoder=path, encoder_output="mean,variance").card
    assert not any("variance" in note for note in said.model.adopted.notes)
    (tmp_path / "plain").rename(tmp_path / "said")
    assert said.metrics.kl == pytest.approx(take("plain").card.metrics.kl, abs=0.01)


def test_means_and_variances_in_one_output_may_be_stated(
    take: Any, tmp_path: Path, said: list[str]
) -> None:
    nodes: list[Node] = [
        ("Exp", ["LOG_VAR"], "squares", {}),
        ("Concat", ["MEAN", "squares"], "both", {"axis": 1}),
    ]
    path = rewired(tmp_path / "encoder.onnx", ["both"], *nodes)
    taken = take("plain", encoder=path, encoder_output="concatenated,variance").card
    (tmp_path / "plain").rename(tmp_path / "kept")
    assert taken.metrics.kl == pytest.approx(take("plain").card.metrics.kl, abs=0.01)


@pytest.mark.parametrize(
    ("name", "nodes", "output", "words"),
    [
        ("log_std", [("Identity", ["LOG_VAR"], "log_std", {})], "mean,log_std", "is by its name"),
        (
            "logvar",
            [("Abs", ["LOG_VAR"], "logvar", {})],
            "mean,log_var",
            "never negative and is by",
        ),
        ("sigma", [("Identity", ["LOG_VAR"], "sigma", {})], "mean,log_var", "for some images and"),
        ("log_precision", [("Abs", ["LOG_VAR"], "log_precision", {})], "mean", "a precision"),
        (
            "log_concentration",  # of a von Mises–Fisher
            [("ReduceMean", ["LOG_VAR"], "log_concentration", {"axes": [1]})],
            "mean",
            "a precision",
        ),
    ],
)
def test_names_of_spreads_decide_if_the_sign_allows_it(
    take: Any, tmp_path: Path, name: str, nodes: list[Node], output: str, words: str
) -> None:
    path = rewired(tmp_path / "encoder.onnx", ["MEAN", name], *nodes)
    adopted = take("plain", encoder=path).card.model.adopted
    assert adopted.conventions["--encoder-output"] == output
    assert any(repr(name) in note and words in note for note in adopted.notes)


def test_a_reading_of_the_spread_with_a_smaller_elbo_is_told(
    take: Any, tmp_path: Path, said: list[str]
) -> None:
    """Only the −ELBO distinguishes log-variances from log standard deviations."""
    log_std: Node = ("Mul", ["LOG_VAR", "half"], "spread", {})
    path = rewired(tmp_path / "encoder.onnx", ["MEAN", "spread"], log_std)
    taken = take("plain", encoder=path)
    assert taken.card.model.adopted.conventions["--encoder-output"] == "mean,log_var"
    (told,) = (line for line in said if "would give" in line)
    assert "--encoder-output mean,log_std" in told and told in taken.card.model.adopted.notes
    (tmp_path / "plain").rename(tmp_path / "kept")
    said.clear()
    right = take("plain", encoder=path, encoder_output="mean,log_std").card
    (tmp_path / "plain").rename(tmp_path / "right")
    plain = take("plain").card
    assert not any("would give" in line for line in said)
    assert right.metrics.kl == pytest.approx(plain.metrics.kl, abs=0.01)


def test_means_are_decoded_once_for_all_spreads(
    take: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of an encoder that gives mean, log-variance, standard deviation and variance."""
    decoded: list[bytes] = []
    same_twice = Runner.same_twice

    def count(runner: Runner, z: np.ndarray) -> dict[str, np.ndarray]:
        decoded.append(z.tobytes())
        return same_twice(runner, z)

    monkeypatch.setattr(Runner, "same_twice", count)
    variance: Node = ("Exp", ["LOG_VAR"], "variance", {})
    path = rewired(tmp_path / "e.onnx", ["MEAN", "LOG_VAR", "std", "variance"], *STD, variance)
    assert take("plain", path).card.metrics.squared_error < 0.03
    assert all(one != other for one, other in pairwise(decoded))


def test_a_spread_that_is_not_finite_is_not_used_and_told(take: Any, tmp_path: Path) -> None:
    nothing: Node = ("Sub", ["LOG_VAR", "LOG_VAR"], "nothing", {})
    nan: Node = ("Div", ["nothing", "nothing"], "nan", {})
    path = rewired(tmp_path / "encoder.onnx", ["MEAN", "nan"], nothing, nan)
    adopted = take("plain", encoder=path).card.model.adopted
    assert adopted.conventions["--encoder-output"] == "mean"
    assert (
        "'nan' of encoder.onnx is NaN or infinite for some images and was not used" in adopted.notes
    )


FLAT: Node = ("Mul", ["IMAGE", "zero"], "nothing", {})


@pytest.mark.parametrize(
    "outputs", [["nothing", "IMAGE"], ["IMAGE", "nothing"], ["pooled", "IMAGE"]]
)
def test_of_a_decoders_outputs_that_with_the_images_is_taken(
    take: Any, tmp_path: Path, outputs: list[str]
) -> None:
    pooled: Node = ("GlobalAveragePool", ["IMAGE"], "pooled", {})
    path = decoder_with(tmp_path / "decoder.onnx", outputs, FLAT, pooled)
    card = take("plain", decoder=path).card
    (other,) = {*outputs} - {"IMAGE"}
    assert f"'14' of decoder.onnx is taken as the images, not '{other}'" in card.model.adopted.notes
    assert card.metrics.squared_error < 0.03


def test_what_an_output_of_the_encoder_is_not_taken_for_is_told(take: Any, tmp_path: Path) -> None:
    divergence: Node = ("ReduceMean", ["LOG_VAR"], "kl", {"axes": [1], "keepdims": 1})
    path = rewired(tmp_path / "encoder.onnx", ["MEAN", "kl"], divergence)
    card = take("plain", path).card
    told = "'kl' of encoder.onnx has 1 number for a latent of 3 and was not used"
    assert told in card.model.adopted.notes
    (tmp_path / "plain").rename(tmp_path / "first")
    code: Node = ("Round", ["MEAN"], "code", {})
    card = take("plain", rewired(tmp_path / "encoder.onnx", ["code"], code)).card
    assert any("'code' of encoder.onnx gives whole" in note for note in card.model.adopted.notes)


def test_what_outputs_do_in_other_ranges_is_not_told(take: Any, tmp_path: Path) -> None:
    path = rewired(
        tmp_path / "encoder.onnx",
        ["z", "MEAN", "LOG_VAR"],
        ("ReduceMax", ["x"], "most", {"keepdims": 0}),
        ("Mul", ["most", "half"], "less", {}),
        ("Floor", ["less"], "steps", {}),  # 0 for images in [0, 1], 127 for those up to 255
        ("Sub", ["half", "steps"], "rest", {}),
        ("Relu", ["rest"], "scale", {}),
        ("RandomNormalLike", ["MEAN"], "noise", {}),
        ("Mul", ["noise", "scale"], "scaled", {}),
        ("Add", ["MEAN", "scaled"], "z", {}),
    )
    notes = take("plain", path).card.model.adopted.notes
    assert any("'z' of encoder.onnx is drawn at random" in note for note in notes)
    assert not any("repeats" in note for note in notes)


def test_results_that_depend_on_the_batch_or_lack_one_are_named(
    take: Any, refusal: Any, tmp_path: Path
) -> None:
    average: Node = ("ReduceMean", ["MEAN"], "average", {"axes": [0], "keepdims": 1})
    less: Node = ("Sub", ["MEAN", "average"], "less", {})
    path = rewired(tmp_path / "encoder.onnx", ["less", "LOG_VAR"], average, less)
    assert "depend on the other images in the batch" in refusal("plain", path)
    stacked: list[Node] = [
        ("Unsqueeze", ["MEAN", "first"], "one", {}),
        ("Unsqueeze", ["LOG_VAR", "first"], "other", {}),
        ("Concat", ["one", "other"], "both", {"axis": 0}),
    ]
    told = refusal("plain", rewired(tmp_path / "encoder.onnx", ["both"], *stacked))
    assert "gives 2 results for 8 images; expected one for each" in told
    noise: Node = ("Add", ["MEAN", "average"], "noise", {})  # an output that is of no use alone
    path = rewired(tmp_path / "encoder.onnx", ["noise", "MEAN", "LOG_VAR"], average, noise)
    assert "'noise' of encoder.onnx depends on the batch and was not used" in (
        take("plain", path).card.model.adopted.notes
    )
    shutil.rmtree(tmp_path / "plain")
    (tmp_path / "bare.onnx").write_bytes(simple_graph(inputs=3, axes=[]))
    assert "(3), which has no axis for the batch" in refusal("plain", None, tmp_path / "bare.onnx")


def test_outputs_that_are_not_the_spread_are_told_apart(take: Any, tmp_path: Path) -> None:
    """A draw with fixed noise, one that ONNX cannot compute, and features of the latent's size."""
    noise = numpy_helper.from_array(np.array([0.3, -1.1, 0.7], np.float32))
    draw: tuple[Node, ...] = (
        *STD,
        ("Constant", [], "noise", {"value": noise}),
        ("Mul", ["std", "noise"], "step", {}),
        ("Add", ["MEAN", "step"], "draw", {}),
        ("StatelessRandomNormalV2", ["MEAN"], "other draw", {}),
    )
    outputs = ["other draw", "draw", "MEAN", "LOG_VAR"]
    card = take("plain", rewired(tmp_path / "encoder.onnx", outputs, *draw)).card
    notes = card.model.adopted.notes
    assert "'draw' of encoder.onnx looks like a draw of z and was not used" in notes
    assert any("'other draw' of encoder.onnx needs StatelessRandomNormalV2" in one for one in notes)
    (tmp_path / "plain").rename(tmp_path / "first")
    features: Node = ("Abs", ["LOG_VAR"], "features", {})
    path = rewired(tmp_path / "encoder.onnx", ["features", "MEAN", "LOG_VAR"], features)
    second = take("plain", path).card
    assert second.metrics.kl == pytest.approx(card.metrics.kl, abs=0.01)
    (tmp_path / "plain").rename(tmp_path / "second")
    variance: Node = ("Exp", ["LOG_VAR"], "z_variance", {})
    path = rewired(
        tmp_path / "encoder.onnx", ["features", "z_variance", "MEAN"], features, variance
    )
    third = take("plain", path).card
    assert third.model.adopted.conventions["--encoder-output"] == "mean,variance"
    assert third.metrics.kl == pytest.approx(card.metrics.kl, abs=0.01)


CUT: Node = ("Slice", ["x", "start", "end", "axes"], "cut", {})
PAD: Node = ("Pad", ["inner", "pads"], "all", {})


def with_border(
    path: Path, half: str, before: list[Node], after: list[Node], name: str = "plain"
) -> Path:
    """Write half of a model, of 12 × 12 pixels, with other nodes before and behind it."""
    model = onnx.load(MODELS / f"{name}-{half}.onnx")
    graph, nodes = model.graph, list(model.graph.node)
    constants = {"start": [2, 2], "end": [14, 14], "axes": [2, 3], "pads": [0, 0, 2, 2] * 2}
    constants |= {"none": [0, 0], "single": [1, 1]}
    graph.initializer.extend(numpy_helper.from_array(np.array(v), n) for n, v in constants.items())
    graph.initializer.append(numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "scales"))
    del graph.node[:]
    for kind, inputs, output, attributes in before:
        graph.node.append(helper.make_node(kind, inputs, [output], **attributes))
        nodes[0].input[0] = output
    if after:
        nodes[-1].output[0] = "inner"
    graph.node.extend(nodes)
    for kind, inputs, output, attributes in after:
        graph.node.append(helper.make_node(kind, inputs, [output], **attributes))
        del graph.output[:]
        graph.output.append(helper.make_tensor_value_info(output, TensorProto.FLOAT, None))
    if before:
        side = 16 if before[0][0] == "Slice" else 24
        graph.input[0].CopyFrom(
            helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 1, side, side])
        )
    onnx.save(model, path)
    return path


def test_a_colour_of_the_padding_that_the_images_do_not_settle_is_doubted() -> None:
    black = with_range(candidate(UNIT, "probability", 0.02), "-1,1")
    black = replace(black, encoder=replace(black.encoder, padding=2))
    grey = replace(black, encoder=replace(black.encoder, is_grey_border=True))
    near = replace(grey, errors=1.01 * grey.errors)
    (note,) = notes_on_border(black, [black, near])
    assert "taken as black, but as grey it reconstructs as well" in note
    assert "encode(F.pad(x, (2,) * 4))" in note
    assert not [*notes_on_border(black, [black, replace(grey, errors=1.2 * grey.errors)])]


def padded_plain(folder: Path) -> tuple[Path, Path]:
    """Write the plain model with two pixels of padding."""
    return (
        with_border(folder / "e.onnx", "encoder", [CUT], []),
        with_border(folder / "d.onnx", "decoder", [], [PAD]),
    )


def test_a_model_of_padded_images_takes_the_images_as_they_are(
    take: Any, tmp_path: Path, said: list[str]
) -> None:
    plain, bundle = take("plain"), take("padded", *padded_plain(tmp_path))
    assert bundle.card.data == plain.card.data  # 12 × 12 pixels, nothing resized
    assert bundle.card.metrics == plain.card.metrics
    assert bundle.card.model.adopted.conventions["--padding"] == "2"
    assert any("2 black pixels on each side" in line for line in said)


def test_images_may_have_been_padded_after_they_were_normalised(take: Any, tmp_path: Path) -> None:
    corner: Node = ("Slice", ["x", "none", "single", "axes"], "left", {})
    shifted: Node = ("Add", ["cut", "left"], "sum", {})  # which a border of −1 in place of 0 spoils
    files = (
        with_border(tmp_path / "e.onnx", "encoder", [CUT, corner, shifted], [], "signed"),
        with_border(tmp_path / "d.onnx", "decoder", [], [PAD], "signed"),
    )
    plain, bundle = take("signed"), take("padded", *files)
    assert bundle.card.data == plain.card.data
    assert bundle.card.metrics == plain.card.metrics
    conventions = bundle.card.model.adopted.conventions
    assert (conventions["--padding"], conventions["--range"]) == ("2", "-1,1")
    assert conventions["padded"] == "after --range (grey)"
    assert any("2 grey pixels on each side" in note for note in bundle.card.model.adopted.notes)


@pytest.mark.parametrize("padding", [0, 4])
def test_a_padding_that_contradicts_the_model_is_refused(
    refusal: Any, tmp_path: Path, padding: int
) -> None:
    sentence = refusal("padded", *padded_plain(tmp_path), padding=padding)
    assert f"does not agree with --padding {padding}" in sentence
    assert "with --padding 2 11 %; give that" in sentence


def test_a_padding_that_leaves_nothing_is_refused(refusal: Any, tmp_path: Path) -> None:
    sentence = refusal("padded", *padded_plain(tmp_path), padding=8)
    assert sentence == "--padding 8 leaves nothing of images of 16 × 16 pixels"


def test_a_padding_that_makes_a_model_worse_is_doubted() -> None:
    stated = candidate(UNIT, "probability", 0.03)
    other = replace(stated, encoder=replace(stated.encoder, padding=2), errors=stated.errors / 1.5)
    told = "with it the squared error is 30 % of that of the images' average, but with --padding 2"
    assert choose_framing([stated, other], [0.1, 0.1], is_known=True) == (
        0,
        [f"--padding 0 may be wrong: {told} 20 %"],
    )
    assert choose_framing([other, stated], [0.1, 0.1], is_known=True) == (0, [])


def test_of_the_framing_that_loses_only_some_images_are_read(
    take: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts: dict[int, int] = {}

    def read(part: Part, indices: np.ndarray | None, form: Form, report: Report) -> Split:
        split = read_part(part, indices, form, report)
        counts[form.shape[0]] = max(counts.get(form.shape[0], 0), len(split.images))
        return split

    monkeypatch.setattr(load, "read_part", read)
    monkeypatch.setattr(adopt, "MEASURED", 40)
    bundle = take("padded", *padded_plain(tmp_path))
    assert counts == {12: bundle.card.data.train_images, 16: 40}


def test_a_model_of_resized_images_takes_them_resized(take: Any, tmp_path: Path) -> None:
    pool = {"kernel_shape": [2, 2], "strides": [2, 2]}
    doubled = (
        with_border(tmp_path / "e.onnx", "encoder", [("AveragePool", ["x"], "half", pool)], []),
        with_border(
            tmp_path / "d.onnx", "decoder", [], [("Resize", ["inner", "", "scales"], "all", {})]
        ),
    )
    bundle = take("doubled", *doubled)
    assert bundle.card.data.image_shape == (24, 24, 1)
    assert "--padding" not in bundle.card.model.adopted.conventions
    assert any("resized images" in note for note in bundle.card.model.adopted.notes)


def test_padded_or_resized_is_asked_for_where_the_errors_do_not_tell() -> None:
    resized = candidate(UNIT, "probability", 0.02)
    padded = replace(resized, encoder=replace(resized.encoder, padding=2))
    with pytest.raises(AdoptionError, match="give --padding 2 or --padding 0"):
        choose_framing([padded, resized], [0.1, 0.1])
    assert choose_framing([padded, resized], [0.1, 0.05])[0] == 0  # 20 % of 0.1, 40 % of 0.05
    assert choose_framing([padded, resized], [0.02, 0.02]) == (1, [])  # of neither kind


def candidate(
    range_: PixelRange, decoder: DecoderOutput, error: float, slope: float = 1.0, **further: Any
) -> Candidate:
    """Return a way to read a model of pixels in 0..1, whose decoder gives ``range_``."""
    errors = error * np.linspace(0.5, 1.5, 50)  # images differ
    return Candidate(
        EncoderConvention("nhwc", (8, 8, 1), UNIT, "mean", "z"),
        DecoderConvention("nhwc", range_, decoder, "x", (2,)),
        errors, slope, **{"fills": False} | further,
    )  # fmt: skip


def with_range(one: Candidate, name: str) -> Candidate:
    """Return the way with another range of the encoder's pixels."""
    return replace(one, encoder=replace(one.encoder, range=parse_range(name)))


def test_timid_logits_are_no_images_of_another_range() -> None:
    cut = candidate(SIGNED, "mean", 0.05, slope=0.02)
    logits = candidate(UNIT, "logit", 0.06, slope=1.2)
    assert choose([cut, logits], Known(), 0.1) == logits
    assert choose([replace(cut, slope=0.9), logits], Known(), 0.1).decoder.output == "mean"


def test_a_way_that_is_a_little_worse_for_nearly_every_image_is_no_rival() -> None:
    best = candidate(UNIT, "probability", 0.05)
    for factor, is_told in ((1.04, True), (1.06, False)):
        other = replace(with_range(best, "-1,1"), errors=factor * best.errors)
        ways = [best, other]
        if is_told:
            with pytest.raises(ExplorerError, match="do not settle --range 0,1 or -1,1"):
                choose(ways, Known(), 0.1)
        else:
            assert choose(ways, Known(), 0.1) == best
    noise = np.where(np.arange(50) % 2, 0.02, -0.014)  # as large on average, but by chance
    ways[1] = replace(other, errors=best.errors + noise)
    with pytest.raises(ExplorerError, match="do not settle"):
        choose(ways, Known(), 0.1)


def test_the_question_names_all_rivals_and_flags_that_settle_it() -> None:
    best = candidate(SIGNED, "mean", 0.05, fills=True)
    ways = [best, with_range(best, "-1,1"), with_range(best, "0.5,1")]
    with pytest.raises(ExplorerError, match="do not settle --range 0,1 or -1,1 or 0.5,1 \\("):
        choose(ways, Known(), 0.1)
    for one in ways:
        assert choose(ways, Known(range=one.encoder.range), 0.1) == one
    plain = candidate(UNIT, "mean", 0.05, fills=True)
    with pytest.raises(ExplorerError, match="--decoder-range -1,1 or 0,1 .*: give the flag$"):
        choose([best, plain], Known(), 0.1)
    assert choose([best, plain], Known(decoder_range=UNIT), 0.1) == plain


def test_another_range_of_the_decoder_needs_no_flag(
    take: Any, refusal: Any, tmp_path: Path, tiny_settings: dict[str, Any]
) -> None:
    """The encoder takes 0..1, the decoder gives −1..1."""
    count = len(np.load(tiny_settings["data"])["x_test"])
    two = numpy_helper.from_array(np.array(2.0, np.float32))
    one = numpy_helper.from_array(np.array(1.0, np.float32))
    nodes: tuple[Node, ...] = (
        ("Constant", [], "two", {"value": two}),
        ("Constant", [], "one", {"value": one}),
        ("Mul", ["IMAGE", "two"], "doubled", {}),
        ("Sub", ["doubled", "one"], "signed", {}),
    )
    decoder = decoder_with(tmp_path / "decoder.onnx", ["signed"], *nodes)
    for flags in ({}, {"range": UNIT}, {"range": UNIT, "decoder_range": SIGNED}):
        card = take("plain", decoder=decoder, **flags).card
        assert card.model.adopted.conventions["--decoder-range"] == "-1,1"
        assert card.metrics.squared_error < 0.03
        shutil.rmtree(tmp_path / "plain")
    told = refusal("plain", decoder=decoder, decoder_range=UNIT)
    assert "with --layout nchw, --range 0,1, --decoder-range -1,1" in told
    assert f"squared error of {count} images" in told


def test_another_order_of_the_classes_is_noticed() -> None:
    """The decoder draws its class as a level of grey; classes 1 and 2 are exchanged."""

    def codec_of(level: float) -> Codec:
        logit = float(np.log(level / (1 - level)))
        nothing = GaussianPosterior(lambda x: (np.zeros((len(x), 1)), np.zeros((len(x), 1))))
        return Codec(nothing, lambda z: np.full((len(z), 2, 2, 1), logit), "bernoulli")

    labels = np.arange(30) % 3
    images = np.broadcast_to((0.2 + 0.3 * labels)[:, None, None, None], (30, 2, 2, 1))
    for levels, told in (
        ((0.2,), ""),
        ((0.2, 0.5, 0.8), ""),
        ((0.2, 0.8, 0.5), "b as c, c as b; if"),
        ((0.2, 0.2, 0.2), "the class changes no picture"),
    ):
        codecs = tuple(map(codec_of, levels))
        said: list[str] = []
        rows = labels < len(levels)
        codec = replace(codecs[0], by_class=codecs)
        report_classes(codec, images[rows], labels[rows], "abc", said.append)
        assert told in "".join(said) and bool(said) == bool(told)


def test_pixels_in_a_row_may_have_axes_of_one_and_free_channels_follow_from_the_graph(
    take: Any, tmp_path: Path
) -> None:
    model = onnx.load(MODELS / "plain-encoder.onnx")
    (port,) = model.graph.input
    shape = numpy_helper.from_array(np.array([-1, 1, 12, 12]), "shape")
    model.graph.initializer.append(shape)
    model.graph.node.insert(0, helper.make_node("Reshape", ["row", "shape"], [port.name]))
    port.CopyFrom(helper.make_tensor_value_info("row", TensorProto.FLOAT, ["n", 1, 144]))
    onnx.save(model, tmp_path / "encoder.onnx")
    assert take("plain", tmp_path / "encoder.onnx").card.metrics.squared_error < 0.03
    for size, is_flat in (((784,), True), ((784, 1), True), ((28, 28), False), ((None,), False)):
        assert Port("x", size).is_flat == is_flat
    graph = read_given_graph(tmp_path / "any.onnx", free_convolution(channels=3))
    assert graph.inputs[0].shape == (3, None, None)
    assert image_forms(graph) == [("nchw", None)]


def free_convolution(channels: int) -> bytes:
    """Return a graph of one convolution, whose input may have any shape."""
    weights = numpy_helper.from_array(np.ones((2, channels, 3, 3), np.float32), "weights")
    ports = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", "c", "h", "w"])
        for name in ("x", "y")
    ]
    node = helper.make_node("Conv", ["x", "weights"], ["y"])
    graph = helper.make_graph([node], "free", ports[:1], ports[1:], [weights])
    opset = helper.make_opsetid("", 17)
    content: bytes = helper.make_model(
        graph, opset_imports=[opset], ir_version=8
    ).SerializeToString()
    return content


def test_channels_in_the_order_of_opencv_are_noticed() -> None:
    images = np.random.default_rng(0).uniform(size=(20, 4, 4, 3)).astype(np.float32)
    images[..., 2] *= 0.2  # of a model that has seen little of the last colour
    order = {"rgb": slice(None), "bgr": slice(None, None, -1)}

    def codec_of(taken: slice, given: slice) -> Codec:
        """Return the codec of a model that takes and gives the channels in some order."""

        def encode(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            return x[..., taken].reshape(len(x), -1), np.zeros((len(x), 48), np.float32)

        def decode(z: np.ndarray) -> np.ndarray:
            values = z.reshape(-1, 4, 4, 3).clip(1e-3, 1 - 1e-3) * [1, 1, 0.2]
            return np.asarray(np.log(values / (1 - values)))[..., given]

        return Codec(GaussianPosterior(encode), decode, "bernoulli")

    for taken, given, told in (
        ("rgb", "rgb", ""),
        ("bgr", "bgr", "let both graphs exchange"),
        ("bgr", "rgb", "let the encoder exchange"),
        ("rgb", "bgr", "let the decoder exchange"),
    ):
        codec, said = codec_of(order[taken], order[given]), list[str]()
        labels = np.zeros(20, np.int64)
        reconstructions = codec.decode(codec.encode(images)[0])
        report_channel_order(codec, reconstructions, images, labels, said.append)
        assert told in "".join(said) and bool(said) == bool(told)


def test_a_contrast_that_is_not_that_of_the_images_is_told(take: Any, tmp_path: Path) -> None:
    scale = numpy_helper.from_array(np.array(0.4, np.float32))
    half: tuple[Node, ...] = (
        ("Constant", [], "scale", {"value": scale}),
        ("Mul", ["IMAGE", "scale"], "pale", {}),
    )
    path = decoder_with(tmp_path / "decoder.onnx", ["pale"], *half)
    card = take("plain", decoder=path, range=UNIT, decoder_output="mean").card
    assert any("fit better with 2." in note for note in card.model.adopted.notes)


def test_a_range_that_the_decoder_fills_is_the_likelier_one() -> None:
    exact = candidate(parse_range("0.1307,0.3081"), "mean", 0.05, slope=1.8)
    filling = candidate(UNIT, "probability", 0.06, fills=True)
    assert choose([exact, filling], Known(), 0.1) == filling
    with pytest.raises(ExplorerError, match="do not settle"):
        near = candidate(parse_range("0.1307,0.3081"), "mean", 0.059, slope=1.8)
        choose([near, replace(filling, fills=False)], Known(), 0.1)


def test_exchanged_files_are_named_whatever_the_size_of_the_latent(
    refusal: Any, tmp_path: Path
) -> None:
    (tmp_path / "d.onnx").write_bytes(simple_graph(inputs=4, outputs=144))
    (tmp_path / "e.onnx").write_bytes(simple_graph(inputs=144, outputs=4))
    told = refusal("plain", tmp_path / "d.onnx", tmp_path / "e.onnx")
    assert told.startswith("d.onnx takes 4 numbers in a row")
    assert told.endswith("are --encoder and --decoder exchanged?")


@pytest.mark.parametrize("kind", ["FLOAT16", "BFLOAT16", "DOUBLE"])
def test_another_precision_becomes_single_precision(
    take: Any, tmp_path: Path, tiny_settings: dict[str, Any], kind: str
) -> None:
    number = TensorProto.DataType.Value(kind)
    for half in ("encoder", "decoder"):
        model = onnx.load(MODELS / f"plain-{half}.onnx")
        for tensor in model.graph.initializer:
            if tensor.data_type == TensorProto.FLOAT:
                values = numpy_helper.to_array(tensor)
                other = values.astype(helper.tensor_dtype_to_np_dtype(number))
                tensor.CopyFrom(numpy_helper.from_array(other, tensor.name))
        for value in (*model.graph.input, *model.graph.output):
            value.type.tensor_type.elem_type = number
        onnx.save(model, tmp_path / f"{half}.onnx")
    bundle = take("plain", tmp_path / "encoder.onnx", tmp_path / "decoder.onnx")
    assert any("here in single precision" in note for note in bundle.card.model.adopted.notes)
    images = np.load(tiny_settings["data"])["x_test"][:5, ..., np.newaxis].astype(np.float32) / 255
    mean, _ = run(MODELS / "plain-encoder.onnx", images.transpose(0, 3, 1, 2))
    near = {"FLOAT16": 5e-3, "BFLOAT16": 5e-2, "DOUBLE": 1e-5}[kind]  # of rounded weights
    np.testing.assert_allclose(bundle.codec.encode(images)[0], mean, atol=near)


@pytest.mark.parametrize("kind", ["UINT8", "INT64"])
def test_pixels_as_integers_are_taken_and_bytes_given(
    take: Any, tmp_path: Path, tiny_settings: dict[str, Any], kind: str
) -> None:
    """As of ``encode(pixels / 255)`` and ``(255 * decode(z)).round().to(torch.uint8)``."""
    encoder, decoder = (onnx.load(MODELS / f"plain-{half}.onnx") for half in ("encoder", "decoder"))
    (port,), (output,) = encoder.graph.input, decoder.graph.output
    for graph in (encoder.graph, decoder.graph):
        graph.initializer.append(numpy_helper.from_array(np.array(255, np.float32), "most"))
    for node in (
        helper.make_node("Div", ["numbers", "most"], [port.name]),
        helper.make_node("Cast", ["bytes"], ["numbers"], to=TensorProto.FLOAT),
    ):
        encoder.graph.node.insert(0, node)
    decoder.graph.node.extend(
        [
            helper.make_node("Mul", [output.name, "most"], ["levels"]),
            helper.make_node("Round", ["levels"], ["whole"]),
            helper.make_node("Cast", ["whole"], ["picture"], to=TensorProto.UINT8),
        ]
    )
    port.name, output.name = "bytes", "picture"
    port.type.tensor_type.elem_type = TensorProto.DataType.Value(kind)
    output.type.tensor_type.elem_type = TensorProto.UINT8
    onnx.save(encoder, tmp_path / "encoder.onnx")
    onnx.save(decoder, tmp_path / "decoder.onnx")
    bundle = take("plain", tmp_path / "encoder.onnx", tmp_path / "decoder.onnx")
    assert bundle.card.model.adopted.conventions["--range"] == "0,255"
    images = np.load(tiny_settings["data"])["x_test"][:5, ..., np.newaxis]
    mean, log_var = run(
        MODELS / "plain-encoder.onnx", images.transpose(0, 3, 1, 2) / np.float32(255)
    )
    z_mean, z_log_var = bundle.codec.encode(images.astype(np.float32) / 255)
    np.testing.assert_allclose(z_mean, mean, atol=1e-5)
    np.testing.assert_allclose(z_log_var, log_var, atol=1e-5)
    (picture,) = run(MODELS / "plain-decoder.onnx", mean)
    decoded = bundle.codec.decode(mean).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(decoded, np.round(255 * picture) / 255, atol=1e-5)


def test_outputs_that_are_no_numbers_for_each_image_are_left_alone(
    take: Any, tmp_path: Path
) -> None:
    label: Node = ("ArgMax", ["MEAN"], "cluster", {"axis": 1})
    loss: Node = ("ReduceMean", ["LOG_VAR"], "loss", {"keepdims": 0})
    outputs = ["loss", "MEAN", "LOG_VAR", "cluster"]
    encoder = rewired(tmp_path / "encoder.onnx", outputs, label, loss)
    model = onnx.load(encoder)
    model.graph.output[-1].type.tensor_type.elem_type = TensorProto.INT64
    onnx.save(model, encoder)
    prior = numpy_helper.from_array(np.zeros(3, np.float32))
    scale: Node = ("Constant", [], "scale", {"value": prior})
    alone: Node = ("ReduceMean", ["IMAGE"], "one number", {"keepdims": 0})
    outputs = ["scale", "one number", "IMAGE"]
    decoder = decoder_with(tmp_path / "decoder.onnx", outputs, scale, alone)
    card = take("plain", encoder, decoder).card
    assert card.model.adopted.conventions["--encoder-output"] == "mean,log_var"
    assert card.metrics.squared_error < 0.03


def test_a_decoder_worse_than_the_average_or_with_too_many_channels_is_refused(
    refusal: Any, tmp_path: Path
) -> None:
    inverted: tuple[Node, ...] = (
        ("Sub", ["zero", "IMAGE"], "less", {}),
        ("Exp", ["less"], "wrong", {}),
    )
    told = refusal("plain", decoder=decoder_with(tmp_path / "decoder.onnx", ["wrong"], *inverted))
    assert "reconstructs worse than the images' average does" in told
    both: Node = ("Concat", ["IMAGE", "IMAGE"], "both", {"axis": 1})
    told = refusal("plain", decoder=decoder_with(tmp_path / "decoder.onnx", ["both"], both))
    assert "let it give the means alone, as by x[:, :1] where channels come first" in told
    nodes = [both, ("Concat", ["both", "IMAGE"], "all", {"axis": 1})]
    told = refusal("plain", decoder=decoder_with(tmp_path / "decoder.onnx", ["all"], *nodes))
    assert "as of a mixture of logistics, let it give the mean image alone" in told


def test_a_model_of_inverted_images_is_named(
    take: Any, refusal: Any, tmp_path: Path, tiny_settings: dict[str, Any]
) -> None:
    with np.load(tiny_settings["data"]) as arrays:
        negatives = {name: 255 - v if name[0] == "x" else v for name, v in arrays.items()}
    np.savez(tmp_path / "negatives.npz", **negatives)
    told = refusal("plain", data=tmp_path / "negatives.npz")
    assert told.startswith("the model seems to be of inverted images")


def test_images_that_are_all_alike_settle_nothing(
    refusal: Any, tmp_path: Path, tiny_settings: dict[str, Any]
) -> None:
    with np.load(tiny_settings["data"]) as arrays:
        black = {name: 0 * v if name[0] == "x" else v for name, v in arrays.items()}
    np.savez(tmp_path / "black.npz", **black)
    assert "are all alike, which settles nothing" in refusal("plain", data=tmp_path / "black.npz")


def whole_model(path: Path) -> Path:
    """Write the plain encoder and decoder as one model, from images to images."""
    encoder, decoder = (onnx.load(MODELS / f"plain-{half}.onnx") for half in ("encoder", "decoder"))
    both = onnx.compose.merge_models(
        onnx.compose.add_prefix(encoder, "e-", rename_inputs=False),
        onnx.compose.add_prefix(decoder, "d-"),
        io_map=[(f"e-{encoder.graph.output[0].name}", f"d-{decoder.graph.input[0].name}")],
    )
    onnx.save(both, path)
    return path


def normalised(path: Path, mean: float | np.ndarray, std: float) -> Path:
    """Write the plain encoder for pixels standardised with a mean and a standard deviation."""
    model = onnx.load(MODELS / "plain-encoder.onnx")
    (port,), nodes = model.graph.input, list(model.graph.node)
    for node in nodes:
        node.input[:] = ["pixels" if name == port.name else name for name in node.input]
    scale = helper.make_node("Mul", [port.name, "std"], ["scaled"])
    del model.graph.node[:]
    model.graph.node.extend(
        [scale, helper.make_node("Add", ["scaled", "mean"], ["pixels"]), *nodes]
    )
    for name, value in (("mean", mean), ("std", std)):
        model.graph.initializer.append(numpy_helper.from_array(np.asarray(value, np.float32), name))
    onnx.save(model, path)
    return path


def test_moments_of_a_training_are_found_out_or_asked_for(
    take: Any, refusal: Any, tmp_path: Path, tiny_settings: dict[str, Any]
) -> None:
    images = np.load(tiny_settings["data"])["x_train"] / 255
    own = f"{images.mean():.4f},{images.std():.4f}"
    near = refusal("plain", normalised(tmp_path / "near.onnx", 0.286, 0.353))
    assert f"--range {own} or 0.2860,0.3530" in near
    for text in (own, "0.1307,0.3081", "0.5,1"):
        path = normalised(tmp_path / "encoder.onnx", *map(float, text.split(",")))
        assert take("plain", path).card.model.adopted.conventions["--range"] == text
        (tmp_path / "plain").rename(tmp_path / text)


def test_a_mean_image_belongs_into_the_graphs(
    refusal: Any, tmp_path: Path, tiny_settings: dict[str, Any]
) -> None:
    mean = np.load(tiny_settings["data"])["x_train"].mean(axis=0) / 255
    picture = numpy_helper.from_array(mean.astype(np.float32))
    decoder = decoder_with(
        tmp_path / "decoder.onnx",
        ["rest"],
        ("Constant", [], "mean image", {"value": picture}),
        ("Sub", ["IMAGE", "mean image"], "rest", {}),
    )
    encoder = normalised(tmp_path / "encoder.onnx", mean, 1.0)
    told = refusal("plain", encoder, decoder)
    assert told.startswith("the model seems to be of images less a mean image")
    assert "encode(x - mean) in the export of encoder.onnx" in told


def test_a_model_of_caffe_takes_and_gives_blue_first(tmp_path: Path) -> None:
    caffe = parse_range("caffe")
    graph = read_given_graph(tmp_path / "any.onnx", simple_graph(inputs=12, outputs=12))
    images = np.random.default_rng(0).random((2, 2, 2, 3), np.float32)
    expected = 255 * images[..., ::-1] - 255 * np.array([0.4076, 0.4580, 0.4850])
    reading = EncoderConvention("nhwc", (12,), caffe, "mean", "y")
    onnx.save(adapt_encoder(graph, reading, (2, 2, 3)), tmp_path / "encoder.onnx")
    (values,) = run(tmp_path / "encoder.onnx", images)
    np.testing.assert_allclose(values, expected.reshape(2, 12), atol=1e-3)
    writing = DecoderConvention("nhwc", caffe, "mean", "y", (12,))
    onnx.save(adapt_decoder(graph, writing, (2, 2, 3)), tmp_path / "decoder.onnx")
    np.testing.assert_allclose(run(tmp_path / "decoder.onnx", values)[0], images, atol=1e-5)


def test_usual_ranges_are_those_that_images_may_have() -> None:
    def names(*shape: int, low: int, high: int) -> list[str]:
        images = np.random.default_rng(0).integers(low, high, (50, *shape), np.uint8)
        return [one.name for one in usual_ranges(images)]

    fixed = ["0,1", "-1,1", "0,255", "0.5,1"]
    assert names(8, 8, 1, low=77, high=78) == [*fixed, "0.1307,0.3081", "0.2860,0.3530"]
    *known, own = names(8, 8, 3, low=0, high=256)
    caffe = ["caffe", "0.4850,0.4580,0.4076,0.003922,0.003922,0.003922"]
    assert known == [*fixed, "0.485,0.456,0.406,0.229,0.224,0.225", *caffe]
    values = [float(value) for value in own.split(",")]
    assert values == pytest.approx([0.5] * 3 + [0.29] * 3, abs=0.01)


def test_files_that_people_mistake_are_named(refusal: Any, tmp_path: Path) -> None:
    files = [MODELS / f"plain-{part}coder.onnx" for part in ("de", "en")]
    assert refusal("plain", *files).endswith("are --encoder and --decoder exchanged?")
    told = refusal("plain", files[1], files[1])
    assert told.startswith("encoder and decoder are the same model: export the two halves")
    whole = whole_model(tmp_path / "whole.onnx")
    model = onnx.load(whole)
    model.producer_name = "another export"
    onnx.save(model, tmp_path / "again.onnx")
    told = refusal("plain", whole, tmp_path / "again.onnx")
    assert "of whole.onnx is no latent but the image or its reconstruction" in told
    told = refusal("plain", files[1], whole)
    assert told.endswith(
        "if that is an image, the file holds the whole model; give the decoder alone"
    )
    with zipfile.ZipFile(tmp_path / "model.pth", "w") as archive:
        archive.writestr("model/data.pkl", b"")
    assert "a PyTorch checkpoint (or a Keras" in refusal("plain", tmp_path / "model.pth")
    for content, kind in {
        b"\x89HDF\r\n": "HDF5",
        b"\x80\x02": "pickle",
        b"": "or is damaged",
    }.items():
        (tmp_path / "model.onnx").write_bytes(content)
        told = refusal("plain", tmp_path / "model.onnx")
        assert kind in told and told.endswith("as docs/own-models.md shows")
    (tmp_path / "damaged.keras").write_bytes(b"PK")
    assert "is no .keras file, or is damaged" in refusal("plain", tmp_path / "damaged.keras")


def test_a_model_that_has_not_learned_the_images_is_no_tie(refusal: Any, tmp_path: Path) -> None:
    model = onnx.load(MODELS / "plain-decoder.onnx")
    (output,) = model.graph.output
    model.graph.initializer.append(numpy_helper.from_array(np.zeros((), np.float32), "nothing"))
    for node in model.graph.node:
        node.output[:] = ["before" if name == output.name else name for name in node.output]
    model.graph.node.append(helper.make_node("Mul", ["before", "nothing"], [output.name]))
    onnx.save(model, tmp_path / "decoder.onnx")
    sentence = refusal("plain", decoder=tmp_path / "decoder.onnx")
    assert sentence.startswith("no way to read the model reconstructs the images clearly better")


@pytest.mark.parametrize("name", ["plain", "signed"])
def test_the_bundle_computes_what_the_files_compute(
    take: Any, name: str, tiny_settings: dict[str, Any]
) -> None:
    codec = take(name).codec
    images = np.load(tiny_settings["data"])["x_test"][:5, ..., np.newaxis].astype(np.float32) / 255
    scaled = (2 * images - 1 if name == "signed" else images).transpose(0, 3, 1, 2)
    mean, spread = run(MODELS / f"{name}-encoder.onnx", scaled)
    z_mean, z_log_var = codec.encode(images)
    np.testing.assert_allclose(z_mean, mean, atol=1e-5)
    log_var = 2 * np.log(spread) if name == "signed" else spread
    np.testing.assert_allclose(z_log_var, log_var, atol=1e-4)
    (decoded,) = run(MODELS / f"{name}-decoder.onnx", mean)
    pixels = (decoded + 1) / 2 if name == "signed" else decoded
    np.testing.assert_allclose(codec.decode(mean), pixels.transpose(0, 2, 3, 1), atol=1e-5)


def run(path: Path, *values: np.ndarray) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_inputs()]
    outputs: list[np.ndarray] = session.run(None, dict(zip(names, values, strict=True)))
    return outputs


@pytest.mark.parametrize("name", ["halves", "mean"])
def test_an_adopted_bundle_is_verified(
    take: Any, name: str, tiny_settings: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    path = take(name).path
    assert verify(path, tiny_settings["data"], None) == 0, capsys.readouterr().out


def test_of_a_decoder_that_computes_much_fewer_figures_are_estimated(
    take: Any,
    said: list[str],
    tiny_settings: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    work = count_multiply_adds((MODELS / "plain-decoder.onnx").read_bytes())
    for module in (effort, trial):
        monkeypatch.setattr(module, "WORK", 70 * work)
    bundle = take("plain")
    metrics = bundle.card.metrics
    assert metrics.samples == max(1, 66 // bundle.card.data.test_images)
    assert (metrics.importance.images, metrics.importance.samples) == (20, 3)
    assert metrics.amortisation_gap is None
    assert "conventions are tried on 30 images" in " ".join(said)
    assert verify(bundle.path, tiny_settings["data"], None) == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ({"range": UNIT}, "does not agree with the flags"),
        ({"encoder_output": "concatenated"}, "agrees with the flags"),
        ({"decoder_output": "logit"}, "does not agree with the flags"),
    ],
)
def test_flags_that_contradict_the_model_are_refused(
    refusal: Any, known: dict[str, Any], words: str
) -> None:
    sentence = refusal("signed", **known)
    assert words in sentence
    assert "--range -1,1" in sentence


def test_a_logarithm_is_no_standard_deviation(refusal: Any) -> None:
    told = refusal("plain", encoder_output="mean,std")
    assert "its spread is negative for some images, so it is a logarithm" in told


def test_flags_that_agree_are_obeyed(take: Any) -> None:
    bundle = take("signed", range=SIGNED, encoder_output="mean", decoder_output="mean")
    assert bundle.card.model.adopted.has_variance is False
    assert bundle.card.model.likelihood == "gaussian"
    assert not any("flags" in note for note in bundle.card.model.adopted.notes)


def test_flags_that_make_a_model_worse_are_doubted(take: Any) -> None:
    card = take("plain", range=parse_range("0.05,1.2")).card
    (note,) = (one for one in card.model.adopted.notes if "flags may be wrong" in one)
    with_flags, without = map(float, re.findall(r"0\.\d{5}", note))
    assert 1.1 * without < with_flags
    assert card.metrics.squared_error == pytest.approx(with_flags, rel=0.1)


def test_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    paths = [tmp_path / part / "onnx" / name for part in "ed" for name in ("model.onnx", "w")]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(str(path).encode())
    assert list(hashes(*paths)) == [
        "e/onnx/model.onnx",
        "e/onnx/w",
        "d/onnx/model.onnx",
        "d/onnx/w",
    ]


def test_weights_beside_the_file_are_read_and_none_elsewhere(
    take: Any, refusal: Any, tmp_path: Path
) -> None:
    path = tmp_path / "apart" / "decoder.onnx"
    path.parent.mkdir()
    model = onnx.load(MODELS / "plain-decoder.onnx")
    onnx.save_model(model, path, save_as_external_data=True, location="weights", size_threshold=0)
    card = take("plain", decoder=path).card
    assert card.metrics.squared_error < 0.03
    weights = hashlib.sha256((path.parent / "weights").read_bytes()).hexdigest()
    assert card.model.adopted.files["weights"] == weights
    (tmp_path / "plain").rename(tmp_path / "kept")
    (tmp_path / "kept" / "card.json").unlink()
    (path.parent / "weights").rename(tmp_path / "weights")
    gone = refusal("plain", decoder=path)
    assert "weights" in gone
    assert "put that file beside it" in gone
    elsewhere = onnx.load(path, load_external_data=False)
    for tensor in elsewhere.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = "../weights"
    path.write_bytes(elsewhere.SerializeToString())
    assert "outside of its folder" in refusal("plain", decoder=path)
    for tensor in elsewhere.graph.initializer:
        for entry in tensor.external_data:
            entry.value = "offset"
    path.write_bytes(elsewhere.SerializeToString())
    assert "does not say where its weights lie" in refusal("plain", decoder=path)


@pytest.mark.parametrize("first", [True, False])
def test_an_output_that_repeats_the_mean_is_not_taken_for_a_spread(
    take: Any, tmp_path: Path, first: bool
) -> None:
    """Some encoders also give a draw, which is the mean in ``model.eval()``."""
    model = onnx.load(MODELS / "plain-encoder.onnx")
    outputs = model.graph.output
    model.graph.node.append(helper.make_node("Identity", [outputs[0].name], ["z"]))
    outputs.insert(0 if first else 2, helper.make_tensor_value_info("z", TensorProto.FLOAT, None))
    for half in ("encoder", "decoder"):
        (tmp_path / half).mkdir()
    onnx.save(model, encoder := tmp_path / "encoder" / "model.onnx")
    decoder = shutil.copy(MODELS / "plain-decoder.onnx", tmp_path / "decoder" / "model.onnx")
    drawn, plain = take("drawn-too", encoder, Path(decoder)), take("plain")
    np.testing.assert_allclose(drawn.latents.z_log_var, plain.latents.z_log_var, atol=1e-3)
    adopted = drawn.card.model.adopted
    assert any("repeats" in note for note in adopted.notes)
    assert {*adopted.files} == {"encoder/model.onnx", "decoder/model.onnx"}  # of the same name


def simple_graph(
    *nodes: Any,
    inputs: int = 144,
    outputs: int = 144,
    opset: int = 17,
    axes: Sequence[str] = ("n",),
) -> bytes:
    graph = helper.make_graph(
        nodes or [helper.make_node("Identity", ["x"], ["y"])],
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [*axes, inputs])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.ones((inputs, outputs), np.float32), "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    content: bytes = model.SerializeToString()
    return content


def taking(*shape: int) -> bytes:
    """Return a graph that takes this shape."""
    model = onnx.load_from_string(simple_graph())
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    model.graph.input[0].CopyFrom(value)
    content: bytes = model.SerializeToString()
    return content


def random_noise() -> bytes:
    noise = helper.make_node("RandomNormalLike", ["x"], ["e"])
    return simple_graph(
        noise,
        helper.make_node("Add", ["x", "e"], ["s"]),
        helper.make_node("MatMul", ["s", "w"], ["y"]),
    )


def short_of_weights() -> bytes:
    model = onnx.load_from_string(simple_graph())
    model.graph.initializer[0].data_type = TensorProto.DOUBLE
    content: bytes = model.SerializeToString()
    return content


def endless_memory() -> bytes:
    size = helper.make_node("ConstantOfShape", ["size"], ["much"])
    node = helper.make_node("Add", ["x", "much"], ["y"])
    content = onnx.load_from_string(simple_graph(size, node))
    shape = numpy_helper.from_array(np.array([10**5, 10**4, 144]), "size")
    content.graph.initializer.append(shape)
    data: bytes = content.SerializeToString()
    return data


def with_functions(*calls: Sequence[str]) -> bytes:
    """Return a graph that calls the last of functions F0, F1, …, each of which calls others."""
    own, core = helper.make_opsetid("own", 1), helper.make_opsetid("", 17)
    functions = []
    for number, called in enumerate(calls):
        nodes = [
            helper.make_node(
                name, ["a" if place == 0 else f"t{place}"],
                ["b" if place == len(called) - 1 else f"t{place + 1}"],
                domain="own" if name.startswith("F") else "",
            )
            for place, name in enumerate(called)
        ]  # fmt: skip
        functions.append(
            helper.make_function("own", f"F{number}", ["a"], ["b"], nodes, [core, own])
        )
    last = helper.make_node(f"F{len(calls) - 1}", ["x"], ["y"], domain="own")
    model = onnx.load_from_string(simple_graph(last))
    model.opset_import.append(own)
    model.functions.extend(functions)
    content: bytes = model.SerializeToString()
    return content


def with_branches() -> bytes:
    """Return a graph with a condition, as of a scripted module."""
    output = [helper.make_tensor_value_info("b", TensorProto.FLOAT, None)]
    branch = helper.make_graph([helper.make_node("Identity", ["x"], ["b"])], "b", [], output)
    true = numpy_helper.from_array(np.array(True))
    return simple_graph(
        helper.make_node("Constant", [], ["true"], value=true),
        helper.make_node("If", ["true"], ["y"], then_branch=branch, else_branch=branch),
    )


def with_numbers_elsewhere() -> bytes:
    """Return a graph with a node whose constant is in a file of the working directory."""
    tensor = TensorProto(
        data_type=TensorProto.DOUBLE, dims=[1], data_location=TensorProto.EXTERNAL,
        external_data=[{"key": "location", "value": "pyproject.toml"}],
    )  # fmt: skip
    constant = helper.make_node("Constant", [], ["c"], value=tensor)
    return simple_graph(constant, helper.make_node("Identity", ["x"], ["y"]))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (with_functions(["Relu"], *([f"F{n}"] * 10 for n in range(12))), "unfold to more than"),
        (with_functions(["F1"], ["F0"]), "functions that call each other in a circle"),
        (with_branches(), "operator 'If' holds another graph; export it without branches"),
        (with_numbers_elsewhere(), "a node Constant whose numbers are in another file"),
        (taking(1, 3, 9000, 9000), "takes x (1 × 3 × 9000 × 9000); at most"),
        (taking(1, 1, 513, 12), "takes images of 513 × 12 pixels; up to 512 × 512"),
        (b"no graph", "not an ONNX file"),
        (b"", "not an ONNX file"),
        (simple_graph()[:40], "not an ONNX file, or is damaged"),
        (simple_graph(opset=9), "opset 9; 11 to"),
        (simple_graph(opset=99), "opset 99"),
        (short_of_weights(), "cannot be brought from opset 17 and its precision"),
        (simple_graph(helper.make_node("Swirl", ["x"], ["y"])), "Swirl"),
        (simple_graph(helper.make_node("Gelu", ["x"], ["y"], domain="com.microsoft")), "Gelu"),
        (simple_graph(helper.make_node("MatMul", ["x", "w"], ["y"]), outputs=7), "encoder"),
        (random_noise(), "a different result each time"),
        (endless_memory(), "encoder"),
    ],
)
def test_files_that_cannot_be_taken_get_a_sentence(
    refusal: Any, tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "encoder.onnx"
    path.write_bytes(content)
    assert words in refusal("plain", encoder=path)


def linear_vae(first: Any) -> tuple[Any, Any]:
    """Return PCA as a VAE of Keras layers: the encoder projects, the decoder projects back."""
    import keras

    images = draw_shapes()[0][:300].reshape(300, 144) / 255.0
    middle = images.mean(axis=0)
    axes = np.linalg.svd(images - middle, full_matrices=False)[2][:3].T  # (144, 3)
    x, z = keras.Input((12, 12, 1)), keras.Input((3,))
    pixels = keras.layers.Flatten()(first(x))
    mean, log_var = keras.layers.Dense(3)(pixels), keras.layers.Dense(3)(pixels)
    encoder = keras.Model(x, [mean, log_var])
    image = keras.layers.Reshape((12, 12, 1))(keras.layers.Dense(144)(z))
    decoder = keras.Model(z, image)
    encoder.set_weights([axes, -middle @ axes, 0.01 * axes, np.full(3, -3.0)])
    decoder.set_weights([axes.T, middle])
    return encoder, decoder


def test_keras_models_of_plain_layers_are_converted(
    take: Any, refusal: Any, tmp_path: Path
) -> None:
    import keras

    files = tmp_path / "encoder.keras", tmp_path / "decoder.keras"
    linear_vae(keras.layers.Lambda(lambda x: x))[0].save(files[0])
    assert "encoder.keras cannot be used" in refusal("code", *files)
    for model, path in zip(linear_vae(keras.layers.Activation("relu")), files, strict=True):
        model.save(path)
    card = take("linear", *files, range=UNIT).card
    assert card.model.adopted.files.keys() == {"encoder.keras", "decoder.keras"}
    assert card.model.adopted.conventions["--decoder-output"] == "mean"
    assert card.metrics.squared_error == pytest.approx(card.metrics.squared_error_pca, rel=0.05)


def test_the_graphs_of_an_adopted_bundle_are_adopted_again(take: Any, tmp_path: Path) -> None:
    first = take("plain")
    files = (first.path / "encoder.onnx", first.path / "decoder.onnx")
    again = take("again", *files).card.metrics
    assert again.squared_error == pytest.approx(first.card.metrics.squared_error, rel=1e-4)
    assert again.kl == pytest.approx(first.card.metrics.kl, rel=1e-4)


def test_latents_of_several_axes_are_taken_as_numbers_in_a_row(take: Any, tmp_path: Path) -> None:
    shapes = {"encoder": ("z", [0, 3, 1, 1]), "decoder": ("x", [-1, 3])}
    for half, (name, shape) in shapes.items():
        model = onnx.load(MODELS / f"mean-{half}.onnx")
        graph = model.graph
        graph.initializer.append(numpy_helper.from_array(np.array(shape), "shape"))
        if half == "encoder":
            node = helper.make_node("Reshape", [graph.output[0].name, "shape"], [name])
            del graph.output[:]
            graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
            graph.node.append(node)
        else:
            graph.node.insert(0, helper.make_node("Reshape", ["spatial", "shape"], ["x"]))
            del graph.input[:]
            value = helper.make_tensor_value_info("spatial", TensorProto.FLOAT, ["n", 3, 1, 1])
            graph.input.append(value)
        onnx.save(model, tmp_path / f"{half}.onnx")
    card = take("spatial", tmp_path / "encoder.onnx", tmp_path / "decoder.onnx").card
    assert card.model.latent_dim == 3
    assert "3 × 1 × 1" in card.model.adopted.notes[0]
    assert card.metrics.squared_error < 0.03


def test_a_decoder_of_any_height_and_width_gets_half_of_an_output_with_spreads(
    take: Any, tmp_path: Path
) -> None:
    """As for an autoencoder of latent diffusion exported with dynamic axes."""
    places = numpy_helper.from_array(np.array([0, 6, 1, 1]))
    encoder = rewired(
        tmp_path / "encoder.onnx",
        ["moments"],
        ("Constant", [], "places", {"value": places}),
        ("Concat", ["MEAN", "LOG_VAR"], "both", {"axis": 1}),
        ("Reshape", ["both", "places"], "moments", {}),
    )
    model = onnx.load(MODELS / "plain-decoder.onnx")
    (port,) = model.graph.input
    model.graph.initializer.append(numpy_helper.from_array(np.array([-1, 3]), "row"))
    model.graph.node.insert(0, helper.make_node("Reshape", ["spatial", "row"], [port.name]))
    port.CopyFrom(
        helper.make_tensor_value_info("spatial", TensorProto.FLOAT, ["n", 3, "height", "width"])
    )
    onnx.save(model, tmp_path / "decoder.onnx")
    card = take("plain", encoder, tmp_path / "decoder.onnx").card
    assert card.model.adopted.conventions["--encoder-output"] == "concatenated"
    assert card.model.latent_dim == 3
    (tmp_path / "plain").rename(tmp_path / "kept")
    assert card.metrics.kl == pytest.approx(take("plain").card.metrics.kl, abs=0.01)


def test_a_shape_that_a_graph_computes_may_leave_an_axis_open(take: Any, tmp_path: Path) -> None:
    """As in the export of ``x.reshape(x.shape[0], -1)``."""
    model = onnx.load(MODELS / "mean-encoder.onnx")
    graph = model.graph
    (output,) = graph.output
    for name, value in (("first", [0]), ("open", [-1])):
        graph.initializer.append(numpy_helper.from_array(np.array(value), name))
    graph.node.extend(
        [
            helper.make_node("Shape", [graph.input[0].name], ["sizes"]),
            helper.make_node("Gather", ["sizes", "first"], ["count"]),
            helper.make_node("Concat", ["count", "open"], ["target"], axis=0),
            helper.make_node("Reshape", [output.name, "target"], ["flat"]),
        ]
    )
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("flat", TensorProto.FLOAT, None))
    onnx.save(model, tmp_path / "encoder.onnx")
    card = take("open", tmp_path / "encoder.onnx", MODELS / "mean-decoder.onnx").card
    assert card.metrics.squared_error < 0.03


def test_a_conditional_model_computes_what_its_files_compute(
    conditional_bundle: Path, tiny_settings: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = load_bundle(conditional_bundle)
    assert (bundle.card.metrics.squared_error or 1) < 0.03
    data = np.load(tiny_settings["data"])
    images, labels = data["x_test"][:9].astype(np.float32) / 255, data["y_test"][:9]
    condition = np.eye(3, dtype=np.float32)[labels]
    assert len(set(labels)) == 3
    mean, log_var = run(MODELS / "conditional-encoder.onnx", images.reshape(9, 144), condition)
    np.testing.assert_allclose(bundle.latents.z_mean[:9], mean, atol=2e-3)  # half precision
    np.testing.assert_allclose(bundle.latents.z_log_var[:9], log_var, atol=5e-3)
    (decoded,) = run(MODELS / "conditional-decoder.onnx", bundle.latents.z_mean[:9], condition)
    own = bundle.reconstruct(np.arange(9))
    np.testing.assert_allclose(own, decoded.reshape(own.shape), atol=1e-5)
    z = np.zeros((1, 3), np.float32)
    for label in range(3):
        (picture,) = run(
            MODELS / "conditional-decoder.onnx", z, np.eye(3, dtype=np.float32)[[label]]
        )
        drawn = replace(bundle, label=label).codec.decode(z)
        np.testing.assert_allclose(drawn, picture.reshape(drawn.shape), atol=1e-5)
    assert verify(bundle.path, tiny_settings["data"], None) == 0, capsys.readouterr().out


def test_the_data_of_a_conditional_model_are_loaded_once(
    take: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = []

    def load(*given: Any, **options: Any) -> Dataset:
        loaded.append(given)
        return load_dataset(*given, **options)

    monkeypatch.setattr(adopt, "load_dataset", load)
    take("conditional", condition="labels")
    assert len(loaded) == 1


def without_join(path: Path, half: str) -> Path:
    """Write a half of the conditional model that takes pixels or z and the class in one row."""
    model = onnx.load(MODELS / f"conditional-{half}.onnx")
    (join,) = (node for node in model.graph.node if node.op_type == "Concat")
    assert list(join.input) == ["x", "label"]
    model.graph.node.remove(join)
    size = 3 + (144 if half == "encoder" else 3)
    del model.graph.input[:]
    model.graph.input.append(
        helper.make_tensor_value_info(join.output[0], TensorProto.FLOAT, ["n", size])
    )
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("joined", [("encoder", "decoder"), ("decoder",)])
def test_a_class_joined_to_the_numbers_gets_an_input_of_its_own(
    take: Any, refusal: Any, tmp_path: Path, conditional_bundle: Path, joined: tuple[str, ...]
) -> None:
    files = [
        without_join(tmp_path / f"{half}.onnx", half)
        if half in joined
        else MODELS / f"conditional-{half}.onnx"
        for half in ("encoder", "decoder")
    ]
    bundle, expected = take("joined", *files, condition="labels"), load_bundle(conditional_bundle)
    assert bundle.card.metrics.squared_error == expected.card.metrics.squared_error
    np.testing.assert_allclose(bundle.latents.z_mean, expected.latents.z_mean, atol=1e-3)
    assert any("last 3 of 6 numbers" in note for note in bundle.card.model.adopted.notes)
    (tmp_path / "joined" / "card.json").unlink()
    if len(joined) == 2:
        assert "say so with --condition labels" in refusal("plain", decoder=files[1])


@pytest.mark.parametrize(("axis", "shape"), [(0, (4, 5, 5)), (2, (5, 5, 6))])
def test_a_class_in_further_channels_gets_an_input_of_its_own(
    tmp_path: Path, axis: int, shape: tuple[int, int, int]
) -> None:
    name = tmp_path / "encoder.onnx"
    content = simple_graph(axes=["n", *map(str, shape[:2])], inputs=shape[2])
    model = onnx.load_from_string(content)
    dimensions = model.graph.input[0].type.tensor_type.shape.dim
    for dimension, size in zip(list(dimensions)[1:], shape, strict=True):
        dimension.dim_value = size
    graph = read_given_graph(name, model.SerializeToString())
    own, _ = separate_classes(graph, read_given_graph(MODELS / "plain-decoder.onnx"), (5, 5, 1), 3)
    onnx.save(own.model, name)
    channels = shape[axis] - 3
    images = np.random.default_rng(0).random((2, *shape[:axis], channels, *shape[axis + 1 :]))
    (values,) = run(name, images.astype(np.float32), np.eye(3, dtype=np.float32)[[2, 0]])
    kept, planes = np.split(values, [channels], axis=axis + 1)
    np.testing.assert_allclose(kept, images, rtol=1e-6)
    assert planes.mean(axis=(2, 3) if axis == 0 else (1, 2)).tolist() == [[0, 0, 1], [1, 0, 0]]
    assert image_forms(own)[0][1] == (5, 5, channels)


def test_what_is_said_of_a_condition_must_be_true(refusal: Any, tmp_path: Path) -> None:
    told = refusal("conditional")
    assert "say so with --condition labels; if it is noise, fix it to 0" in told
    assert "leave --condition out" in refusal("plain", condition="labels")
    model = onnx.load(MODELS / "plain-decoder.onnx")
    value = helper.make_tensor_value_info("label", TensorProto.FLOAT, ["n", 10])
    model.graph.input.append(value)
    onnx.save(model, tmp_path / "decoder.onnx")
    sentence = refusal("plain", decoder=tmp_path / "decoder.onnx", condition="labels")
    assert "label (10)" in sentence
    assert "the 3 classes" in sentence
    assert "or the number of the class" in sentence
    told = refusal("plain", decoder=tmp_path / "decoder.onnx")
    assert "take them apart in the decoder, as by z.split([3, 10], 1)" in told


def test_an_encoder_of_codes_alone_is_told_what_to_give(refusal: Any, tmp_path: Path) -> None:
    code: Node = ("ArgMax", ["MEAN"], "code", {"axis": 1})
    encoder = rewired(tmp_path / "encoder.onnx", ["code"], code)
    model = onnx.load(encoder)
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.INT64
    onnx.save(model, encoder)
    told = refusal("plain", encoder)
    assert told.startswith("encoder.onnx gives whole numbers alone, code: if they are the codes")
    assert "as codebook(codes).permute(0, 3, 1, 2)" in told


def with_class(path: Path, half: str, *, number: bool, first: bool) -> Path:
    """Write a half of the conditional model that takes the class first, or as a number."""
    model = onnx.load(MODELS / f"conditional-{half}.onnx")
    own, label = model.graph.input
    if number:  # as an embedding
        table = numpy_helper.from_array(np.eye(3, dtype=np.float32), "table")
        model.graph.initializer.append(table)
        model.graph.node.insert(0, helper.make_node("Gather", ["table", "class"], [label.name]))
        label = helper.make_tensor_value_info("class", TensorProto.INT64, ["n"])
    inputs = [value.SerializeToString() for value in ((label, own) if first else (own, label))]
    del model.graph.input[:]
    model.graph.input.extend(map(onnx.ValueInfoProto.FromString, inputs))
    onnx.save(model, path)
    return path


@pytest.mark.parametrize(("number", "first"), [(True, False), (True, True), (False, True)])
def test_the_class_may_come_first_or_as_a_number(
    take: Any, tmp_path: Path, conditional_bundle: Path, number: bool, first: bool
) -> None:
    """The decoder's latents and the one-hot classes have three numbers each: names decide."""
    files = [
        with_class(tmp_path / f"{half}.onnx", half, number=number, first=first)
        for half in ("encoder", "decoder")
    ]
    bundle, expected = take("class", *files, condition="labels"), load_bundle(conditional_bundle)
    np.testing.assert_allclose(bundle.latents.z_mean, expected.latents.z_mean, atol=1e-3)
    for label in range(3):
        given, wanted = (replace(one, label=label).codec for one in (bundle, expected))
        z = expected.latents.z_mean[:5]
        np.testing.assert_allclose(given.decode(z), wanted.decode(z), atol=1e-5)
    notes = bundle.card.model.adopted.notes
    assert ("'class' of decoder.onnx takes the number of the class, from 0 on" in notes) == number


def test_without_names_the_class_is_where_the_encoder_has_it(
    take: Any, tmp_path: Path, conditional_bundle: Path
) -> None:
    """The latents have as many numbers as there are classes, which the graphs take as booleans."""
    for half in ("encoder", "decoder"):
        path = with_class(tmp_path / f"{half}.onnx", half, number=False, first=True)
        model = onnx.load(path)
        label, own = model.graph.input
        model.graph.node.insert(0, helper.make_node("Cast", ["0"], [label.name], to=1))
        model.graph.node.insert(0, helper.make_node("Identity", ["1"], [own.name]))
        label.name, own.name = "0", "1"
        label.type.tensor_type.elem_type = TensorProto.BOOL
        onnx.save(model, path)
    bundle = take("class", tmp_path / "encoder.onnx", tmp_path / "decoder.onnx", condition="labels")
    expected = load_bundle(conditional_bundle)
    np.testing.assert_allclose(bundle.latents.z_mean, expected.latents.z_mean, atol=1e-3)
    assert bundle.card.metrics.squared_error == expected.card.metrics.squared_error


def test_what_is_no_file_is_not_opened(refusal: Any, tmp_path: Path) -> None:
    assert "cannot be read" in refusal("plain", encoder=tmp_path / "nothing.onnx")
    assert "is not a file" in refusal("plain", encoder=tmp_path)


def with_batch(path: Path, half: str, size: int, *nodes: Node) -> Path:
    """Write a half of the plain model as exported for a number of items, with more nodes."""
    write = rewired if half == "encoder" else decoder_with
    own = ["MEAN", "LOG_VAR"] if half == "encoder" else ["IMAGE"]
    model = onnx.load(write(path, [nodes[-1][2]] if nodes else own, *nodes))
    for node in model.graph.node:
        if node.op_type == "Reshape" and half == "decoder":
            shape = numpy_helper.from_array(np.array([size, 8, 3, 3]), "of a batch")
            model.graph.initializer.append(shape)
            node.input[1] = shape.name
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = size
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("size", [1, 64])
def test_a_graph_for_a_number_of_items_is_stored_for_any(tmp_path: Path, size: int) -> None:
    for half, shape in (("encoder", (1, 12, 12)), ("decoder", (3,))):
        graph = read_given_graph(with_batch(tmp_path / f"{half}.onnx", half, size))
        assert graph.batch is None
        assert any("takes 64 at once" in note for note in graph.notes) == (size == 64)
        onnx.save(graph.model, tmp_path / "free.onnx")
        x = np.random.default_rng(1).random((5, *shape), np.float32)
        for one, other in zip(
            run(tmp_path / "free.onnx", x), run(MODELS / f"plain-{half}.onnx", x), strict=True
        ):
            np.testing.assert_allclose(one, other, atol=1e-5)


FIXED: dict[str, tuple[list[int], list[Node], Any]] = {
    "expanded": (
        [64, 3, 2],
        [("Unsqueeze", ["MEAN", "last"], "one", {}), ("Expand", ["one", "of 64"], "more", {})],
        lambda mean: np.repeat(mean[..., np.newaxis], 2, axis=2),
    ),
    "expanded by PyTorch": (
        [64, -1, 2],
        [
            ("Shape", ["of 64"], "rank", {}),
            (
                "ConstantOfShape",
                ["rank"],
                "ones",
                {"value": numpy_helper.from_array(np.ones(1, int))},
            ),
            ("Neg", ["ones"], "minus", {}),
            ("Equal", ["of 64", "minus"], "kept", {}),
            ("Where", ["kept", "ones", "of 64"], "shape", {}),
            ("Unsqueeze", ["MEAN", "last"], "one", {}),
            ("Expand", ["one", "shape"], "more", {}),
        ],
        lambda mean: np.repeat(mean[..., np.newaxis], 2, axis=2),
    ),
    "resized": (
        [64, 6],
        [("Resize", ["MEAN", "", "", "of 64"], "more", {"mode": "nearest"})],
        lambda mean: np.repeat(mean, 2, axis=1),
    ),
    "items second": (
        [3, 64, 1],
        [
            ("Transpose", ["MEAN"], "turned", {}),
            ("Reshape", ["turned", "of 64"], "columns", {}),
            ("Transpose", ["columns"], "more", {"perm": [1, 0, 2]}),
        ],
        lambda mean: mean[..., np.newaxis],
    ),
}
"""A shape with the number of items, nodes that use it, and what they make of the mean."""


@pytest.mark.parametrize("how", FIXED)
def test_a_number_of_items_in_a_constant_shape_becomes_any(tmp_path: Path, how: str) -> None:
    shape, nodes, expected = FIXED[how]
    constant: Node = ("Constant", [], "of 64", {"value": numpy_helper.from_array(np.array(shape))})
    path = with_batch(tmp_path / "encoder.onnx", "encoder", 64, constant, *nodes)
    model = onnx.load(path)
    model.opset_import[0].version = 18
    onnx.save(model, path)
    graph = read_given_graph(path)
    assert graph.batch is None
    onnx.save(graph.model, path)
    x = np.random.default_rng(1).random((5, 1, 12, 12), np.float32)
    (mean, _), (found,) = run(MODELS / "plain-encoder.onnx", x), run(path, x)
    np.testing.assert_allclose(found, expected(mean), atol=1e-5)


def test_a_number_of_items_that_is_fixed_inside_remains(tmp_path: Path, refusal: Any) -> None:
    """As by joining all items and separating them again."""
    for size in (1, 4):
        column = numpy_helper.from_array(np.array([3 * size, 1]))
        nodes: list[Node] = [
            ("Constant", [], "column", {"value": column}),
            ("Transpose", ["MEAN"], "turned", {"perm": [1, 0]}),
            ("Softmax", ["turned"], "of all", {"axis": 1}),
            ("Transpose", ["of all"], "shares", {"perm": [1, 0]}),
        ]
        path = with_batch(tmp_path / "encoder.onnx", "encoder", size, *nodes)
        if size == 1:
            assert read_given_graph(path).batch == 1
    told = refusal("plain", path)
    assert "takes 4 at once, no more and no fewer" in told
    assert 'dynamo=True, dynamic_shapes=({0: torch.export.Dim("n")},)' in told
    assert 'dynamo=False, input_names=["x"], dynamic_axes={"x": {0: "n"}}' in told
    assert 'dynamic_axes={"x": {0: "n"}}' in told


@pytest.mark.parametrize("opset", [22, 23, 24, 25])
def test_later_opsets_compute_the_same(take: Any, tmp_path: Path, opset: int) -> None:
    for half in ("encoder", "decoder"):
        model = onnx.load(MODELS / f"signed-{half}.onnx")
        later = onnx.version_converter.convert_version(model, opset)
        assert later.opset_import[0].version == opset
        onnx.save(later, tmp_path / f"{half}.onnx")
        graph = read_given_graph(tmp_path / f"{half}.onnx")
        assert [own.version for own in graph.model.opset_import] == [21]
        onnx.save(graph.model, tmp_path / "earlier.onnx")
        shape = [size or 0 for size in graph.inputs[0].shape]
        x = np.random.default_rng(0).random((4, *shape), np.float32)
        for one, other in zip(
            run(tmp_path / "earlier.onnx", x), run(tmp_path / f"{half}.onnx", x), strict=True
        ):
            np.testing.assert_allclose(one, other, atol=1e-6)


def test_operators_of_later_opsets_become_earlier_ones(tmp_path: Path, refusal: Any) -> None:
    x = np.random.default_rng(0).normal(size=(3, 144)).astype(np.float32)
    root = np.sqrt(np.mean(np.square(x), axis=1, keepdims=True) + 1e-5)
    scale: Node = ("RMSNormalization", ["x", "ones"], "y", {})
    for (kind, inputs, output, _), opset, expected in (
        (("Swish", ["x"], "y", {}), 24, x / (1 + np.exp(-x))),
        (scale, 23, x / root),
    ):
        node = helper.make_node(kind, inputs, [output])
        model = onnx.load_from_string(simple_graph(node, opset=opset))
        ones = numpy_helper.from_array(np.ones(144, np.float32), "ones")
        model.graph.initializer.append(ones)
        graph = read_given_graph(tmp_path / "any.onnx", model.SerializeToString())
        onnx.save(graph.model, tmp_path / "earlier.onnx")
        np.testing.assert_allclose(run(tmp_path / "earlier.onnx", x)[0], expected, atol=1e-5)
    cast = helper.make_node("Cast", ["x"], ["y"], to=TensorProto.FLOAT, round_mode="down")
    (tmp_path / "encoder.onnx").write_bytes(simple_graph(cast, opset=24))
    told = refusal("plain", tmp_path / "encoder.onnx")
    assert "its opset is 24: export it with opset_version=18" in told


@pytest.mark.parametrize(
    ("nodes", "reach"),
    [
        (
            [("ReduceMean", ["LOG_VAR"], "logvar", {"axes": [1], "keepdims": 1})],
            "all dimensions of an image",
        ),
        (
            [
                ("Constant", [], "numbers", {"value_floats": [-1.0, -2.0, -3.0]}),
                ("Identity", ["numbers"], "logvar", {}),
            ],
            "every image",
        ),
        (
            [
                ("Constant", [], "numbers", {"value_floats": [-1.0, -2.0, -3.0]}),
                ("Unsqueeze", ["numbers", "first"], "logvar", {}),
            ],
            "every image",
        ),
    ],
)
def test_one_spread_may_be_that_of_several_numbers(
    take: Any, tmp_path: Path, nodes: list[Node], reach: str
) -> None:
    path = rewired(tmp_path / "encoder.onnx", ["MEAN", "logvar"], *nodes)
    bundle = take("plain", path)
    assert f"one spread of {reach}" in " ".join(bundle.card.model.adopted.notes)
    (tmp_path / "plain").rename(tmp_path / "kept")
    log_var = take("plain").latents.z_log_var
    if reach == "every image":
        np.testing.assert_allclose(bundle.latents.z_log_var, [[-1, -2, -3]] * len(log_var))
    else:
        shared = log_var.mean(axis=1, keepdims=True).repeat(3, axis=1)
        np.testing.assert_allclose(bundle.latents.z_log_var, shared, atol=5e-3)  # half precision


@pytest.mark.parametrize(
    ("text", "pixel", "value"),
    [("0,1", 0.25, 0.25), ("-1,1", 0.25, -0.5), ("0,255", 1, 255), ("0.5,0.25", 1, 2)],
)
def test_a_range_is_a_mean_and_a_standard_deviation(text: str, pixel: float, value: float) -> None:
    found = parse_range(text)
    assert (pixel - found.mean[0]) / found.std[0] == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "1", "a,b", "0,0", "0.5,-1", "1,2,3"])
def test_what_is_no_range_gets_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="is not a range"):
        parse_range(text)


def test_the_command(
    tmp_path: Path,
    tiny_settings: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def call(*further: str) -> int:
        files = [f"--{half}={MODELS}/plain-{half}.onnx" for half in ("encoder", "decoder")]
        own = ["mine", *files, "--data", tiny_settings["data"], "--output", str(tmp_path)]
        monkeypatch.setattr("sys.argv", ["python -m explorer adopt", *own, *further])
        return command.main()

    assert call("--title", "Mine/Ours", "--licence", "MIT") == 0
    assert "streamlit run app.py" in capsys.readouterr().out
    card = load_bundle(tmp_path / "mine").card
    adopted = card.model.adopted
    assert adopted is not None
    assert (card.title, adopted.licence) == ("Mine/Ours", "MIT")
    assert "--encoder=plain-encoder.onnx" in adopted.command and "Mine/Ours" in adopted.command
    assert str(tmp_path) not in card.to_json()  # no paths of this machine
    assert call() == 1
    assert "--replace" in capsys.readouterr().err
    assert call("--replace", "--variance", "0.02") == 0
    assert load_bundle(tmp_path / "mine").card.model.likelihood == "gaussian"
    assert call("--replace") == 0


def test_remarks_on_stored_values_name_the_flag_of_this_command(
    tmp_path: Path, tiny_settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with np.load(tiny_settings["data"]) as arrays:
        shares = {name: v / 255 if name[0] == "x" else v for name, v in arrays.items()}
    np.savez(tmp_path / "shares.npz", **shares)
    line = ["mine", "--encoder", "e.onnx", "--decoder", "d.onnx", "--data", "shares.npz"]
    monkeypatch.setattr("sys.argv", ["python -m explorer adopt", *line])
    reading = take_reading(vars(command.parse_arguments()))
    told = three_lines(load_dataset(tmp_path / "shares.npz", reading))
    assert "--values LOW HIGH changes that" in told
