"""The CUDA graph in standard ONNX operators alone, for TensorRT, whose parser does not know those of `com.microsoft`.

A parser that meets an operator it does not know splits the graph into many engines. So what `graphs.py` fuses is written out again:
attention, layer norm with its residual, GELU by its formula. Tables of int8 and int16, which TensorRT does not look up, become
floating point when ONNX Runtime folds constants at load. The weights stay where they are, in the package's weight file.
"""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from pathlib import Path

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper

from .graphs import MICROSOFT

FILE = "model.tensorrt.onnx"
_SHORT = (TensorProto.INT8, TensorProto.INT16)


def add(package: Path, out: Path) -> None:
    """A copy of a package that also has a graph for TensorRT, made from the one for CUDA."""
    manifest = json.loads((package / "model.json").read_text(encoding="utf-8"))
    if "cuda" not in manifest["graphs"]:
        raise SystemExit(f"{package / 'model.json'}: graphs: found {', '.join(manifest['graphs'])}, expected cuda, which the graph for TensorRT is made from")
    if out.exists():
        raise SystemExit(f"{out} exists; expected the name of a folder to make")
    graph = rewritten(onnx.load(str(package / manifest["graphs"]["cuda"]), load_external_data=False))
    shutil.copytree(package, out)
    (out / FILE).write_bytes(graph.SerializeToString())
    lines = (out / "model.json").read_text(encoding="utf-8").split("\n")
    graphs, checksums = manifest["graphs"] | {"tensorrt": FILE}, manifest.get("checksums")
    if checksums is not None:
        checksums |= {FILE: "sha256:" + hashlib.sha256((out / FILE).read_bytes()).hexdigest()}
    _replace(lines, "graphs", graphs)
    if checksums is not None:
        _replace(lines, "checksums", checksums)
    (out / "model.json").write_text("\n".join(lines), encoding="utf-8")


def _replace(lines: list[str], member: str, value: dict) -> None:
    """One line of a manifest as `package.py` writes it: a member a line."""
    at = next((i for i, line in enumerate(lines) if line.startswith(f'  "{member}": {{') and line.rstrip(",").endswith("}")), None)
    if at is None:
        raise SystemExit(f'model.json: found no line "{member}": {{...}}, expected the manifest as `release` writes it')
    lines[at] = f'  "{member}": {json.dumps(value, ensure_ascii=False)}' + ("," if lines[at].endswith(",") else "")


