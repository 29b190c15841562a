"""A model and one step of S-PGD on it as ONNX graphs, which a browser runs without any server.

N images, C channels, H W height and width, K classes. A graph holds no weights: it names their places in the model
folder's own `model.safetensors`, so that a page ships that file as it is, and equal architectures share their graphs.
ONNX has no automatic gradient: each operation below brings its own.
"""

import importlib.util
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.fx import Node
from torch.nn.functional import adaptive_avg_pool1d, interpolate

from core.attacks.spgd import SPGD
from core.checkpoints.store import WEIGHTS
from core.files import FileError
from core.models.normalised import Normalised

if TYPE_CHECKING:
    import onnx

OPSET, IR_VERSION = 18, 9
"""As old as the operations allow, for older runtimes."""
KINDS = {"F16": "FLOAT16", "F32": "FLOAT"}
IMAGES = "images"
"""What a model calls its input."""
BATCH = 2
"""Images that a network is traced with; its graphs take any number."""
Value = tuple[str, str, list[Any]]
"""Name, kind and shape of an input or output."""


@dataclass(frozen=True)
class Graphs:
    """Both graphs of one model as bytes; the weights are the file `model.safetensors` of its folder.

    `predict`: images uint8 (N,3,H,W), delta (1,3,H,W) -> logits (N,K), classes int32 (N).

    `step`: images, labels int32 (N), delta, velocity (1,3,H,W), and the numbers epsilon, size, direction, least ->
    next_delta, next_velocity, and logits and classes of the images under the delta given. `size` is the length of the
    step, in [0, 1] like epsilon. The labels are those that the objective aims at: the true ones with direction 1 and
    least 0, or the target with direction -1 and least -log 0.75, the loss below which an image earns no more. An image
    with a label that is no class, like -1, counts nowhere.

    For models that label pixels logits are (N,K,H,W), labels and classes (N,H,W), and pixels count.
    """

    predict: bytes
    step: bytes


def export(model: Normalised, folder: Path, size: tuple[int, int]) -> Graphs:
    """The graphs of the model of a folder, for images of this height and width.

    Raises ValueError that names what the browser cannot run, or without onnx; FileError for a damaged weights file.
    """
    if importlib.util.find_spec("onnx") is None:
        raise ValueError("Attacks in the browser need onnx; install it with: pip install 'plainsight[export]'")
    network = _traced(model, size)
    places = _places(folder / WEIGHTS)
    return Graphs(_predict(network, places, size), _step(network, places, size))


def _predict(network: "_Network", places: "dict[str, _Place]", size: tuple[int, int]) -> bytes:
    tape = _Tape(network, places)
    tape.put("Clip", [tape.put("Add", [_units(tape), "delta"]), tape.number(0), tape.number(1)], "attacked")
    _seen(tape, tape.forward("attacked"))
    images, _, delta, *_ = _given(network, size)
    return tape.finished([images, delta], _answers(network))


def _step(network: "_Network", places: "dict[str, _Place]", size: tuple[int, int]) -> bytes:
    tape = _Tape(network, places)
    shifted = tape.put("Add", [_units(tape), "delta"])
    tape.put("Clip", [shifted, tape.number(0), tape.number(1)], "attacked")
    logits = tape.forward("attacked")
    _seen(tape, logits)
    gradient = tape.backward(_by_logits(tape, logits))
    # clamp passes the gradient on where it cut nothing off
    gradient = tape.masked(gradient, tape.put("Equal", [shifted, "attacked"]))
    gradient = tape.put("ReduceSum", [gradient, tape.integers([0])], keepdims=1)
    mean = tape.put("ReduceMean", [tape.put("Abs", [gradient])], keepdims=0)
    scaled = tape.put("Div", [gradient, tape.put("Max", [mean, tape.number(1e-12)])])
    kept = tape.put("Mul", ["velocity", tape.number(SPGD.momentum)])
    tape.put("Add", [kept, scaled], "next_velocity")
    moved = tape.put("Add", ["delta", tape.put("Mul", ["size", tape.put("Sign", ["next_velocity"])])])
    tape.put("Max", [tape.put("Min", [moved, "epsilon"]), tape.put("Neg", ["epsilon"])], "next_delta")
    outputs: list[Value] = [(name, "FLOAT", [1, 3, *size]) for name in ("next_delta", "next_velocity")]
    return tape.finished(_given(network, size), outputs + _answers(network))


