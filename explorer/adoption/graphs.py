"""Read ONNX files from elsewhere with all their weights, check them and bring them to our terms."""

from __future__ import annotations

import math
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import onnx
from onnx import inliner, version_converter
from onnx.external_data_helper import ExternalDataInfo, uses_external_data

from explorer.adoption.rewriting import (
    opset_of,
    take_integers_as_floats,
    to_any_batch,
    to_opset,
    to_single,
)
from explorer.bundle.compact import drop_unused
from explorer.bundle.runtime import open_session
from explorer.errors import ExplorerError, one_line

OPSETS = 13, 21
"""First and last opset that are run; others, between those of ``TAKEN``, are converted."""
TAKEN = 11, onnx.defs.onnx_opset_version()
MAX_BYTES = 2**30
"""Largest size of a file, and of all weights beside it."""
MAX_UNFOLDED = 2**24
"""Bytes by which a graph may grow when the functions in it replace the nodes that call them."""
MAX_NUMBERS = 2**26
"""Largest number of numbers that a graph may take at once."""
MAX_LATENT_DIM = 1024
"""Largest number of latent dimensions of a model that is adopted."""
SINGLE = "tensor(float)"
"""How onnxruntime names the type of arrays in single precision."""
_WHOLE = "tensor(int64)", "tensor(int32)"
"""How it names those of whole numbers."""
_INTEGERS = re.compile("[Qq]uantize|Integer|^QLinear")
"""Operators of quantised models."""
_OTHERS = {
    b"\x89HDF": "an HDF5 file, such as Keras writes",
    b"\x80": "a Python pickle",
    b"version https://git-lfs": "a pointer to a file in Git LFS (git lfs pull fetches that)",
}
"""First bytes of files that are often taken for ONNX, and what these files are."""
_OTHER_OPSET = "export it with opset_version=18 (PyTorch, Keras) or opset=21 (jax2onnx)"
MAX_SAID = 300
"""Largest number of characters that are quoted from another library's message."""


class AdoptionError(ExplorerError):
    """A model from elsewhere cannot be adopted; the message says why."""


@dataclass(frozen=True)
class Port:
    """An input or output of a graph.

    Attributes:
        name: name of the tensor.
        shape: shape without the batch axis; None for an axis of unknown size.
    """

    name: str
    shape: tuple[int | None, ...]

    @property
    def is_flat(self) -> bool:
        """Whether all numbers are in a row, as (784,) or (1, 784)."""
        return None not in self.shape and sum(size != 1 for size in self.shape) == 1

    @property
    def fixed_shape(self) -> tuple[int, ...] | None:
        """The shape; None if it is empty or has an axis of unknown size."""
        known = tuple(size for size in self.shape if size is not None)
        return known if len(known) == len(self.shape) and known else None

    def __str__(self) -> str:
        shape = " × ".join("?" if size is None else str(size) for size in self.shape)
        return f"{self.name} ({shape or 'one number'})"


@dataclass(frozen=True)
class GivenGraph:
    """A graph from elsewhere.

    Attributes:
        path: its file.
        beside: the files beside it that weights came from.
        model: the graph with all weights inside.
        inputs, outputs: in order; only the outputs in single precision.
        batch: how many items it takes at once; None for any number.
        notes: sentences on what was left out of the graph.
    """

    path: Path
    beside: tuple[Path, ...]
    model: onnx.ModelProto
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    batch: int | None
    notes: tuple[str, ...] = ()


