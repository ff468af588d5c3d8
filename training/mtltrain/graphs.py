"""Writes the two ONNX graphs of a package and the one weight file that both read.

Every matrix is stored once, int8 with a scale per output channel. The CPU graph multiplies in int8
(`MatMulIntegerToFloat`, `QAttention`) what `QuantizeLinear` made of its input between fixed bounds. The CUDA graph turns the same bytes into fp16 by Cast and Mul, which ONNX Runtime folds
at load (it does not fold `DequantizeLinear`), and uses the fused attention and layer norm of `com.microsoft`; the CPU graph has its layer norm in standard operators.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper

from .model import VECTOR_KINDS, Lexical, MultitaskModel, pooling
from .quantize import activation_scale, to_int8

OPSET, MICROSOFT = 17, "com.microsoft"
_TYPES = {np.dtype("int8"): TensorProto.INT8, np.dtype("uint8"): TensorProto.UINT8, np.dtype("int16"): TensorProto.INT16, np.dtype("float16"): TensorProto.FLOAT16, np.dtype("float32"): TensorProto.FLOAT, np.dtype("int64"): TensorProto.INT64}
ALIGNMENT = 64


class WeightFile:
    """Arrays one after the other in a file; a name is written once, whichever graph asks first."""

    def __init__(self, path: Path):
        self.path = path
        self._entries: dict[str, tuple[int, np.ndarray]] = {}
        self._length = 0

    def add(self, name: str, array: np.ndarray) -> TensorProto:
        array = np.ascontiguousarray(array)
        if name not in self._entries:
            self._length += -self._length % ALIGNMENT
            self._entries[name] = (self._length, array)
            self._length += array.nbytes
        offset, stored = self._entries[name]
        if stored.shape != array.shape or stored.dtype != array.dtype:
            raise ValueError(f"{name} is stored as {stored.dtype}{stored.shape}, asked for as {array.dtype}{array.shape}")
        tensor = TensorProto(name=name, data_type=_TYPES[array.dtype], dims=array.shape, data_location=TensorProto.EXTERNAL)
        for key, value in (("location", self.path.name), ("offset", offset), ("length", array.nbytes)):
            tensor.external_data.add(key=key, value=str(value))
        return tensor

    def write(self) -> None:
        with self.path.open("wb") as file:
            for offset, array in self._entries.values():
                file.write(b"\0" * (offset - file.tell()))
                file.write(array.tobytes())


class Graph:
    """Nodes and initializers under construction; every method returns the name of what it made."""

    def __init__(self, weights: WeightFile, half: bool):
        self.weights, self.half = weights, half
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: dict[str, TensorProto] = {}
        self._ready: dict[str, str] = {}

    def node(self, kind: str, inputs: list[str], name: str, domain: str = "", outputs: list[str] | None = None, **attributes) -> str:
        outputs = outputs or [name]
        self.nodes.append(helper.make_node(kind, inputs, outputs, name="node/" + name, domain=domain, **attributes))
        return outputs[0]

    def stored(self, name: str, array: np.ndarray) -> str:
        """An array in the weight file."""
        if name not in self.initializers:
            self.initializers[name] = self.weights.add(name, array)
        return name

    def constant(self, name: str, values) -> str:
        """A small array inside the graph."""
        array = np.asarray(values)
        if name not in self.initializers:
            self.initializers[name] = helper.make_tensor(name, _TYPES[array.dtype], array.shape, array.flatten().tolist())
        return name

    def vector(self, name: str, array: np.ndarray) -> str:
        """A float array of the weight file, in the graph's precision."""
        stored = self.stored(name, array.astype(np.float32))
        if not self.half:
            return stored
        if name not in self._ready:
            self._ready[name] = self.node("Cast", [stored], name + "/half", to=TensorProto.FLOAT16)
        return self._ready[name]

    def table(self, name: str, weight) -> str:
        """[rows, n], int8 with a scale per row, as floats in the graph's precision; ONNX Runtime folds it at load."""
        if name not in self._ready:
            values, scales = to_int8(weight)
            wide = self.node("Cast", [self.stored(name, values.numpy())], name + "/wide", to=TensorProto.FLOAT)
            full = self.node("Mul", [wide, self.stored(name + ".scales", scales.numpy())], name + "/full")
            self._ready[name] = self.node("Cast", [full], name + "/half", to=TensorProto.FLOAT16) if self.half else full
        return self._ready[name]

    def linear(self, x: str, layer, name: str, bias: bool = True) -> str:
        """x [..., in] -> [..., out]."""
        weight = self.matrix(layer, name)
        if self.half:
            y = self.node("MatMul", [x, weight], name + "/y")
            return self.node("Add", [y, self.bias(layer, name)], name + "/z") if bias else y
        rounded, step, zero = self.rounded(x, layer, name)
        inputs = [rounded, weight, step, name + ".scales", zero, ""] + ([self.bias(layer, name)] if bias else [])
        return self.node("MatMulIntegerToFloat", inputs, name + "/y", MICROSOFT)

    def rounded(self, x: str, layer, name: str) -> tuple[str, str, str]:
        """The input of an int8 matrix as uint8, its step and its zero."""
        if layer.span is None:
            raise ValueError(f"{name}: the bounds of its input are not set; expected `quantize.fix_spans` to have run")
        if layer.smoothing is not None:
            x = self.node("Mul", [x, self.stored(name + ".smoothing", layer.smoothing.numpy())], name + "/x")
        scale, zero = (value.numpy() for value in activation_scale(*map(torch.tensor, layer.span)))
        bounds = self.constant(name + ".step", scale), self.constant(name + ".zero", zero.astype(np.uint8))
        return self.node("QuantizeLinear", [x, *bounds], name + "/uint8"), *bounds

    def matrix(self, layer, name: str) -> str:
        """[in, out]: int8 on CPU, fp16 on CUDA, where the weights take over what smoothing does to the input."""
        values, scales = to_int8(layer.weight)
        stored = self.stored(name, values.numpy().T)
        scale = self.stored(name + ".scales", scales.numpy().reshape(-1))
        if not self.half:
            return stored
        wide = self.node("Cast", [stored], name + "/wide", to=TensorProto.FLOAT)
        full = self.node("Mul", [wide, scale], name + "/full")
        if layer.smoothing is not None:
            factors = self.stored(name + ".smoothing", layer.smoothing.numpy())
            full = self.node("Mul", [full, self.node("Unsqueeze", [factors, self.constant("axis1", np.array([1]))], name + "/column")], name + "/plain")
        return self.node("Cast", [full], name + "/half", to=TensorProto.FLOAT16)

    def bias(self, layer, name: str) -> str:
        return self.vector(name + ".bias", layer.bias.detach().numpy())

    def norm(self, layer, name: str) -> list[str]:
        return [self.vector(name + ".weight", layer.weight.detach().numpy()), self.vector(name + ".bias", layer.bias.detach().numpy())]


