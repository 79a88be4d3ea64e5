"""The class that a conditional model takes: as second input, one-hot."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from explorer.adoption.graphs import AdoptionError, GivenGraph, Port

_NUMBER = (1,)
"""Shape of an input that takes the number of a class."""
_CLASS = re.compile(r"label|class|cond|target|(^|_)[yc]$", re.I)
"""Parts of the names of inputs that take the class."""


def take_classes_second(
    encoder: GivenGraph, decoder: GivenGraph, classes: int
) -> tuple[GivenGraph, GivenGraph]:
    """Return the graphs with the one-hot class as second input, where they have two.

    The class may come first, and it may be a number from 0 on, as for an embedding. Where neither
    shapes nor names tell the class from a latent, it is where the encoder has it.
    """
    usual = _place_of_class(encoder, classes, 1)
    place = _place_of_class(decoder, classes, 1 if usual is None else usual)
    return _with_class_at(encoder, usual, classes), _with_class_at(decoder, place, classes)


def _place_of_class(graph: GivenGraph, classes: int, usual: int) -> int | None:
    """Which of two inputs takes the class; None if neither does."""
    if len(graph.inputs) != 2:
        return None
    both = usual, 1 - usual
    named = [place for place in both if _CLASS.search(graph.inputs[place].name)]
    shapes = (classes,), _NUMBER
    return next((place for place in named or both if graph.inputs[place].shape in shapes), None)


def _with_class_at(graph: GivenGraph, place: int | None, classes: int) -> GivenGraph:
    """The graph with the class, one-hot, as second input."""
    if place is None:
        return graph
    port, own = graph.inputs[place], graph.inputs[1 - place]
    if place == 1 and port.shape != _NUMBER:  # as it is, without a copy of all weights
        return graph
    model = onnx.ModelProto()
    model.CopyFrom(graph.model)
    inputs = [model.graph.input[1 - place], model.graph.input[place]]
    notes = graph.notes
    if port.shape == _NUMBER:
        numbers = np.arange(classes, dtype=np.float32)[:, None]
        name, column = f"{port.name}:one-hot", f"{port.name}:numbers"
        model.graph.initializer.append(numpy_helper.from_array(numbers, column))
        model.graph.node.insert(0, helper.make_node("MatMul", [name, column], [port.name]))
        shape = [graph.batch or "n", classes]
        inputs[1] = helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        notes += (f"{port.name!r} of {graph.path.name} takes the number of the class, from 0 on",)
    kept = [value.SerializeToString() for value in inputs]
    del model.graph.input[:]
    model.graph.input.extend(map(onnx.ValueInfoProto.FromString, kept))
    label = Port(inputs[1].name, (classes,))
    return replace(graph, model=model, inputs=(own, label), notes=notes)


def check_condition(graph: GivenGraph, classes: Sequence[str]) -> None:
    """Check that the second input of a graph, if it has one, takes these classes.

    Raises:
        AdoptionError: if it takes something else.
    """
    for port in graph.inputs[1:]:
        if port.shape != (len(classes),):
            raise AdoptionError(
                f"{graph.path.name} takes {graph.inputs[0]} and {port}; expected beside the image "
                f"or the latent the {len(classes)} classes of the images, one-hot, "
                f"({len(classes)}), or the number of the class"
            )