def _given(network: "_Network", size: tuple[int, int]) -> "list[Value]":
    """The inputs of a step."""
    perturbations: list[Value] = [(name, "FLOAT", [1, 3, *size]) for name in ("delta", "velocity")]
    numbers: list[Value] = [(name, "FLOAT", []) for name in ("epsilon", "size", "direction", "least")]
    labels = ("labels", "INT32", ["N", *network.shape[2:]])
    return [("images", "UINT8", ["N", 3, *size]), labels, *perturbations, *numbers]


def _answers(network: "_Network") -> "list[Value]":
    """The outputs that tell what the model says."""
    classes, *where = network.shape[1:]
    return [("logits", "FLOAT", ["N", classes, *where]), ("classes", "INT32", ["N", *where])]


def _seen(tape: "_Tape", logits: str) -> None:
    tape.put("Identity", [logits], "logits")
    tape.put("Cast", [tape.put("ArgMax", [logits], axis=1, keepdims=0)], "classes", to="INT32")


def _units(tape: "_Tape") -> str:
    """The images in [0, 1]."""
    return tape.put("Div", [tape.put("Cast", ["images"], to="FLOAT"), tape.number(255)])


def _by_logits(tape: "_Tape", logits: str) -> str:
    """The gradient (N,K) or (N,K,H,W) of the summed gain: that of the cross-entropy, where an element counts."""
    classes, *where = tape.network.shape[1:]
    each = np.arange(classes, dtype=np.int32).reshape(classes, *[1 for _ in where])
    axis = tape.integers([1])
    onehot = tape.put("Equal", [tape.put("Unsqueeze", ["labels", axis]), tape.constant(each)])
    onehot = tape.put("Cast", [onehot], to="FLOAT")
    likely = tape.put("LogSoftmax", [logits], axis=1)
    loss = tape.put("Neg", [tape.put("ReduceSum", [tape.put("Mul", [likely, onehot]), axis], keepdims=1)])
    counts = tape.put("Cast", [tape.put("GreaterOrEqual", [loss, "least"])], to="FLOAT")
    known = tape.put("ReduceSum", [onehot, axis], keepdims=1)
    weight = tape.put("Mul", [tape.put("Mul", [counts, known]), "direction"])
    return tape.put("Mul", [weight, tape.put("Sub", [tape.put("Exp", [likely]), onehot])])


# ---------------------------------------------------------------------------------------------------------------------
# The network


@dataclass(frozen=True)
class _Network:
    """A network as a list of operations on named weights; `shape` is that of the logits of one image."""

    nodes: list[Node]
    weights: dict[str, str]
    """Names in the weights file, by those in the list."""
    shape: tuple[int, ...]


def _traced(model: nn.Module, size: tuple[int, int]) -> _Network:
    """The operations of a network. Raises ValueError that names what the browser cannot run."""
    device = next(model.buffers()).device
    try:
        program = torch.export.export(model, (torch.zeros(BATCH, 3, *size, device=device),), strict=False)
    except Exception as error:  # whatever tracing can end in
        raise ValueError(f"This architecture cannot run in the browser: {str(error).partition(chr(10))[0]}") from error
    signature, nodes = program.graph_signature, list(program.graph.nodes)
    weights = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
    for node in nodes:
        if node.op == "call_function" and not (_name(node) in RULES and _usable(node)):
            known = ", ".join(sorted({name.removesuffix("_") for name in RULES}))
            raise ValueError(
                f"This architecture cannot run in the browser: it needs {_name(node)} in a form that the browser does "
                f"not compute; what it computes is made of {known}."
            )
    return _Network(nodes, weights, tuple(_source(nodes[-1]).meta["val"].shape))


def _name(node: Node) -> str:
    """What an operation is called, like `conv2d`."""
    return str(node.target).removeprefix("aten.").partition(".")[0]