def write(model: MultitaskModel, folder: Path, temperatures: dict[str, float]) -> None:
    """Writes `model.cpu.onnx`, `model.cuda.onnx` and `weights.bin` into `folder`."""
    weights = WeightFile(folder / "weights.bin")
    for device in ("cpu", "cuda"):
        proto = _build(model, Graph(weights, half=device == "cuda"), temperatures)
        (folder / f"model.{device}.onnx").write_bytes(proto.SerializeToString())
    weights.write()


def _build(model: MultitaskModel, g: Graph, temperatures: dict[str, float]) -> onnx.ModelProto:
    outputs = _heads(model, g, _encoder(model, g), temperatures)
    inputs = [helper.make_tensor_value_info(n, TensorProto.INT64, ["rows", "columns"])
              for n in ("input_ids", "attention_mask", "token_type_ids")]
    graph = helper.make_graph(g.nodes, "multitask", inputs, outputs, list(g.initializers.values()))
    return helper.make_model(graph, producer_name="mtltrain", ir_version=8,
                             opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(MICROSOFT, 1)])


def _encoder(model: MultitaskModel, g: Graph) -> str:
    encoder, shape = model.encoder, model.shape
    kind = TensorProto.FLOAT16 if g.half else TensorProto.FLOAT
    # Looked up as int8, so that the table stays small in memory; only the rows in use become floats.
    values, scales = to_int8(encoder.words.weight)
    rows = g.node("Gather", [g.stored("words", values.numpy()), "input_ids"], "words/rows")
    halves = g.node("Gather", [g.stored("words.scales", scales.numpy().astype(np.float16)), "input_ids"], "words/halves")
    scale = g.node("Cast", [halves], "words/scale", to=TensorProto.FLOAT)
    wide = g.node("Cast", [rows], "words/wide", to=TensorProto.FLOAT)
    x = g.node("Mul", [wide, scale], "words/vectors")
    x = g.node("Cast", [x], "words/half", to=kind) if g.half else x
    length = g.node("Shape", ["input_ids"], "columns", start=1, end=2)
    places = g.node("Slice", [g.table("positions", encoder.positions.weight), g.constant("zero", np.array([0])), length,
                              g.constant("axis0", np.array([0]))], "positions/rows")
    cases = g.node("Gather", [g.vector("cases", encoder.cases.weight.detach().numpy()), "token_type_ids"], "cases/rows")
    x = g.node("Add", [g.node("Add", [x, cases], "embedded/0"), places], "embedded/1")
    x = g.node("LayerNormalization", [x, *g.norm(encoder.norm, "norm")], "embedded", axis=-1, epsilon=shape.epsilon)

    g.node("Cast", ["attention_mask"], "mask/int", to=TensorProto.INT32)
    if g.half:
        lengths = g.node("ReduceSum", ["mask/int", g.constant("axis1", np.array([1]))], "lengths", keepdims=0)
    for i, layer in enumerate(encoder.layers):
        p = f"layer{i}."
        if g.half:
            context = g.node("Attention", [x, g.matrix(layer.qkv, p + "qkv"), g.bias(layer.qkv, p + "qkv"), lengths],
                             p + "context", MICROSOFT, num_heads=shape.heads)
        else:
            weight, bias = g.matrix(layer.qkv, p + "qkv"), g.bias(layer.qkv, p + "qkv")
            rounded, step, zero = g.rounded(x, layer.qkv, p + "qkv")
            context = g.node("QAttention", [rounded, weight, bias, step, p + "qkv.scales", "mask/int", zero], p + "context", MICROSOFT, num_heads=shape.heads)
        x = _add_norm(g, context, x, layer.out, layer.norm1, p + "out", p + "norm1", shape)
        if g.half:
            inner = g.linear(x, layer.ff1, p + "ff1", bias=False)
            inner = g.node("BiasGelu", [inner, g.bias(layer.ff1, p + "ff1")], p + "gelu", MICROSOFT)
        else:
            inner = g.node("Gelu", [g.linear(x, layer.ff1, p + "ff1")], p + "gelu", MICROSOFT)
        x = _add_norm(g, inner, x, layer.ff2, layer.norm2, p + "ff2", p + "norm2", shape)
    return x


