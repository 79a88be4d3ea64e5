"""From a bundle's ``model.keras`` to what ``static/live/decoder.js`` runs in the browser.

A program is JSON text: Keras's layers in their order, with their arguments and the
places of their weights in one blob of little-endian half-precision numbers. Layers
that do nothing once a model is trained (dropout, noise) are left out. ``model.keras``
is read as the zip and HDF5 file that it is: no Keras, and no code from the file.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import json
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import h5py
import numpy as np

from explorer.core.half import to_half
from explorer.core.masks import autoregressive_masks
from explorer.errors import ExplorerError
from explorer.recipes.recipe import Layer, Recipe, recipe_from_json

FORMAT = 1

MAX_WEIGHTS = 32_000_000
"""A browser is not sent more than this: 64 MB."""

Operation = dict[str, Any]

_ACTIVATIONS = frozenset({
    "elu", "exponential", "gelu", "leaky_relu", "relu", "relu6", "selu", "sigmoid", "silu",
    "softplus", "softsign", "tanh",
})  # fmt: skip

_TRAINING_ONLY = frozenset({
    "activity_regularizer", "beta_constraint", "beta_initializer", "beta_regularizer",
    "bias_constraint", "bias_initializer", "bias_regularizer", "gamma_constraint",
    "gamma_initializer", "gamma_regularizer", "kernel_constraint", "kernel_initializer",
    "kernel_regularizer", "momentum", "moving_mean_initializer", "moving_variance_initializer",
    "name", "trainable",
})  # fmt: skip
"""Arguments without influence on what a trained layer computes."""

_SHAPES = frozenset({"filters", "kernel_size", "units"})
"""Arguments that the shapes of the weights repeat."""

_ONLY_DEFAULT: dict[str, tuple[Any, ...]] = {
    "axis": (-1, [-1]),
    "data_format": (None, "channels_last"),
    "dilation_rate": (1, [1, 1]),
    "dtype": (None, "float32"),
    "groups": (1,),
    "output_padding": (None,),
    "rms_scaling": (False,),
}
"""Arguments that the browser knows with these values alone."""


class LiveError(ExplorerError):
    """A model that the browser cannot run; the message names the layer or weight."""


def decoder_program(model_keras: bytes) -> tuple[str, bytes]:
    """The decoder: ``z`` → the mean image ``(height, width, channels)`` in [0, 1].

    Args:
        model_keras: contents of a bundle's ``model.keras``.

    Returns:
        The program and its weights.

    Raises:
        LiveError: the browser cannot run a layer, a weight is no half-precision
            number, or the file is damaged.
    """
    with _opened(model_keras) as model:
        recipe = model.recipe
        layers = recipe.decoder_layers(model.image_shape)
        if recipe.head["layer"] == "Dense":  # which reads all that came before
            layers.append({"layer": "Flatten"})
        operations = _convert_all([*layers, recipe.head], model.folder("decoder/layers"))
        operations.append({"op": "Reshape", "shape": model.image_shape})
        if recipe.likelihood == "bernoulli":
            operations += _activation("sigmoid")
        else:
            operations.append({"op": "Clip", "low": 0.0, "high": 1.0})
        return _program([model.latent_dim], model.image_shape, operations, model.blob)


def encoder_program(model_keras: bytes) -> tuple[str, bytes]:
    """The encoder: an image in [0, 1] → its place in latent space, and the flow's context.

    The first ``latent_dim`` numbers are that place: the posterior's draw at ε = 0, which
    without a flow is ``z_mean``. Arguments, results and errors are those of
    ``decoder_program``.
    """
    with _opened(model_keras) as model:
        recipe, layers = model.recipe, model.folder("encoder/layers")
        operations = _convert_all(recipe.encoder, layers)
        operations.append({"op": "Flatten"})
        operations.append(_heads(layers, "z_mean", *["context"] * bool(recipe.context)))
        steps = [{**step, "backwards": index % 2 == 1} for index, step in enumerate(recipe.flow)]
        operations += _convert_all(steps, model.folder("flow/layers"))
        output_shape = [model.latent_dim + recipe.context]
        return _program(model.image_shape, output_shape, operations, model.blob)


# ---- Reading model.keras ----


@dataclass
class _Model:
    """An opened ``model.keras``, and the blob that its weights go to."""

    recipe: Recipe
    image_shape: list[int]
    latent_dim: int
    file: h5py.File
    blob: bytearray = field(default_factory=bytearray)

    def folder(self, path: str) -> _Folder:
        return _Folder(self, path)

    def read(self, path: str) -> np.ndarray:
        """A weight that a half-precision number can hold."""
        weight = self._find(path)
        if len(self.blob) // 2 + weight.size > MAX_WEIGHTS:
            raise LiveError(f"the model has more than the {MAX_WEIGHTS:,} weights a browser takes")
        values = weight[()]
        if not np.array_equal(to_half(values), values) or not np.isfinite(values).all():
            raise LiveError(
                f"the weight {path} holds values that are not half-precision numbers; "
                "train.py rounds them, so train the model again"
            )
        return values

    def _find(self, path: str) -> h5py.Dataset:
        """The weight's place in the file, never in another file that it refers to."""
        node: Any = self.file
        for part in path.split("/"):
            is_inside = isinstance(node, h5py.Group) and isinstance(
                node.get(part, getlink=True), h5py.HardLink
            )
            node = node[part] if is_inside else None
        if not isinstance(node, h5py.Dataset) or node.external or node.is_virtual:
            raise LiveError(f"model.keras holds no weight {path}")
        return node

    def store(self, values: np.ndarray) -> Operation:
        """Append a weight to the blob; returns its place there."""
        at = len(self.blob) // 2
        self.blob += to_half(values).tobytes()
        return {"at": at, "shape": list(values.shape)}