def _usable(node: Node) -> bool:
    """Whether an operation is in a form that its rule can write."""
    name, source = _name(node), _source(node)
    if name.endswith("_") and len(source.users) > 1:  # the value before is used too
        return False
    if name in ("sub", "div") and (node.kwargs or not _is_constant(node.args[1])):
        return False
    if name in ("add", "add_") and node.kwargs:
        return False
    if name == "conv2d" and isinstance(_option(node, 4, [0, 0]), str):
        return False
    if name == "max_pool2d":
        return _pair(_option(node, 4, 1)) == [1, 1] and not _option(node, 5, False)
    if name == "cat":
        return bool(_option(node, 1, 0) == 1)
    return name != "flatten" or (_option(node, 1, 0), _option(node, 2, -1)) == (1, -1)


def _option(node: Node, place: int, default: Any) -> Any:
    """An argument of an operation, which is left out where it is the default."""
    return node.args[place] if len(node.args) > place else default


def _pair(value: Any) -> list[int]:
    """A number for both axes, or one for each."""
    values = list(value) if isinstance(value, Sequence) else [value]
    return values * 2 if len(values) == 1 else values


def _is_constant(value: Any) -> bool:
    return isinstance(value, Node) and value.op == "placeholder" and value.name != IMAGES


@dataclass(frozen=True)
class _Place:
    """Where a tensor lies in a safetensors file."""

    kind: str
    shape: list[int]
    start: int
    length: int


