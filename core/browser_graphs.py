"""A classifier and one step of S-PGD on it as ONNX graphs, which a browser runs without any server.

N images, C channels, H W height and width, K classes. A graph holds no weights: it names their places in the model
folder's own `model.safetensors`, so that a page ships that file as it is, and equal architectures share their graphs.
ONNX has no automatic gradient: each operation below brings its own.
"""

import importlib.util
import json
import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from core.attacks.spgd import SPGD
from core.checkpoints.store import WEIGHTS
from core.files import FileError
from core.models.normalised import Normalised

if TYPE_CHECKING:
    import onnx

OPSET, IR_VERSION = 18, 9
"""As old as the operations allow, for older runtimes."""
KINDS = {"F16": "FLOAT16", "F32": "FLOAT"}


@dataclass(frozen=True)
class Graphs:
    """Both graphs of one model as bytes; the weights are the file `model.safetensors` of its folder.

    `predict`: images uint8 (N,3,H,W), delta (1,3,H,W) -> logits (N,K).

    `step`: images, labels int32 (N), delta, velocity (1,3,H,W), and the numbers epsilon, size, direction, least ->
    next_delta, next_velocity, logits of the images under the delta given. `size` is the length of the step, in [0, 1]
    like epsilon. The labels are those that the objective aims at: the true ones with direction 1 and least 0, or the
    target with direction -1 and least -log 0.75, the loss below which an image earns no more. An image labelled -1
    counts nowhere, so mini-batches can be filled up.
    """

    predict: bytes
    step: bytes


def export(model: Normalised, folder: Path, size: tuple[int, int]) -> Graphs:
    """The graphs of the classifier of a model folder, for images of this height and width.

    Raises ValueError that names what the browser cannot run, or without onnx; FileError for a damaged weights file.
    """
    if importlib.util.find_spec("onnx") is None:
        raise ValueError("Attacks in the browser need onnx; install it with: pip install 'plainsight[export]'")
    network = _traced(model, size)
    places = _places(folder / WEIGHTS)
    return Graphs(_predict(network, places, size), _step(network, places, size))


def _predict(network: torch.fx.GraphModule, places: "dict[str, _Place]", size: tuple[int, int]) -> bytes:
    tape = _Tape(network, places)
    tape.put("Clip", [tape.put("Add", [_units(tape), "delta"]), tape.number(0), tape.number(1)], "attacked")
    tape.put("Identity", [tape.forward("attacked")], "logits")
    return tape.finished(_given(size)[:1] + _given(size)[2:3], [("logits", "FLOAT", ["N", "K"])])


def _step(network: torch.fx.GraphModule, places: "dict[str, _Place]", size: tuple[int, int]) -> bytes:
    tape = _Tape(network, places)
    shifted = tape.put("Add", [_units(tape), "delta"])
    tape.put("Clip", [shifted, tape.number(0), tape.number(1)], "attacked")
    tape.put("Identity", [logits := tape.forward("attacked")], "logits")
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
    like_delta = ["next_delta", "next_velocity"]
    outputs = [(name, "FLOAT", [1, 3, *size]) for name in like_delta] + [("logits", "FLOAT", ["N", "K"])]
    return tape.finished(_given(size), outputs)


def _given(size: tuple[int, int]) -> list[tuple[str, str, list[Any]]]:
    """Names, kinds and shapes of the inputs of a step."""
    perturbations = [(name, "FLOAT", [1, 3, *size]) for name in ("delta", "velocity")]
    numbers: list[tuple[str, str, list[Any]]] = [
        (name, "FLOAT", []) for name in ("epsilon", "size", "direction", "least")
    ]
    return [("images", "UINT8", ["N", 3, *size]), ("labels", "INT32", ["N"]), *perturbations, *numbers]


def _units(tape: "_Tape") -> str:
    """The images in [0, 1]."""
    return tape.put("Div", [tape.put("Cast", ["images"], to="FLOAT"), tape.number(255)])


def _by_logits(tape: "_Tape", logits: str) -> str:
    """The gradient (N,K) of the summed gain by the logits: that of the cross-entropy, where an image counts."""
    classes = tape.shape(list(tape.network.graph.nodes)[-1])[1]
    labels = tape.put("Unsqueeze", ["labels", tape.integers([1])])
    onehot = tape.put("Equal", [labels, tape.constant(np.arange(classes, dtype=np.int32))])
    onehot = tape.put("Cast", [onehot], to="FLOAT")
    likely = tape.put("LogSoftmax", [logits], axis=1)
    axis = tape.integers([1])
    loss = tape.put("Neg", [tape.put("ReduceSum", [tape.put("Mul", [likely, onehot]), axis], keepdims=1)])
    counts = tape.put("Cast", [tape.put("GreaterOrEqual", [loss, "least"])], to="FLOAT")
    known = tape.put("ReduceSum", [onehot, axis], keepdims=1)
    weight = tape.put("Mul", [tape.put("Mul", [counts, known]), "direction"])
    return tape.put("Mul", [weight, tape.put("Sub", [tape.put("Exp", [likely]), onehot])])