@dataclass(frozen=True)
class _Folder:
    """A layer's folder in the weights file, or that of several layers."""

    model: _Model
    path: str

    def folder(self, name: str) -> _Folder:
        return _Folder(self.model, f"{self.path}/{name}")

    def read(self, index: int) -> np.ndarray:
        """The layer's weight of this index."""
        return self.model.read(f"{self.path}/vars/{index}")

    def store(self, index: int) -> Operation:
        """Store the layer's weight of this index."""
        return self.model.store(self.read(index))


@contextlib.contextmanager
def _opened(model_keras: bytes) -> Iterator[_Model]:
    try:
        with zipfile.ZipFile(io.BytesIO(model_keras)) as archive:
            config = json.loads(archive.read("config.json"))["config"]
            weights = io.BytesIO(archive.read("model.weights.h5"))
        recipe = recipe_from_json(config["recipe"])
        with h5py.File(weights, "r") as file:
            yield _Model(recipe, config["image_shape"], config["latent_dim"], file)
    except LiveError:
        raise
    except Exception as error:  # what a damaged zip or HDF5 file raises shares no base class
        raise LiveError(f"model.keras is not usable: {error}") from error


# ---- Layers to operations ----


def _convert_all(specs: Iterable[Layer], folder: _Folder) -> list[Operation]:
    """The operations of layers that follow each other.

    Keras calls a layer's folder after its class and counts those of the same
    class, in the order in which they are applied: ``dense``, ``dense_1``, …
    """
    seen: Counter[str] = Counter()
    operations = []
    for spec in specs:
        kind: str = spec["layer"]
        name, number = _FOLDER_NAMES.get(kind, kind), seen[kind]
        operations += _convert(spec, folder.folder(f"{name}_{number}" if number else name))
        seen[kind] += 1
    return operations


def _convert(spec: Layer, folder: _Folder) -> list[Operation]:
    kind = spec["layer"]
    if kind in ("Dropout", "GaussianNoise"):
        return []
    if kind not in _CONVERTERS:
        raise LiveError(f"the browser cannot run a {kind} layer")
    convert = _CONVERTERS[kind]
    arguments = {
        name: value
        for name, value in spec.items()
        if name not in _TRAINING_ONLY | _SHAPES | {"layer"}
        and value not in _ONLY_DEFAULT.get(name, ())
    }
    for name in arguments.keys() - inspect.signature(convert).parameters.keys():
        raise LiveError(f"the browser cannot run {kind} with {name}={arguments[name]!r}")
    return convert(kind, folder, **arguments)


def _linear(
    kind: str, folder: _Folder, *, activation: Any = None, use_bias: bool = True
) -> list[Operation]:
    operation = {"op": kind, "kernel": folder.store(0)}
    if use_bias:
        operation["bias"] = folder.store(1)
    return [operation, *_activation(activation)]


def _convolution(
    kind: str,
    folder: _Folder,
    *,
    strides: Any = 1,
    padding: str = "valid",
    activation: Any = None,
    use_bias: bool = True,
) -> list[Operation]:
    operation, *rest = _linear(kind, folder, activation=activation, use_bias=use_bias)
    operation |= {"strides": _pair(strides), "padding": _padding(kind, padding)}
    return [operation, *rest]


def _pooling(
    kind: str, folder: _Folder, *, pool_size: Any = 2, strides: Any = None, padding: str = "valid"
) -> list[Operation]:
    steps = _pair(pool_size if strides is None else strides)
    padding = _padding(kind, padding)
    return [{"op": kind, "size": _pair(pool_size), "strides": steps, "padding": padding}]


def _upsampling(
    kind: str, folder: _Folder, *, size: Any = 2, interpolation: str = "nearest"
) -> list[Operation]:
    if interpolation not in ("nearest", "bilinear"):
        raise LiveError(f"the browser cannot run {kind} with interpolation={interpolation!r}")
    return [{"op": kind, "size": _pair(size), "interpolation": interpolation}]