def _places(path: Path) -> dict[str, _Place]:
    """The places of all tensors of a weights file. Raises FileError."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(length))
    except (OSError, ValueError, OverflowError) as error:
        raise FileError(f"{path} cannot be read: {error}") from error
    found = {}
    for name, entry in header.items():
        if name != "__metadata__":
            start, end = entry["data_offsets"]
            found[name] = _Place(entry["dtype"], entry["shape"], 8 + length + start, end - start)
    return found


@dataclass
class _Tape:
    """A graph while it is written: `forward` adds the network, `backward` its gradient by the input."""

    network: _Network
    places: dict[str, _Place]
    nodes: "list[onnx.NodeProto]" = field(default_factory=list)
    tensors: "dict[str, onnx.TensorProto]" = field(default_factory=dict)
    values: dict[Node, str] = field(default_factory=dict)
    gradients: dict[Node, str] = field(default_factory=dict)
    backwards: list[Callable[[], None]] = field(default_factory=list)

    def put(self, operation: str, inputs: list[str], name: str = "", **attributes: Any) -> str:
        """Add an operation; returns the name of its result."""
        return self.several(operation, inputs, [name or f"v{len(self.nodes)}"], **attributes)[0]

    def several(self, operation: str, inputs: list[str], names: list[str], **attributes: Any) -> list[str]:
        """Add an operation with several results."""
        from onnx import TensorProto, helper

        if isinstance(kind := attributes.get("to"), str):
            attributes["to"] = TensorProto.DataType.Value(kind)
        self.nodes.append(helper.make_node(operation, inputs, names, **attributes))
        return names

    def constant(self, value: np.ndarray) -> str:
        """A constant of the graph, kept once."""
        from onnx import numpy_helper

        content = value.tobytes() + str((value.dtype, value.shape)).encode()
        name = f"constant-{sha256(content).hexdigest()[:16]}"
        self.tensors.setdefault(name, numpy_helper.from_array(value, name))
        return name

    def number(self, value: float) -> str:
        return self.constant(np.array(value, np.float32))

    def integers(self, values: list[int]) -> str:
        return self.constant(np.array(values, np.int64))

    def weight(self, name: str) -> str:
        """A tensor of the weights file as float32."""
        from onnx import TensorProto

        place = self.places.get(name)
        if place is None or place.kind not in KINDS:
            raise ValueError(f"{WEIGHTS} lacks {name} as float16 or float32.")
        if name not in self.tensors:
            tensor = TensorProto(name=name, data_type=TensorProto.DataType.Value(KINDS[place.kind]), dims=place.shape)
            tensor.data_location = TensorProto.EXTERNAL
            for key, value in {"location": WEIGHTS, "offset": place.start, "length": place.length}.items():
                tensor.external_data.add(key=key, value=str(value))
            self.tensors[name] = tensor
            if place.kind != "F32":
                self.put("Cast", [name], f"{name}.f32", to="FLOAT")
        return name if place.kind == "F32" else f"{name}.f32"

    def masked(self, gradient: str, passes: str) -> str:
        """The gradient where a condition holds, else 0."""
        return self.put("Mul", [gradient, self.put("Cast", [passes], to="FLOAT")])

    def forward(self, images: str) -> str:
        """Add the network; returns the name of the logits."""
        for node in self.network.nodes:
            if node.op == "call_function":
                self._add(node)
            elif node.name == IMAGES:
                self.values[node] = images
        return self.values[_source(self.network.nodes[-1])]

    def value(self, node: Node) -> str:
        """The name of a value or of a weight."""
        return self.values[node] if node in self.values else self.weight(self.network.weights[node.name])

    def _add(self, node: Node) -> None:
        backward = RULES[_name(node)](self, node)

        def run() -> None:
            given = self.gradients.pop(node, None)
            if given is not None:
                backward(given)

        self.backwards.append(run)

    def backward(self, gradient: str) -> str:
        """Add the gradient by the network's input, given that by the logits."""
        self.gradients[_source(self.network.nodes[-1])] = gradient
        for run in reversed(self.backwards):
            run()
        return next(gradient for node, gradient in self.gradients.items() if node.name == IMAGES)

    def pass_on(self, node: Node, gradient: str) -> None:
        """The gradient by one use of a value; those of several uses are summed."""
        known = self.gradients.get(node)
        self.gradients[node] = gradient if known is None else self.put("Add", [known, gradient])

    def finished(self, inputs: "list[Value]", outputs: "list[Value]") -> bytes:
        """The graph as bytes."""
        from onnx import TensorProto, helper

        def described(values: list[Value]) -> "list[onnx.ValueInfoProto]":
            return [
                helper.make_tensor_value_info(name, TensorProto.DataType.Value(kind), shape)
                for name, kind, shape in values
            ]

        graph = helper.make_graph(
            self.nodes, "plainsight", described(inputs), described(outputs), list(self.tensors.values())
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
        return bytes(model.SerializeToString())


# ---------------------------------------------------------------------------------------------------------------------
# Operations: each adds its forward pass and returns what adds the gradient by its input, given that by its result.

Backward = Callable[[str], None]


def _sources(node: Node) -> list[Node]:
    """The values that an operation takes, in order."""
    found: list[Node] = []
    for given in node.args:
        parts = given if isinstance(given, Sequence) and not isinstance(given, str) else [given]
        found += [part for part in parts if isinstance(part, Node)]
    return found


def _source(node: Node) -> Node:
    return _sources(node)[0]


def _shape(node: Node) -> tuple[int, ...]:
    return tuple(node.meta["val"].shape)


def _same(tape: _Tape, node: Node) -> Backward:
    source = _source(node)
    tape.values[node] = tape.value(source)
    return lambda gradient: tape.pass_on(source, gradient)


def _minus(tape: _Tape, node: Node) -> Backward:
    source, constant = _sources(node)
    tape.values[node] = tape.put("Sub", [tape.value(source), tape.value(constant)])
    return lambda gradient: tape.pass_on(source, gradient)


def _over(tape: _Tape, node: Node) -> Backward:
    source, constant = _sources(node)
    tape.values[node] = tape.put("Div", [tape.value(source), tape.value(constant)])
    return lambda gradient: tape.pass_on(source, tape.put("Div", [gradient, tape.value(constant)]))


def _plus(tape: _Tape, node: Node) -> Backward:
    one, other = _sources(node)
    tape.values[node] = tape.put("Add", [tape.value(one), tape.value(other)])

    def backward(gradient: str) -> None:
        tape.pass_on(one, gradient)
        tape.pass_on(other, gradient)

    return backward


def _relu(tape: _Tape, node: Node) -> Backward:
    source = _source(node)
    result = tape.values[node] = tape.put("Relu", [tape.value(source)])
    return lambda gradient: tape.pass_on(source, tape.masked(gradient, tape.put("Greater", [result, tape.number(0)])))


def _convolution(tape: _Tape, node: Node) -> Backward:
    source, weight = _sources(node)[:2]
    kernel, bias = tape.value(weight), tape.value(given) if (given := _option(node, 2, None)) else ""
    stride, padding, dilation = (_pair(_option(node, place, default)) for place, default in ((3, 1), (4, 0), (5, 1)))
    group, sides = int(_option(node, 6, 1)), _shape(weight)[2:]
    norm = _norm_of(node)
    if norm is not None:  # folded into the convolution, which the runtime does once, when it loads the graph
        scale, shift = _scale_and_shift(tape, norm)
        kernel = tape.put("Mul", [kernel, tape.put("Reshape", [scale, tape.integers([-1, 1, 1, 1])])])
        bias = tape.put("Add", [shift, tape.put("Mul", [bias, scale])]) if bias else shift
    where: dict[str, Any] = {"strides": stride, "pads": padding * 2, "dilations": dilation}
    inputs = [tape.value(source), kernel, *([bias] if bias else [])]
    tape.values[node] = tape.put("Conv", inputs, group=group, **where)

    def backward(gradient: str) -> None:
        if (
            stride == [1, 1] == dilation
            and group == 1
            and all(pad < side for pad, side in zip(padding, sides, strict=True))
        ):
            # the same sum as a convolution, which runtimes compute faster than its transpose
            turned = tape.put("Transpose", [kernel], perm=[1, 0, 2, 3])
            ends = [tape.integers([-1, -1]), tape.integers([-(2**31), -(2**31)]), tape.integers([2, 3])]
            turned = tape.put("Slice", [turned, *ends, tape.integers([-1, -1])])
            around = [side - 1 - pad for pad, side in zip(padding, sides, strict=True)] * 2
            tape.pass_on(source, tape.put("Conv", [gradient, turned], pads=around))
            return
        missing = [
            before - ((after - 1) * stride[i] - 2 * padding[i]) - (dilation[i] * (sides[i] - 1) + 1)
            for i, (before, after) in enumerate(zip(_shape(source)[2:], _shape(node)[2:], strict=True))
        ]
        result = tape.put("ConvTranspose", [gradient, kernel], group=group, output_padding=missing, **where)
        tape.pass_on(source, result)

    return backward


def _norm_of(node: Node) -> Node | None:
    """The normalisation that follows a convolution and can be folded into it."""
    users = list(node.users)
    return users[0] if _name(node) == "conv2d" and len(users) == 1 and _name(users[0]) == "batch_norm" else None


def _scale_and_shift(tape: _Tape, node: Node) -> tuple[str, str]:
    """What BatchNorm does in evaluation mode, as one scale and one shift a channel (C)."""
    given: list[Any] = list(node.args)
    _, weight, bias, mean, variance, _, _, epsilon, *_ = given
    deviation = tape.put("Sqrt", [tape.put("Add", [tape.value(variance), tape.number(epsilon)])])
    scale = tape.put("Reciprocal", [deviation])
    if weight is not None:
        scale = tape.put("Mul", [tape.value(weight), scale])
    shift = tape.put("Neg", [tape.put("Mul", [tape.value(mean), scale])])
    return scale, tape.put("Add", [tape.value(bias), shift]) if bias is not None else shift


def _batch_norm(tape: _Tape, node: Node) -> Backward:
    source = _source(node)
    if _norm_of(source) is node:
        return _same(tape, node)
    each = tape.integers([1, -1, 1, 1])
    scale, shift = (tape.put("Reshape", [value, each]) for value in _scale_and_shift(tape, node))
    tape.values[node] = tape.put("Add", [tape.put("Mul", [tape.value(source), scale]), shift])
    return lambda gradient: tape.pass_on(source, tape.put("Mul", [gradient, scale]))


def _max_pool(tape: _Tape, node: Node) -> Backward:
    source, side = _source(node), _pair(node.args[1])
    stride, padding = _pair(_option(node, 2, []) or side), _pair(_option(node, 3, 0))
    names = [f"v{len(tape.nodes)}", f"v{len(tape.nodes)}.places"]
    where = {"kernel_shape": side, "strides": stride, "pads": padding * 2}
    result, places = tape.several("MaxPool", [tape.value(source)], names, **where)
    tape.values[node] = result

    def backward(gradient: str) -> None:
        # the places of the largest values count through the whole tensor (N,C,H,W)
        flat, given = tape.integers([-1]), tape.value(source)
        zeros = tape.put("Expand", [tape.number(0), tape.put("Reshape", [tape.put("Size", [given]), flat])])
        parts = [zeros, tape.put("Reshape", [places, flat]), tape.put("Reshape", [gradient, flat])]
        spread = tape.put("ScatterElements", parts, axis=0, reduction="add")
        tape.pass_on(source, tape.put("Reshape", [spread, tape.put("Shape", [given])]))

    return backward


def _mean_pool(tape: _Tape, node: Node) -> Backward:
    size = _pair(node.args[1])
    if size != [1, 1]:
        matrices = [
            adaptive_avg_pool1d(torch.eye(side), to).T for side, to in zip(_shape(_source(node))[2:], size, strict=True)
        ]
        return _resampled(tape, node, matrices)
    source = _source(node)
    tape.values[node] = tape.put("GlobalAveragePool", [tape.value(source)])

    def backward(gradient: str) -> None:
        height, width = _shape(source)[2:]
        each = tape.put("Div", [gradient, tape.number(height * width)])
        tape.pass_on(source, tape.put("Expand", [each, tape.put("Shape", [tape.value(source)])]))

    return backward


def _bilinear(tape: _Tape, node: Node) -> Backward:
    aligned, matrices = bool(node.args[2]), []
    for side, to in zip(_shape(_source(node))[2:], _shape(node)[2:], strict=True):
        columns = torch.eye(side)[None, :, :, None]  # a picture a channel, 1 at one place
        matrices.append(interpolate(columns, (to, 1), mode="bilinear", align_corners=aligned)[0, :, :, 0].T)
    return _resampled(tape, node, matrices)


def _resampled(tape: _Tape, node: Node, matrices: list[Tensor]) -> Backward:
    """What is linear along each axis: a matrix (new, old) for the height, and one for the width."""
    source = _source(node)
    down, across = (matrix.contiguous().numpy() for matrix in matrices)

    def multiplied(value: str, left: np.ndarray, right: np.ndarray) -> str:
        return tape.put("MatMul", [tape.constant(left), tape.put("MatMul", [value, tape.constant(right)])])

    tape.values[node] = multiplied(tape.value(source), down, np.ascontiguousarray(across.T))
    return lambda gradient: tape.pass_on(source, multiplied(gradient, np.ascontiguousarray(down.T), across))


def _joined(tape: _Tape, node: Node) -> Backward:
    sources = _sources(node)
    tape.values[node] = tape.put("Concat", [tape.value(source) for source in sources], axis=1)

    def backward(gradient: str) -> None:
        sizes = tape.integers([_shape(source)[1] for source in sources])
        names = [f"v{len(tape.nodes)}.{i}" for i in range(len(sources))]
        for source, part in zip(sources, tape.several("Split", [gradient, sizes], names, axis=1), strict=True):
            tape.pass_on(source, part)

    return backward


def _flatten(tape: _Tape, node: Node) -> Backward:
    source = _source(node)
    tape.values[node] = tape.put("Flatten", [tape.value(source)], axis=1)
    back = [-1, *_shape(source)[1:]]
    return lambda gradient: tape.pass_on(source, tape.put("Reshape", [gradient, tape.integers(back)]))


def _linear(tape: _Tape, node: Node) -> Backward:
    source, *weights = _sources(node)
    kernel, *bias = (tape.value(weight) for weight in weights)
    tape.values[node] = tape.put("Gemm", [tape.value(source), kernel, *bias], transB=1)
    return lambda gradient: tape.pass_on(source, tape.put("Gemm", [gradient, kernel]))


RULES: dict[str, Callable[[_Tape, Node], Backward]] = {
    "conv2d": _convolution,
    "batch_norm": _batch_norm,
    "relu": _relu,
    "relu_": _relu,
    "max_pool2d": _max_pool,
    "adaptive_avg_pool2d": _mean_pool,
    "upsample_bilinear2d": _bilinear,
    "cat": _joined,
    "flatten": _flatten,
    "linear": _linear,
    "add": _plus,
    "add_": _plus,
    "sub": _minus,
    "div": _over,
    **dict.fromkeys(("alias", "clone", "dropout", "feature_dropout"), _same),
}
"""How each operation of a network is written, by its name in PyTorch."""
