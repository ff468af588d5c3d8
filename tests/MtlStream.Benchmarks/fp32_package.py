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
    """Turns every DynamicQuantizeMatMul into Cast, Mul (which ONNX Runtime folds at load), MatMul and Add; returns how many."""
    nodes, count = [], 0
    for node in graph.node:
        if node.op_type != "DynamicQuantizeMatMul":
            nodes.append(node)
            continue
        count += 1
        x, weight, scale = node.input[:3]
        bias = node.input[4] if len(node.input) > 4 else ""
        name = node.output[0]
        nodes.append(helper.make_node("Cast", [weight], [name + "/wide"], name=name + "/cast", to=TensorProto.FLOAT))
        nodes.append(helper.make_node("Mul", [name + "/wide", scale], [name + "/full"], name=name + "/scale"))
        nodes.append(helper.make_node("MatMul", [x, name + "/full"], [name + "/product" if bias else name], name=name + "/matmul"))
        if bias:
            nodes.append(helper.make_node("Add", [name + "/product", bias], [name], name=name + "/bias"))
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