def read_given_graph(path: Path, content: bytes | None = None) -> GivenGraph:
    """Read a graph and the weights in files beside it; ``content`` replaces the file's own.

    Raises:
        AdoptionError: if it is not an ONNX file, is damaged, refers to files outside its folder,
            or contains something that is not run.
    """
    if content is None:
        content = _read(path, 0, None)
    try:
        model = onnx.load_from_string(content)
    except Exception as error:  # the errors of protobuf share no base class
        raise AdoptionError(f"{path.name} {_what_it_is(content)}") from error
    _check_opset(path, model)
    _check_functions(path, model)
    beside = _join_weights(path, model)
    opset = opset_of(model)
    try:
        if model.functions:
            model = inliner.inline_local_functions(model)
        if opset < OPSETS[0]:
            model = version_converter.convert_version(model, OPSETS[0])
        elif opset > OPSETS[1]:
            model = to_opset(model, OPSETS[1])
        precision = to_single(model)
    except Exception as error:  # onnx's errors share no base class
        raise AdoptionError(
            f"{path.name} cannot be brought from opset {opset} and its precision to those that are "
            f"run: {one_line(error, MAX_SAID)}; {_OTHER_OPSET}, in float32"
        ) from error
    _drop_weights_from_inputs(model)
    notes = _drop_foreign_outputs(path, model)
    if precision:
        notes += (f"{path.name} computes in {precision}, and here in single precision",)
    take_integers_as_floats(model)
    try:
        graph = _describe(path, beside, model)
    except AdoptionError as error:
        if opset <= OPSETS[1]:
            raise
        raise AdoptionError(f"{error}; its opset is {opset}: {_OTHER_OPSET}") from error
    return replace(graph, notes=notes + graph.notes)


def _check_opset(path: Path, model: onnx.ModelProto) -> None:
    foreign = [o.domain for o in model.opset_import if o.domain not in ("", "ai.onnx")]
    used = {node.domain for node in model.graph.node} & set(foreign)
    local = {function.domain for function in model.functions}
    if others := sorted(used - local):
        raise AdoptionError(
            f"{path.name} uses operators of {', '.join(others)}, which are not ONNX's own"
        )
    if quantised := sorted({n.op_type for n in model.graph.node if _INTEGERS.search(n.op_type)}):
        raise AdoptionError(
            f"{path.name} computes in integers ({', '.join(quantised)}): give the model in single "
            "precision that it was made of"
        )
    opset = opset_of(model)
    if not opset:
        raise AdoptionError(f"{path.name} {_what_it_is()}")
    if not TAKEN[0] <= opset <= TAKEN[1]:
        raise AdoptionError(
            f"{path.name} has opset {opset}; {TAKEN[0]} to {TAKEN[1]} are taken: {_OTHER_OPSET}"
        )


def _check_functions(path: Path, model: onnx.ModelProto) -> None:
    """Check that the functions of a file do not call each other in a circle, or unfold too far."""
    bodies = {(f.domain, f.name, f.overload): list(_nodes(f.node)) for f in model.functions}
    calls = {key: {_called(node) for node in body} & bodies.keys() for key, body in bodies.items()}
    try:
        order = list(TopologicalSorter(calls).static_order())
    except CycleError:
        raise AdoptionError(f"{path.name} has functions that call each other in a circle") from None
    sizes: dict[tuple[str, str, str], int] = {}

    def unfolded(nodes: Iterable[onnx.NodeProto]) -> int:
        return sum(sizes.get(_called(node), node.ByteSize()) for node in nodes)

    for key in order:
        sizes[key] = unfolded(bodies[key])
    if unfolded(_nodes(model.graph.node)) > model.ByteSize() + MAX_UNFOLDED:
        raise AdoptionError(
            f"{path.name} has functions that unfold to more than {MAX_UNFOLDED:,} bytes"
        )


def _called(node: onnx.NodeProto) -> tuple[str, str, str]:
    """What a node calls, if that is a function."""
    return node.domain, node.op_type, node.overload


def _nodes(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.NodeProto]:
    """Yield the nodes and those of the graphs within them."""
    for node in nodes:
        yield node
        for attribute in node.attribute:
            for graph in (attribute.g, *attribute.graphs):
                yield from _nodes(graph.node)