def _add_norm(g: Graph, x: str, residual: str, layer, norm, layer_name: str, name: str, shape) -> str:
    """The norm of a layer's output and of what came before it.

    On a CPU as two operators: ONNX Runtime's `LayerNormalization` is vectorised, and its fused
    `SkipLayerNormalization` is a scalar loop (1.31: 1.2 times the time of the whole graph).
    """
    if g.half:
        y = g.linear(x, layer, layer_name, bias=False)
        return g.node("SkipLayerNormalization", [y, residual, *g.norm(norm, name), g.bias(layer, layer_name)], name,
                      MICROSOFT, epsilon=shape.epsilon)
    both = g.node("Add", [g.linear(x, layer, layer_name), residual], name + "/sum")
    return g.node("LayerNormalization", [both, *g.norm(norm, name)], name, axis=-1, epsilon=shape.epsilon)


def _heads(model: MultitaskModel, g: Graph, hidden: str, temperatures: dict[str, float]) -> list[onnx.ValueInfoProto]:
    """Adds every head; returns the graph's outputs in the order of the tasks."""
    outputs: list[onnx.ValueInfoProto] = []
    pooled = _pooled(model, g, hidden)
    for task in model.tasks.values():
        head, p = model.heads[task.name], task.name
        if task.kind in VECTOR_KINDS:
            outputs += [_vector(getattr(head, part) if part else head, g, pooled[p, part], p, part, task.size) for part in pooling(task)]
            continue
        x = hidden if task.per_token else pooled[p, ""]
        inner = g.node("Tanh", [g.linear(x, head.dense, f"{p}.dense")], f"{p}/inner")
        logits = g.linear(inner, head.classify, f"{p}.classify")
        if g.half:
            logits = g.node("Cast", [logits], f"{p}/logits", to=TensorProto.FLOAT)
        if task.kind == "answer_span":
            outputs.append(_answer(g, logits, p))
            continue
        if p in model.lexical:
            logits = g.node("Add", [logits, _lexical(model.lexical[p], g, p, len(task.labels))], f"{p}/both")
        scaled = g.node("Mul", [logits, g.constant(f"{p}.warmth", np.array(1 / temperatures.get(p, 1.0), np.float32))], f"{p}/scaled")
        if task.per_token:
            g.node("ReduceMax", [g.node("Softmax", [scaled], f"{p}/softmax", axis=-1)], f"{p}.scores", axes=[-1], keepdims=0)
            best = g.node("ArgMax", [scaled], f"{p}/best", axis=-1, keepdims=0)
            g.node("Cast", [best], f"{p}.tags", to=TensorProto.INT32)
            outputs += [helper.make_tensor_value_info(f"{p}.tags", TensorProto.INT32, ["rows", "columns"]),
                        helper.make_tensor_value_info(f"{p}.scores", TensorProto.FLOAT, ["rows", "columns"])]
        else:
            if task.kind == "multi_label":
                g.node("Sigmoid", [scaled], f"{p}.probabilities")
            else:
                g.node("Softmax", [scaled], f"{p}.probabilities", axis=-1)
            outputs.append(helper.make_tensor_value_info(f"{p}.probabilities", TensorProto.FLOAT, ["rows", len(task.labels)]))
    return outputs