# ---------------------------------------------------------------------------------------------------------------------
# The network


def _traced(model: Normalised, size: tuple[int, int]) -> torch.fx.GraphModule:
    """The network as a list of operations, each with the shape of what it gives. Raises ValueError."""
    from torch.fx.passes.shape_prop import ShapeProp

    device = model.mean.device
    try:
        network = torch.fx.symbolic_trace(model)
        with torch.no_grad():
            ShapeProp(network).propagate(torch.zeros(1, 3, *size, device=device))
    except (torch.fx.proxy.TraceError, TypeError, RuntimeError) as error:
        raise ValueError(f"This architecture cannot run in the browser: {str(error).partition(chr(10))[0]}") from error
    for node in network.graph.nodes:
        if node.op not in ("placeholder", "get_attr", "output") and _rule(network, node) is None:
            what = type(network.get_submodule(node.target)).__name__ if node.op == "call_module" else node.target
            known = ", ".join(sorted({kind.__name__ for kind in RULES if isinstance(kind, type)}))
            raise ValueError(
                f"This architecture cannot run in the browser: it needs {getattr(what, '__name__', what)}, and what "
                f"the browser computes is made of {known} and sums."
            )
    return network


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

    network: torch.fx.GraphModule
    places: dict[str, _Place]
    nodes: "list[onnx.NodeProto]" = field(default_factory=list)
    tensors: "dict[str, onnx.TensorProto]" = field(default_factory=dict)
    values: dict[torch.fx.Node, str] = field(default_factory=dict)
    gradients: dict[torch.fx.Node, str] = field(default_factory=dict)
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

        name = f"c-{value.dtype}-{value.shape}-{value.tobytes().hex()}"
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

    def shape(self, node: torch.fx.Node) -> tuple[int, ...]:
        """The shape of a value for one image."""
        return tuple(node.meta["tensor_meta"].shape)

    def masked(self, gradient: str, passes: str) -> str:
        """The gradient where a condition holds, else 0."""
        return self.put("Mul", [gradient, self.put("Cast", [passes], to="FLOAT")])

    def forward(self, images: str) -> str:
        """Add the network; returns the name of the logits."""
        for node in self.network.graph.nodes:
            if node.op == "placeholder":
                self.values[node] = images
            elif node.op == "get_attr":
                self.values[node] = self.weight(str(node.target))
            elif node.op == "output":
                return self.values[_source(node)]
            else:
                self._add(node)
        raise AssertionError("a graph ends with its output")

    def _add(self, node: torch.fx.Node) -> None:
        rule = _rule(self.network, node)
        assert rule is not None
        backward = rule(self, node)

        def run() -> None:
            given = self.gradients.pop(node, None)
            if given is not None:
                backward(given)

        self.backwards.append(run)

    def backward(self, gradient: str) -> str:
        """Add the gradient by the network's input, given that by the logits."""
        nodes = list(self.network.graph.nodes)
        self.gradients[_source(nodes[-1])] = gradient
        for run in reversed(self.backwards):
            run()
        return self.gradients[nodes[0]]

    def pass_on(self, node: Any, gradient: str) -> None:
        """The gradient by one use of a value; those of several uses are summed."""
        if node.op != "get_attr":
            known = self.gradients.get(node)
            self.gradients[node] = gradient if known is None else self.put("Add", [known, gradient])

    def finished(self, inputs: list[tuple[str, str, list[Any]]], outputs: list[tuple[str, str, list[Any]]]) -> bytes:
        """The graph as bytes."""
        from onnx import TensorProto, helper

        def described(values: list[tuple[str, str, list[Any]]]) -> "list[onnx.ValueInfoProto]":
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


def _module(tape: _Tape, node: torch.fx.Node) -> Any:
    return tape.network.get_submodule(str(node.target))


def _sources(node: torch.fx.Node) -> list[Any]:
    """The values that an operation takes."""
    return [given for given in node.args if isinstance(given, torch.fx.Node)]


def _source(node: torch.fx.Node) -> Any:
    return _sources(node)[0]


def _same(tape: _Tape, node: torch.fx.Node) -> Backward:
    source = _source(node)
    tape.values[node] = tape.values[source]
    return lambda gradient: tape.pass_on(source, gradient)