def _what_it_is(content: bytes = b"") -> str:
    if content.startswith(b"PK"):  # a ZIP archive, as torch.save writes
        return (
            "is no ONNX file but an archive, such as a PyTorch checkpoint (or a Keras file, whose "
            "name ends in .keras): export the module with torch.onnx.export, as "
            "docs/own-models.md shows"
        )
    for magic, kind in _OTHERS.items():
        if content.startswith(magic):
            return f"is {kind}: export the model as ONNX, as docs/own-models.md shows"
    return "is not an ONNX file, or is damaged: export it anew, as docs/own-models.md shows"


def _join_weights(path: Path, model: onnx.ModelProto) -> tuple[Path, ...]:
    """Move weights from files beside the graph into it; return these files."""
    folder, total, read = path.resolve().parent, 0, set()
    bodies = (model.graph.node, *(function.node for function in model.functions))
    for node in (node for body in bodies for node in _nodes(body)):
        if any(uses_external_data(one) for own in node.attribute for one in (own.t, *own.tensors)):
            raise AdoptionError(
                f"{path.name} has a node {node.op_type} whose numbers are in another file; only "
                "weights may be in files beside it"
            )
    for tensor in model.graph.initializer:
        if not uses_external_data(tensor):
            continue
        try:
            place = ExternalDataInfo(tensor)
            beside = (folder / place.location).resolve()
        except ValueError as error:
            raise AdoptionError(
                f"{path.name} does not say where its weights lie: {one_line(error, MAX_SAID)}"
            ) from error
        if not beside.is_relative_to(folder):
            raise AdoptionError(
                f"{path.name} has weights at {place.location!r}, outside of its folder; "
                "only files beside it are read"
            )
        if not beside.exists():
            raise AdoptionError(
                f"{path.name} keeps its weights in {place.location}, which is not there: put that "
                "file beside it"
            )
        data = _read(beside, place.offset or 0, place.length)
        read.add(beside)
        total += len(data)
        if total > MAX_BYTES:
            raise AdoptionError(f"{path.name} has more than {MAX_BYTES:,} bytes of weights")
        tensor.raw_data = data
        tensor.ClearField("external_data")
        tensor.ClearField("data_location")
    return tuple(sorted(read))


def _read(path: Path, offset: int, length: int | None) -> bytes:
    try:
        status = path.stat()
        if (path / "saved_model.pb").exists():
            raise AdoptionError(
                f"{path} is a SavedModel: export the model as ONNX, as docs/own-models.md shows"
            )
        if not stat.S_ISREG(status.st_mode):
            raise AdoptionError(f"{path} is not a file")
        size = status.st_size - offset if length is None else length
        if not 0 <= offset <= offset + size <= status.st_size:
            raise AdoptionError(f"{path.name} ends before the weights that lie in it")
        if size > MAX_BYTES:
            raise AdoptionError(f"{path.name} has {size:,} bytes; at most {MAX_BYTES:,} are taken")
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(size)
    except OSError as error:
        raise AdoptionError(f"{path} cannot be read: {error.strerror}") from error


def _drop_weights_from_inputs(model: onnx.ModelProto) -> None:
    """Remove the weights from the inputs, where old exporters list them."""
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in weights]
    del model.graph.input[:]
    model.graph.input.extend(inputs)


def _drop_foreign_outputs(path: Path, model: onnx.ModelProto) -> tuple[str, ...]:
    """Remove the outputs that need operators unknown to ONNX, if others remain.

    Keras's exporter leaves TensorFlow's own for what is drawn at random, such as z.
    """
    graph = model.graph
    known = {schema.name for schema in onnx.defs.get_all_schemas()}
    needs: dict[str, str] = {}
    for node in graph.node:  # in the order of computation
        foreign = [node.op_type] if node.op_type not in known else []
        foreign += [needs[name] for name in node.input if name in needs]
        needs |= dict.fromkeys(node.output, foreign[0]) if foreign else {}
    kept = [output for output in graph.output if output.name not in needs]
    if not kept or len(kept) == len(graph.output):
        return ()
    notes = tuple(
        f"{output.name!r} of {path.name} needs {needs[output.name]}, which is not ONNX's, and was "
        "not used"
        for output in graph.output
        if output.name in needs
    )
    del graph.output[:]
    graph.output.extend(kept)
    drop_unused(graph)
    return notes


