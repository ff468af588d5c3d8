#!/usr/bin/env python3
"""Makes a copy of a model package to compare speeds with. Its labels mean something only in fp32.

Usage: variant_package.py fp32|TOKENS PACKAGE COPY        needs the Python package `onnx`

fp32     the CPU graph multiplies in fp32 instead of int8, with the same weights
TOKENS   windows as long as that; the vectors of places are repeated, for none were trained
"""

import hashlib
import json
import shutil
import sys
from pathlib import Path

import onnx
from onnx import TensorProto, helper


def to_fp32(graph: onnx.GraphProto) -> int:
    """Turns what multiplies in int8 into Cast, Mul (which ONNX Runtime folds at load) and MatMul and Add, or `Attention`; returns how many.

    What smoothing does to an input (training/mtltrain/quantize.py) the weights take back, so that the copy pays nothing for it.
    """
    nodes, count = [], 0
    smoothed = {node.output[0]: node for node in graph.node if node.op_type == "Mul" and node.input[1].endswith(".smoothing")}
    rounded = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "QuantizeLinear"}
    for node in graph.node:
        if node.output[0] in smoothed or node.output[0] in rounded:
            continue
        attention = node.op_type == "QAttention"
        if not attention and node.op_type != "MatMulIntegerToFloat":
            nodes.append(node)
            continue
        count += 1
        x, weight, scale = rounded[node.input[0]], node.input[1], node.input[4 if attention else 3]
        bias = node.input[2] if attention else node.input[6] if len(node.input) > 6 else ""
        name = node.output[0]
        nodes.append(helper.make_node("Cast", [weight], [name + "/wide"], name=name + "/cast", to=TensorProto.FLOAT))
        nodes.append(helper.make_node("Mul", [name + "/wide", scale], [name + "/full"], name=name + "/scale"))
        full = name + "/full"
        if x in smoothed:
            x, factors = smoothed[x].input
            nodes.append(helper.make_node("Unsqueeze", [factors, "axis1"], [name + "/column"], name=name + "/unsqueeze"))
            nodes.append(helper.make_node("Mul", [full, name + "/column"], [name + "/plain"], name=name + "/unsmooth"))
            full = name + "/plain"
        if attention:
            heads = next(a.i for a in node.attribute if a.name == "num_heads")
            nodes.append(helper.make_node("Attention", [x, full, bias, node.input[5]], [name], name=node.name, domain=node.domain, num_heads=heads))
            continue
        nodes.append(helper.make_node("MatMul", [x, full], [name + "/product" if bias else name], name=name + "/matmul"))
        if bias:
            nodes.append(helper.make_node("Add", [name + "/product", bias], [name], name=name + "/bias"))
    if smoothed and all(tensor.name != "axis1" for tensor in graph.initializer):
        graph.initializer.append(helper.make_tensor("axis1", TensorProto.INT64, [1], [1]))
    del graph.node[:]
    graph.node.extend(nodes)
    return count


def widen(graph: onnx.GraphProto, weights: Path, tokens: int) -> None:
    """Gives the table of places `tokens` rows, repeated from those it has, behind the other weights."""
    stored = {tensor.name: tensor for tensor in graph.initializer if tensor.name in ("positions", "positions.scales")}
    whole = weights.read_bytes()
    for tensor in stored.values():
        place = {entry.key: int(entry.value) for entry in tensor.external_data if entry.key != "location"}
        rows = tensor.dims[0]
        row = place["length"] // rows
        found = whole[place["offset"]:place["offset"] + place["length"]]
        added = b"".join(found[i % rows * row:(i % rows + 1) * row] for i in range(tokens))
        whole += b"\0" * (-len(whole) % 64)
        for entry in tensor.external_data:
            entry.value = {"offset": str(len(whole)), "length": str(len(added))}.get(entry.key, entry.value)
        tensor.dims[0] = tokens
        whole += added
    weights.write_bytes(whole)


def main() -> None:
    if len(sys.argv) != 4 or not (sys.argv[1] == "fp32" or sys.argv[1].isdecimal()):
        sys.exit(__doc__)
    kind, source, copy = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(source, copy)
    manifest = json.loads((copy / "model.json").read_text())
    manifest["graphs"] = {"cpu": manifest["graphs"]["cpu"]}
    graph = copy / manifest["graphs"]["cpu"]
    proto = onnx.load(graph, load_external_data=False)
    if kind == "fp32":
        print(f"{to_fp32(proto.graph)} matrix products turned to fp32")
    else:
        widen(proto.graph, copy / "weights.bin", int(kind))
        manifest["maxTokens"] = int(kind)
    graph.write_bytes(proto.SerializeToString())
    manifest["name"] += f"-{kind}"
    for name in manifest.get("checksums", {}):
        manifest["checksums"][name] = "sha256:" + hashlib.sha256((copy / name).read_bytes()).hexdigest()
    (copy / "model.json").write_text(json.dumps(manifest, indent=2) + "\n")


if __name__ == "__main__":
    main()