def _vector(head, g: Graph, pooled: str, task: str, part: str, size: int) -> onnx.ValueInfoProto:
    """[rows, size], each of length 1."""
    p = f"{task}.{part}" if part else task
    x = g.linear(pooled, head.project, f"{p}.project")
    x = g.node("Cast", [x], f"{p}/wide", to=TensorProto.FLOAT) if g.half else x
    squares = g.node("ReduceSum", [g.node("Mul", [x, x], f"{p}/squared"), g.constant("last", np.array([-1]))], f"{p}/squares", keepdims=1)
    length = g.node("Sqrt", [g.node("Max", [squares, g.constant("least", np.array(1e-12, np.float32))], f"{p}/kept")], f"{p}/length")
    name = g.node("Div", [x, length], p if part else f"{p}.vector")
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", size])


def _answer(g: Graph, logits: str, task: str) -> onnx.ValueInfoProto:
    """[rows, columns, 2]: log-probability that the answer begins and ends at a token; at the first token: that there is none."""
    padding = g.node("Unsqueeze", [_padding(g), g.constant("axis2", np.array([2]))], f"{task}/padding")
    g.node("LogSoftmax", [g.node("Add", [logits, padding], f"{task}/masked")], f"{task}.scores", axis=1)
    return helper.make_tensor_value_info(f"{task}.scores", TensorProto.FLOAT, ["rows", "columns", 2])


def _padding(g: Graph) -> str:
    """[rows, columns]: 0 for a token, -10,000 for padding."""
    if "pool/bias" not in {n.output[0] for n in g.nodes}:
        real = g.node("Cast", ["attention_mask"], "pool/real", to=TensorProto.FLOAT)
        g.node("Mul", [g.node("Sub", [real, g.constant("one", np.array(1, np.float32))], "pool/padding"),
                       g.constant("far", np.array(10000, np.float32))], "pool/bias")
    return "pool/bias"


def _lexical(lexical: Lexical, g: Graph, task: str, labels: int) -> str:
    """input_ids -> [rows, labels]; the table is int8 with a scale per column, so its sums are whole numbers and exact."""
    p = f"{task}.lexical"
    values, scales = to_int8(lexical.table.T)
    places = g.node("Gather", [g.stored(f"{p}.places", lexical.places.numpy().astype(np.int16)), "input_ids"], f"{p}/short")
    rows = g.node("Gather", [g.stored(p, values.T.numpy()), g.node("Cast", [places], f"{p}/places", to=TensorProto.INT32)], f"{p}/rows")
    sums = g.node("ReduceSum", [g.node("Cast", [rows], f"{p}/wide", to=TensorProto.FLOAT), g.constant("axis1", np.array([1]))], f"{p}/sums", keepdims=0)
    full = g.node("Mul", [sums, g.stored(f"{p}.scales", scales.numpy().reshape(-1))], f"{p}/full")
    g.node("Split", [full, g.constant(f"{p}.parts", np.array([labels, 1]))], f"{p}/split", axis=1, outputs=[f"{p}/logits", f"{p}/squares"])
    square = g.node("Add", [f"{p}/squares", g.constant(f"{p}.floor", np.array(lexical.FLOOR, np.float32))], f"{p}/square")
    return g.node("Div", [f"{p}/logits", g.node("Sqrt", [square], f"{p}/norm")], f"{p}/normed")


def _pooled(model: MultitaskModel, g: Graph, hidden: str) -> dict[tuple[str, str], str]:
    """[rows, n] for each part of a head that pools, each with its own attention over the tokens of hidden [rows, columns, n]."""
    parts = [(task.name, part) for task in model.tasks.values() for part in pooling(task)]
    if not parts:
        return {}
    heads = [getattr(model.heads[name], part) if part else model.heads[name] for name, part in parts]
    scores = g.node("MatMul", [hidden, g.vector("queries", np.stack([head.query.detach().numpy() for head in heads], axis=1))], "pool/scores")
    if g.half:
        scores = g.node("Cast", [scores], "pool/scores32", to=TensorProto.FLOAT)
    column = g.node("Unsqueeze", [_padding(g), g.constant("axis2", np.array([2]))], "pool/column")
    weights = g.node("Softmax", [g.node("Add", [scores, column], "pool/masked")], "pool/weights", axis=1)
    if g.half:
        weights = g.node("Cast", [weights], "pool/weights16", to=TensorProto.FLOAT16)
    pooled = g.node("MatMul", [g.node("Transpose", [weights], "pool/turned", perm=[0, 2, 1]), hidden], "pool/pooled")
    found = {}
    for i, (name, part) in enumerate(parts):
        p = f"{name}.{part}" if part else name
        found[name, part] = g.node("Gather", [pooled, g.constant(f"{p}.index", np.array(i))], f"{p}/pooled", axis=1)
    return found