def _describe(path: Path, beside: tuple[Path, ...], model: onnx.ModelProto) -> GivenGraph:
    try:
        session = open_session(model.SerializeToString(), path.name)
    except ExplorerError as error:
        remedy = ""
        if any(own.HasField("g") for node in model.graph.node for own in node.attribute):
            remedy = "; export it without branches and loops (in PyTorch: the module, not a script)"
        raise AdoptionError(f"{error}{remedy}") from error
    batches = {_size(value.shape[0]) if value.shape else 1 for value in session.get_inputs()}
    given = [value for value in session.get_outputs() if value.type == SINGLE]
    codes = [value.name for value in session.get_outputs() if value.type in _WHOLE]
    if codes and not given:
        raise AdoptionError(
            f"{path.name} gives whole numbers alone, {codes[0]}: if they are the codes of a "
            "VQ-VAE, let it give the vectors that they stand for, as "
            "codebook(codes).permute(0, 3, 1, 2), and let the decoder take these"
        )
    for value in [*session.get_inputs(), *([] if given else session.get_outputs())]:
        if value.type != SINGLE:
            verb = "gives" if value in session.get_outputs() else "takes"
            raise AdoptionError(
                f"{path.name} {verb} {value.type} as {value.name}; expected numbers in single "
                f"precision, {SINGLE}: export it in float32, or with a cast"
            )
    if bare := [value for value in session.get_inputs() if len(value.shape) < 2]:
        shape = " × ".join(map(str, bare[0].shape)) or "one number"
        raise AdoptionError(
            f"{path.name} takes {bare[0].name} ({shape}), which has no axis for the batch: export "
            "it with an example that has one, as torch.zeros(1, …)"
        )
    for value in session.get_inputs():
        if math.prod(size for size in value.shape if isinstance(size, int)) > MAX_NUMBERS:
            raise AdoptionError(
                f"{path.name} takes {Port(value.name, tuple(map(_size, value.shape)))}; at most "
                f"{MAX_NUMBERS:,} numbers are taken at once"
            )
    batch = max((size for size in batches if size), default=None)
    notes: tuple[str, ...] = ()
    if batch and (free := to_any_batch(model, batch)):
        if batch > 1:
            notes = (f"{path.name} takes {batch} at once, and here any number",)
        model, batch = free, None
    elif batch and batch > 1:
        names = [f'"{value.name}"' for value in session.get_inputs()]
        axes = ", ".join(f'{name}: {{0: "n"}}' for name in names)
        sizes = '{0: torch.export.Dim("n")}, ' * len(names)
        raise AdoptionError(
            f"{path.name} takes {batch} at once, no more and no fewer; export it for any number, "
            f"with torch.onnx.export(…, dynamo=True, dynamic_shapes=({sizes.strip()})) or "
            f"torch.onnx.export(…, dynamo=False, input_names=[{', '.join(names)}], "
            f"dynamic_axes={{{axes}}})"
        )
    inputs, outputs = (
        [Port(value.name, tuple(map(_size, value.shape[1:]))) for value in values]
        for values in (session.get_inputs(), given)
    )
    if inputs:
        inputs[0] = _with_channels(inputs[0], model)
    return GivenGraph(path, beside, model, tuple(inputs), tuple(outputs), batch, notes)


def _with_channels(port: Port, model: onnx.ModelProto) -> Port:
    """The input with the number of channels that a convolution of it needs, if that is free."""
    if len(port.shape) != 3 or port.shape[0] is not None:
        return port
    weights = {tensor.name: tensor.dims for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Conv" and node.input[0] == port.name and node.input[1] in weights:
            groups = next((a.i for a in node.attribute if a.name == "group"), 1)
            return replace(port, shape=(weights[node.input[1]][1] * groups, *port.shape[1:]))
    return port


def _size(dimension: Any) -> int | None:
    return dimension if isinstance(dimension, int) else None