def rewritten(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same outputs from standard operators; ValueError for one of another domain that is not known here."""
    graph = model.graph
    kinds = {tensor.name: tensor.data_type for tensor in graph.initializer}
    casts = {node.input[0]: node for node in graph.node if node.op_type == "Cast"}
    out = _Nodes(graph)
    replaced: set[str] = set()  # outputs of casts that moved from looked-up rows to their table
    for node in graph.node:
        if node.op_type == "Gather" and kinds.get(node.input[0]) in _SHORT:
            cast = casts[node.output[0]]
            table = out.add("Cast", [node.input[0]], node.input[0] + "/table", to=helper.get_attribute_value(cast.attribute[0]))
            out.nodes.append(helper.make_node("Gather", [table, node.input[1]], list(cast.output), name=node.name, axis=0))
            replaced.add(cast.output[0])
        elif node.op_type == "Cast" and node.output[0] in replaced:
            continue
        elif node.domain != MICROSOFT:
            out.nodes.append(node)
        elif node.op_type not in _WRITTEN_OUT:
            raise ValueError(f"{node.name}: {node.op_type} of {node.domain}: expected one of {', '.join(_WRITTEN_OUT)}")
        else:
            _WRITTEN_OUT[node.op_type](out, node, {a.name: helper.get_attribute_value(a) for a in node.attribute})
    needed = {o.name for o in graph.output}
    nodes: list[NodeProto] = []
    for node in reversed(out.nodes):
        if needed & set(node.output):
            nodes.insert(0, node)
            needed |= set(node.input)
    initializers = [t for t in [*graph.initializer, *out.constants.values()] if t.name in needed]
    made = helper.make_graph(nodes, graph.name, list(graph.input), list(graph.output), initializers)
    opsets = [o for o in model.opset_import if o.domain != MICROSOFT]
    return helper.make_model(made, producer_name=model.producer_name, ir_version=model.ir_version, opset_imports=opsets)


class _Nodes:
    """Nodes of the new graph and the constants that they bring."""

    def __init__(self, graph: onnx.GraphProto):
        self.nodes: list[NodeProto] = []
        self.constants: dict[str, TensorProto] = {}
        self._lengths = {tensor.name: tensor.dims[0] for tensor in graph.initializer if len(tensor.dims) == 1}
        self._lengths |= {node.output[0]: self._lengths[node.input[0]] for node in graph.node if node.op_type == "Cast" and node.input[0] in self._lengths}

    def length(self, vector: str) -> int:
        """Of one that is stored, as it is or in another type."""
        return self._lengths[vector]

    def add(self, kind: str, inputs: list[str], output: str, **attributes) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], name="node/" + output, **attributes))
        return output

    def integers(self, *values: int) -> str:
        name = "integers/" + ",".join(map(str, values))
        self.constants.setdefault(name, helper.make_tensor(name, TensorProto.INT64, [len(values)], values))
        return name

    def number(self, value: float) -> str:
        name = f"number/{value:.6g}"
        self.constants.setdefault(name, helper.make_tensor(name, TensorProto.FLOAT16, [], [float(np.float16(value))]))
        return name


def _attention(out: _Nodes, node: NodeProto, attributes: dict) -> None:
    """x [rows, columns, n], weight [n, 3n], bias [3n] -> [rows, columns, n]; padding is seen by nobody."""
    x, weight, bias = node.input[:3]
    p, heads = node.output[0] + "/", attributes["num_heads"]
    if not any("mask/far" in n.output for n in out.nodes):  # 0 for a token, -10,000 for padding, [rows, 1, 1, columns]
        real = out.add("Cast", ["attention_mask"], "mask/real", to=TensorProto.FLOAT16)
        away = out.add("Mul", [out.add("Sub", [real, out.number(1)], "mask/less"), out.number(10000)], "mask/away")
        out.add("Unsqueeze", [away, out.integers(1, 2)], "mask/far")
    qkv = out.add("Add", [out.add("MatMul", [x, weight], p + "product"), bias], p + "qkv")
    shaped = out.add("Reshape", [qkv, out.integers(0, 0, 3 * heads, -1)], p + "heads")
    turned = out.add("Transpose", [shaped], p + "turned", perm=[0, 2, 1, 3])  # [rows, 3 heads, columns, size]
    parts = [p + part for part in ("query", "key", "value")]
    out.nodes.append(helper.make_node("Split", [turned, out.integers(heads, heads, heads)], parts, name="node/" + p + "split", axis=1))
    query = out.add("Mul", [parts[0], out.number(1 / math.sqrt(out.length(bias) // 3 // heads))], p + "scaled")
    scores = out.add("MatMul", [query, out.add("Transpose", [parts[1]], p + "keys", perm=[0, 1, 3, 2])], p + "scores")
    weights = out.add("Softmax", [out.add("Add", [scores, "mask/far"], p + "masked")], p + "weights", axis=-1)
    mixed = out.add("Transpose", [out.add("MatMul", [weights, parts[2]], p + "mixed")], p + "back", perm=[0, 2, 1, 3])
    out.add("Reshape", [mixed, out.integers(0, 0, -1)], node.output[0])


def _skip_layer_normalization(out: _Nodes, node: NodeProto, attributes: dict) -> None:
    y, x, weight, shift, bias = node.input
    p = node.output[0] + "/"
    both = out.add("Add", [out.add("Add", [y, bias], p + "biased"), x], p + "both")
    out.add("LayerNormalization", [both, weight, shift], node.output[0], axis=-1, epsilon=attributes["epsilon"])


def _bias_gelu(out: _Nodes, node: NodeProto, attributes: dict) -> None:
    p = node.output[0] + "/"
    x = out.add("Add", list(node.input), p + "x")
    error = out.add("Erf", [out.add("Mul", [x, out.number(math.sqrt(0.5))], p + "narrow")], p + "erf")
    half = out.add("Mul", [x, out.number(0.5)], p + "half")
    out.add("Mul", [half, out.add("Add", [error, out.number(1)], p + "up")], node.output[0])


_WRITTEN_OUT = {"Attention": _attention, "SkipLayerNormalization": _skip_layer_normalization, "BiasGelu": _bias_gelu}