def _minus(tape: _Tape, node: torch.fx.Node) -> Backward:
    source, constant = _sources(node)
    tape.values[node] = tape.put("Sub", [tape.values[source], tape.values[constant]])
    return lambda gradient: tape.pass_on(source, gradient)


def _over(tape: _Tape, node: torch.fx.Node) -> Backward:
    source, constant = _sources(node)
    tape.values[node] = tape.put("Div", [tape.values[source], tape.values[constant]])
    return lambda gradient: tape.pass_on(source, tape.put("Div", [gradient, tape.values[constant]]))


def _plus(tape: _Tape, node: torch.fx.Node) -> Backward:
    one, other = _sources(node)
    tape.values[node] = tape.put("Add", [tape.values[one], tape.values[other]])

    def backward(gradient: str) -> None:
        tape.pass_on(one, gradient)
        tape.pass_on(other, gradient)

    return backward


def _relu(tape: _Tape, node: torch.fx.Node) -> Backward:
    source = _source(node)
    result = tape.values[node] = tape.put("Relu", [tape.values[source]])
    return lambda gradient: tape.pass_on(source, tape.masked(gradient, tape.put("Greater", [result, tape.number(0)])))


def _convolution(tape: _Tape, node: torch.fx.Node) -> Backward:
    layer, source = _module(tape, node), _source(node)
    kernel = tape.weight(f"{node.target}.weight")
    bias = tape.weight(f"{node.target}.bias") if layer.bias is not None else ""
    norm = _norm_of(tape.network, node)
    if norm is not None:  # folded into the convolution, which the runtime does once, when it loads the graph
        scale, shift = _scale_and_shift(tape, norm)
        kernel = tape.put("Mul", [kernel, tape.put("Reshape", [scale, tape.integers([-1, 1, 1, 1])])])
        bias = tape.put("Add", [shift, tape.put("Mul", [bias, scale])]) if bias else shift
    top, left = layer.padding
    where: dict[str, Any] = {
        "strides": list(layer.stride),
        "pads": [top, left, top, left],
        "dilations": list(layer.dilation),
    }
    inputs = [tape.values[source], kernel, *([bias] if bias else [])]
    tape.values[node] = tape.put("Conv", inputs, group=layer.groups, **where)

    def backward(gradient: str) -> None:
        height, width = layer.kernel_size
        if layer.stride == (1, 1) == layer.dilation and layer.groups == 1 and top < height and left < width:
            # the same sum as a convolution, which runtimes compute faster than its transpose
            turned = tape.put("Transpose", [kernel], perm=[1, 0, 2, 3])
            ends = [tape.integers([-1, -1]), tape.integers([-(2**31), -(2**31)]), tape.integers([2, 3])]
            turned = tape.put("Slice", [turned, *ends, tape.integers([-1, -1])])
            around = [height - 1 - top, width - 1 - left] * 2
            tape.pass_on(source, tape.put("Conv", [gradient, turned], pads=around))
            return
        before, after = tape.shape(source)[2:], tape.shape(node)[2:]
        missing = [
            before[i]
            - ((after[i] - 1) * layer.stride[i] - 2 * layer.padding[i])
            - (layer.dilation[i] * (layer.kernel_size[i] - 1) + 1)
            for i in range(2)
        ]
        result = tape.put("ConvTranspose", [gradient, kernel], group=layer.groups, output_padding=missing, **where)
        tape.pass_on(source, result)

    return backward


def _norm_of(network: torch.fx.GraphModule, node: torch.fx.Node) -> torch.fx.Node | None:
    """The normalisation that follows a convolution and can be folded into it."""
    users = list(node.users)
    if len(users) != 1 or users[0].op != "call_module":
        return None
    return users[0] if isinstance(network.get_submodule(str(users[0].target)), nn.BatchNorm2d) else None


def _scale_and_shift(tape: _Tape, node: torch.fx.Node) -> tuple[str, str]:
    """What BatchNorm does in evaluation mode, as one scale and one shift a channel (C)."""
    name, layer = node.target, _module(tape, node)
    variance = tape.put("Add", [tape.weight(f"{name}.running_var"), tape.number(layer.eps)])
    scale = tape.put("Reciprocal", [tape.put("Sqrt", [variance])])
    mean = tape.weight(f"{name}.running_mean")
    if layer.affine:
        scale = tape.put("Mul", [tape.weight(f"{name}.weight"), scale])
    shift = tape.put("Neg", [tape.put("Mul", [mean, scale])])
    return scale, tape.put("Add", [tape.weight(f"{name}.bias"), shift]) if layer.affine else shift