def _normalization(
    kind: str, folder: _Folder, *, epsilon: float = 1e-3, center: bool = True, scale: bool = True
) -> list[Operation]:
    names = ["gamma"] * scale + ["beta"] * center
    if kind == "BatchNormalization":
        names += ["mean", "variance"]
    stored = {name: folder.store(index) for index, name in enumerate(names)}
    return [{"op": kind, "epsilon": epsilon, **stored}]


def _residual(kind: str, folder: _Folder, *, layers: Iterable[Layer]) -> list[Operation]:
    return [{"op": kind, "operations": _convert_all(layers, folder.folder("layers"))}]


def _inverse_autoregressive(
    kind: str, folder: _Folder, *, activation: Any = "elu", backwards: bool
) -> list[Operation]:
    """A step of a flow: its network, from [z, context] to [m, s], with the masks in its weights."""
    model, hidden_kernel, kernel = folder.model, folder.read(0), folder.read(2)
    into, out = autoregressive_masks(
        model.latent_dim, hidden_kernel.shape[1], model.recipe.context, backwards=backwards
    )
    network = [
        {"op": "Dense", "kernel": model.store(into * hidden_kernel), "bias": folder.store(1)},
        *_activation(activation),
        {"op": "Dense", "kernel": model.store(np.tile(out, 2) * kernel), "bias": folder.store(3)},
    ]
    return [{"op": kind, "operations": network}]


def _reshape(kind: str, folder: _Folder, *, target_shape: Iterable[int]) -> list[Operation]:
    return [{"op": kind, "shape": list(target_shape)}]


def _flatten(kind: str, folder: _Folder) -> list[Operation]:
    return [{"op": kind}]


def _activation_layer(kind: str, folder: _Folder, *, activation: Any) -> list[Operation]:
    return _activation(activation)


def _leaky_relu(kind: str, folder: _Folder, *, negative_slope: float = 0.3) -> list[Operation]:
    return [{"op": "Activation", "function": "leaky_relu", "slope": negative_slope}]


_CONVERTERS: dict[str, Callable[..., list[Operation]]] = {
    "Activation": _activation_layer,
    "AveragePooling2D": _pooling,
    "BatchNormalization": _normalization,
    "Conv2D": _convolution,
    "Conv2DTranspose": _convolution,
    "Dense": _linear,
    "Flatten": _flatten,
    "InverseAutoregressive": _inverse_autoregressive,
    "LayerNormalization": _normalization,
    "LeakyReLU": _leaky_relu,
    "MaxPooling2D": _pooling,
    "Reshape": _reshape,
    "Residual": _residual,
    "UpSampling2D": _upsampling,
}

_FOLDER_NAMES = {
    "BatchNormalization": "batch_normalization",
    "Conv2D": "conv2d",
    "Conv2DTranspose": "conv2d_transpose",
    "Dense": "dense",
    "InverseAutoregressive": "inverse_autoregressive",
    "LayerNormalization": "layer_normalization",
    "Residual": "residual",
}
"""What Keras calls the folders of layers that hold weights."""


def _activation(name: Any) -> list[Operation]:
    if name in (None, "linear"):
        return []
    if name == "swish":
        name = "silu"
    if not isinstance(name, str) or name not in _ACTIVATIONS:
        raise LiveError(f"the browser cannot run the activation {name!r}")
    slope = {"slope": 0.2} if name == "leaky_relu" else {}  # Keras's default for the function
    return [{"op": "Activation", "function": name, **slope}]


def _heads(layers: _Folder, *names: str) -> Operation:
    """One dense layer in place of several on the same features, found by their names."""
    group = layers.model.file[layers.path]
    folders = {group[f"{key}/vars"].attrs["name"]: layers.folder(key) for key in group}
    kernel, bias = (
        np.concatenate([folders[name].read(index) for name in names], axis=-1) for index in (0, 1)
    )
    store = layers.model.store
    return {"op": "Dense", "kernel": store(kernel), "bias": store(bias)}


def _program(
    input_shape: list[int], output_shape: list[int], operations: list[Operation], blob: bytearray
) -> tuple[str, bytes]:
    program = {
        "format": FORMAT,
        "input": input_shape,
        "output": output_shape,
        "weights": {"bytes": len(blob), "crc32": zlib.crc32(blob)},
        "operations": operations,
    }
    return json.dumps(program, separators=(",", ":")), bytes(blob)


def _padding(kind: str, value: str) -> str:
    if value not in ("same", "valid"):
        raise LiveError(f"the browser cannot run {kind} with padding={value!r}")
    return value


def _pair(value: Any) -> list[int]:
    return [value, value] if isinstance(value, int) else list(value)
