#!/usr/bin/env python3
"""Makes a copy of a model package whose CPU graph multiplies in fp32 instead of int8: the same weights, to compare speeds with.

Usage: fp32_package.py PACKAGE COPY        needs the Python package `onnx`
"""

import hashlib
import json
import shutil
import sys
from pathlib import Path

import onnx
from onnx import TensorProto, helper


def to_fp32(graph: onnx.GraphProto) -> int:
    """Turns every QuantizeLinear and MatMulIntegerToFloat into Cast, Mul (which ONNX Runtime folds at load), MatMul and Add; returns how many.

    What smoothing does to an input (training/mtltrain/quantize.py) the weights take back, so that the copy pays nothing for it.
    """
    nodes, count = [], 0
    smoothed = {node.output[0]: node for node in graph.node if node.op_type == "Mul" and node.input[1].endswith(".smoothing")}
    rounded = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "QuantizeLinear"}
    for node in graph.node:
        if node.output[0] in smoothed or node.output[0] in rounded:
            continue
        if node.op_type != "MatMulIntegerToFloat":
            nodes.append(node)
            continue
        count += 1
        x, weight, scale = rounded[node.input[0]], node.input[1], node.input[3]
        bias = node.input[6] if len(node.input) > 6 else ""
        name = node.output[0]
        nodes.append(helper.make_node("Cast", [weight], [name + "/wide"], name=name + "/cast", to=TensorProto.FLOAT))
        nodes.append(helper.make_node("Mul", [name + "/wide", scale], [name + "/full"], name=name + "/scale"))
        full = name + "/full"
        if x in smoothed:
            x, factors = smoothed[x].input
            nodes.append(helper.make_node("Unsqueeze", [factors, "axis1"], [name + "/column"], name=name + "/unsqueeze"))
            nodes.append(helper.make_node("Mul", [full, name + "/column"], [name + "/plain"], name=name + "/unsmooth"))
            full = name + "/plain"
        nodes.append(helper.make_node("MatMul", [x, full], [name + "/product" if bias else name], name=name + "/matmul"))
        if bias:
            nodes.append(helper.make_node("Add", [name + "/product", bias], [name], name=name + "/bias"))
    if smoothed and all(tensor.name != "axis1" for tensor in graph.initializer):
        graph.initializer.append(helper.make_tensor("axis1", TensorProto.INT64, [1], [1]))
    del graph.node[:]
    graph.node.extend(nodes)
    return count


def main() -> None:
    source, copy = Path(sys.argv[1]), Path(sys.argv[2])
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(source, copy)
    manifest = json.loads((copy / "model.json").read_text())
    graph = copy / manifest["graphs"]["cpu"]
    proto = onnx.load(graph, load_external_data=False)
    print(f"{to_fp32(proto.graph)} matrix products turned to fp32")
    graph.write_bytes(proto.SerializeToString())
    manifest["name"] += "-fp32"
    for name in manifest.get("checksums", {}):
        manifest["checksums"][name] = "sha256:" + hashlib.sha256((copy / name).read_bytes()).hexdigest()
    (copy / "model.json").write_text(json.dumps(manifest, indent=2) + "\n")


if __name__ == "__main__":
    main()