def _batch_norm(tape: _Tape, node: torch.fx.Node) -> Backward:
    source = _source(node)
    if source.op == "call_module" and isinstance(_module(tape, source), nn.Conv2d) and _norm_of(tape.network, source):
        return _same(tape, node)
    each = tape.integers([1, -1, 1, 1])
    scale, shift = (tape.put("Reshape", [value, each]) for value in _scale_and_shift(tape, node))
    tape.values[node] = tape.put("Add", [tape.put("Mul", [tape.values[source], scale]), shift])
    return lambda gradient: tape.pass_on(source, tape.put("Mul", [gradient, scale]))


def _max_pool(tape: _Tape, node: torch.fx.Node) -> Backward:
    layer, source = _module(tape, node), _source(node)
    side, stride, padding = (
        list(value) if isinstance(value, tuple) else [value, value]
        for value in (layer.kernel_size, layer.stride, layer.padding)
    )
    names = [f"v{len(tape.nodes)}", f"v{len(tape.nodes)}.places"]
    result, places = tape.several(
        "MaxPool", [tape.values[source]], names, kernel_shape=side, strides=stride, pads=padding * 2
    )
    tape.values[node] = result

    def backward(gradient: str) -> None:
        # the places of the largest values count through the whole tensor (N,C,H,W)
        flat = tape.integers([-1])
        shape = tape.put("Shape", [tape.values[source]])
        zeros = tape.put(
            "Expand", [tape.number(0), tape.put("Reshape", [tape.put("Size", [tape.values[source]]), flat])]
        )
        given = [zeros, tape.put("Reshape", [places, flat]), tape.put("Reshape", [gradient, flat])]
        spread = tape.put("ScatterElements", given, axis=0, reduction="add")
        tape.pass_on(source, tape.put("Reshape", [spread, shape]))

    return backward


def _mean(tape: _Tape, node: torch.fx.Node) -> Backward:
    source = _source(node)
    tape.values[node] = tape.put("GlobalAveragePool", [tape.values[source]])

    def backward(gradient: str) -> None:
        height, width = tape.shape(source)[2:]
        each = tape.put("Div", [gradient, tape.number(height * width)])
        tape.pass_on(source, tape.put("Expand", [each, tape.put("Shape", [tape.values[source]])]))

    return backward


def _flatten(tape: _Tape, node: torch.fx.Node) -> Backward:
    source = _source(node)
    tape.values[node] = tape.put("Flatten", [tape.values[source]], axis=1)
    back = [-1, *tape.shape(source)[1:]]
    return lambda gradient: tape.pass_on(source, tape.put("Reshape", [gradient, tape.integers(back)]))


def _linear(tape: _Tape, node: torch.fx.Node) -> Backward:
    source, kernel = _source(node), tape.weight(f"{node.target}.weight")
    bias = [tape.weight(f"{node.target}.bias")] if _module(tape, node).bias is not None else []
    tape.values[node] = tape.put("Gemm", [tape.values[source], kernel, *bias], transB=1)
    return lambda gradient: tape.pass_on(source, tape.put("Gemm", [gradient, kernel]))


def _rule(network: torch.fx.GraphModule, node: torch.fx.Node) -> "Callable[[_Tape, torch.fx.Node], Backward] | None":
    """How an operation is written; None for one that is not known, or not in this form."""
    if node.op != "call_module":
        return RULES.get(node.target) if node.op == "call_function" else None
    layer = network.get_submodule(str(node.target))
    odd = (
        (isinstance(layer, nn.Conv2d) and (layer.padding_mode != "zeros" or isinstance(layer.padding, str)))
        or (isinstance(layer, nn.MaxPool2d) and (layer.ceil_mode or layer.dilation != 1))
        or (isinstance(layer, nn.AdaptiveAvgPool2d) and layer.output_size not in (1, (1, 1)))
        or (isinstance(layer, nn.BatchNorm2d) and layer.running_var is None)
        or (isinstance(layer, nn.Flatten) and (layer.start_dim, layer.end_dim) != (1, -1))
    )
    return None if odd else RULES.get(type(layer))


RULES: dict[Any, Callable[[_Tape, torch.fx.Node], Backward]] = {
    nn.Conv2d: _convolution,
    nn.BatchNorm2d: _batch_norm,
    nn.ReLU: _relu,
    nn.MaxPool2d: _max_pool,
    nn.AdaptiveAvgPool2d: _mean,
    nn.Flatten: _flatten,
    nn.Linear: _linear,
    nn.Identity: _same,
    nn.Dropout: _same,
    torch.nn.functional.relu: _relu,
    operator.add: _plus,
    operator.iadd: _plus,
    torch.add: _plus,
    operator.sub: _minus,
    operator.truediv: _over,
}
