"""A package with a decoder: an encoder's graph over the weights that are there, two graphs of the decoder as Optimum names them, and a manifest a task.

Files of the package stay as they are. `encoder_model.onnx` takes numbers that hold a token and its letter case: 4 x token + case.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper

from . import writing
from .bytepairs import BytePairs
from .decoder import END, KEPT, PAD, SPECIAL, STARTS, UNKNOWN, Attention, Sizes, Writer
from .graphs import MICROSOFT, OPSET, Graph, WeightFile, _add_norm
from .model import Matrix
from .package import dump
from .quantize import fix_spans, smooth, to_int8

CASES = 4
FITTED = 600  # pairs that the bounds of int8 are fitted on
WEIGHTS, PIECES = "writer.bin", "writer.vocab.json"
ENCODER, FIRST, OTHERS = "encoder_model.onnx", "decoder_model.onnx", "decoder_with_past_model.onnx"


def add(package: Path, trained: Path, data: Path, cache: Path, out: Path, version: str) -> None:
    """Copies `package` with the decoder of `trained`, a folder that `writing.train` filled. Golden outputs are the program's to make."""
    pieces = BytePairs.read(trained, SPECIAL)
    model = Writer(Sizes(pieces=len(pieces.tokens)))
    model.load_state_dict(torch.load(trained / "model.pt", map_location="cpu"))
    prepare(model.eval(), package, data, cache, trained, pieces)
    shutil.copytree(package, out, dirs_exist_ok=True)
    weights = WeightFile(out / WEIGHTS)
    (out / ENCODER).write_bytes(encoder_graph(model, package, weights).SerializeToString())
    (out / FIRST).write_bytes(decoder_graph(model, weights, past=False).SerializeToString())
    (out / OTHERS).write_bytes(decoder_graph(model, weights, past=True).SerializeToString())
    weights.write()
    (out / PIECES).write_text(json.dumps(pieces.ids, ensure_ascii=False), encoding="utf-8")
    for task, start in STARTS.items():
        dump(out / f"generator.{task}.json", manifest(out, task, start, version))


def manifest(folder: Path, task: str, start: int, version: str) -> dict:
    names = ["vocab.txt", "weights.bin", WEIGHTS, PIECES, ENCODER, FIRST, OTHERS]
    return {
        "schema": "generator-manifest.v1", "name": f"mtlstream-en {task}", "version": version, "architecture": "mtlstream", "experimental": True,
        "graphs": {"encoder": ENCODER, "decoder": FIRST, "decoderWithPast": OTHERS},
        "tokenizer": {"kind": "package", "files": {"pieces": PIECES}, "before": [], "after": [], "unknown": UNKNOWN, "prefix": "", "silent": SPECIAL},
        "maxSourceTokens": 128,
        "rules": {"start": start, "ends": [END], "pad": PAD, "maxTokens": Sizes.positions - 1, "beams": 1, "banned": [PAD, UNKNOWN, *STARTS.values()]},
        "golden": f"golden.{task}.json",
        "checksums": {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names},
    }


def prepare(model: Writer, package: Path, data: Path, cache: Path, trained: Path, pieces: BytePairs) -> None:
    """Fits the bounds of int8 on dev pairs."""
    material, _ = writing.prepare(package, data, cache, trained, "dev", pieces, writing.DEV_PAIRS)
    encoder = writing.encoder_of(package, cache)
    examples = [example for found in material.examples.values() for example in found]
    examples = examples[::max(1, len(examples) // FITTED)]

    def run() -> None:
        with torch.no_grad():
            for place in range(0, len(examples), 40):
                writing.loss_of(model, encoder, material.states, examples[place:place + 40], 0.0, amp=False)

    matrices = [m for m in model.modules() if isinstance(m, Matrix)]
    smooth([m for m in matrices if m is not model.logits], run)  # the weights of the logits are the pieces' rows, too
    fix_spans(matrices, run)


def encoder_graph(model: Writer, package: Path, weights: WeightFile) -> onnx.ModelProto:
    """What the package's first nodes say, and the layer of the decoder's own behind them: [rows, source, hidden]."""
    wanted = ["embedded", *(f"layer{number - 1}.norm2" for number in KEPT)]
    whole = onnx.load(str(package / "model.cpu.onnx"), load_external_data=False).graph
    g = Graph(weights, half=False)
    g.node("Div", ["input_ids", g.constant("cases/count", np.array(CASES))], "tokens")
    g.node("Mod", ["input_ids", g.constant("cases/count", np.array(CASES))], "letters")
    kept, found = {tensor.name: tensor for tensor in whole.initializer}, set(wanted)
    nodes = []
    for node in reversed(whole.node):
        if found & set(node.output):
            found |= set(node.input)
            nodes.insert(0, node)
    for node in nodes:
        for place, name in enumerate(node.input):
            node.input[place] = {"input_ids": "tokens", "token_type_ids": "letters"}.get(name, name)
    g.nodes += nodes
    g.initializers |= {name: kept[name] for name in found & set(kept)}
    x = g.node("Concat", wanted, "states", axis=-1)
    x = g.linear(x, model.project, "reader.project")
    x = g.node("LayerNormalization", [x, *g.norm(model.norm, "reader.norm")], "reader/begin", axis=-1, epsilon=model.norm.eps)
    layer, p = model.reader, "reader."
    weight, bias = g.matrix(layer.qkv, p + "qkv"), g.bias(layer.qkv, p + "qkv")
    rounded, step, zero = g.rounded(x, layer.qkv, p + "qkv")
    context = g.node("QAttention", [rounded, weight, bias, step, p + "qkv.scales", "mask/int", zero], p + "context", MICROSOFT, num_heads=layer.heads)
    shape = type("Epsilon", (), {"epsilon": layer.norm1.eps})
    x = _add_norm(g, context, x, layer.out, layer.norm1, p + "out", p + "norm1", shape)
    inner = g.node("Gelu", [g.linear(x, layer.ff1, p + "ff1")], p + "gelu", MICROSOFT)
    x = _add_norm(g, inner, x, layer.ff2, layer.norm2, p + "ff2", p + "norm2", shape)
    g.node("Identity", [x], "last_hidden_state")
    return _model(g, "encoder", [_ids("input_ids", "source"), _ids("attention_mask", "source")],
                  [_floats("last_hidden_state", ["rows", "source", model.sizes.hidden])])


def decoder_graph(model: Writer, weights: WeightFile, past: bool) -> onnx.ModelProto:
    """Of the first tokens, or of one more behind those that are remembered; names as Optimum's."""
    g, sizes = Graph(weights, half=False), model.sizes
    size = sizes.hidden // sizes.heads
    inputs = [_ids("input_ids", "written"), _ids("encoder_attention_mask", "source")]
    if not past:
        inputs.append(_floats("encoder_hidden_states", ["rows", "source", sizes.hidden]))
    outputs = [_floats("logits", ["rows", "written", sizes.pieces])]
    before = _past_length(g) if past else g.constant("none", np.array([0]))
    length = g.node("Shape", ["input_ids"], "written", start=1, end=2)
    until = g.node("Add", [before, length], "until")
    x = g.node("Add", [_rows_of(model, g), _positions(model, g, before, until)], "begin")
    hidden = g.node("Mul", [g.node("Sub", [g.node("Cast", ["encoder_attention_mask"], "mask/float", to=TensorProto.FLOAT), g.constant("one", np.array(1, np.float32))], "mask/less"),
                            g.constant("large", np.array(10000, np.float32))], "mask/hiding")
    source_bias = g.node("Unsqueeze", [hidden, g.constant("axes12", np.array([1, 2]))], "mask/source")
    own_bias = None if past else _later(g, length, sizes.positions)
    for i, layer in enumerate(model.layers):
        p = f"decoder{i}."
        y = g.node("LayerNormalization", [x, *g.norm(layer.norm1, p + "norm1")], p + "y1", axis=-1, epsilon=layer.norm1.eps)
        key, value = _keys(g, layer.own, y, p + "own", size)
        if past:
            inputs += [_floats(f"past_key_values.{i}.decoder.{kind}", ["rows", sizes.heads, "past", size]) for kind in ("key", "value")]
            key = g.node("Concat", [f"past_key_values.{i}.decoder.key", key], f"present.{i}.decoder.key", axis=2)
            value = g.node("Concat", [f"past_key_values.{i}.decoder.value", value], f"present.{i}.decoder.value", axis=2)
        else:
            key, value = g.node("Identity", [key], f"present.{i}.decoder.key"), g.node("Identity", [value], f"present.{i}.decoder.value")
        outputs += [_floats(name, ["rows", sizes.heads, "until", size]) for name in (key, value)]
        x = g.node("Add", [x, _attend(g, layer.own, y, key, value, own_bias, p + "own", size)], p + "x1")
        y = g.node("LayerNormalization", [x, *g.norm(layer.norm2, p + "norm2")], p + "y2", axis=-1, epsilon=layer.norm2.eps)
        if past:
            key, value = f"past_key_values.{i}.encoder.key", f"past_key_values.{i}.encoder.value"
            inputs += [_floats(name, ["rows", sizes.heads, "source", size]) for name in (key, value)]
        else:
            key, value = _keys(g, layer.cross, "encoder_hidden_states", p + "cross", size)
            key, value = g.node("Identity", [key], f"present.{i}.encoder.key"), g.node("Identity", [value], f"present.{i}.encoder.value")
            outputs += [_floats(name, ["rows", sizes.heads, "source", size]) for name in (key, value)]
        x = g.node("Add", [x, _attend(g, layer.cross, y, key, value, source_bias, p + "cross", size)], p + "x2")
        y = g.node("LayerNormalization", [x, *g.norm(layer.norm3, p + "norm3")], p + "y3", axis=-1, epsilon=layer.norm3.eps)
        inner = g.node("Relu", [g.linear(y, layer.ff1, p + "ff1")], p + "inner")
        x = g.node("Add", [x, g.linear(inner, layer.ff2, p + "ff2")], p + "x3")
    y = g.node("LayerNormalization", [x, *g.norm(model.last, "last")], "last", axis=-1, epsilon=model.last.eps)
    g.node("Identity", [g.linear(y, model.logits, "pieces")], "logits")
    return _model(g, "decoder", inputs, outputs)


def _rows_of(model: Writer, g: Graph) -> str:
    """The rows of the pieces are the columns that their logits come from: stored once, [hidden, pieces]."""
    values, scales = to_int8(model.pieces.weight)
    columns = g.node("Gather", [g.stored("pieces", values.numpy().T), "input_ids"], "pieces/columns", axis=1)
    rows = g.node("Transpose", [g.node("Cast", [columns], "pieces/wide", to=TensorProto.FLOAT)], "pieces/rows", perm=[1, 2, 0])
    scale = g.node("Gather", [g.stored("pieces.scales", scales.numpy().reshape(-1)), "input_ids"], "pieces/scale")
    return g.node("Mul", [rows, g.node("Unsqueeze", [scale, g.constant("axis2", np.array([2]))], "pieces/factor")], "pieces/vectors")


def _positions(model: Writer, g: Graph, start: str, end: str) -> str:
    table = g.stored("writer.positions", model.positions.weight.detach().numpy())
    return g.node("Slice", [table, start, end, g.constant("axis0", np.array([0]))], "positions")


def _past_length(g: Graph) -> str:
    return g.node("Shape", ["past_key_values.0.decoder.key"], "before", start=2, end=3)


def _later(g: Graph, length: str, most: int) -> str:
    """[1, 1, written, written]: hides what comes later."""
    table = g.constant("later/all", np.triu(np.full((most, most), -10000, np.float32), 1))
    both = g.node("Concat", [length, length], "later/ends", axis=0)
    part = g.node("Slice", [table, g.constant("later/starts", np.array([0, 0])), both, g.constant("axes01", np.array([0, 1]))], "later/part")
    return g.node("Unsqueeze", [part, g.constant("axes01", np.array([0, 1]))], "later")


def _keys(g: Graph, attention: Attention, of: str, name: str, size: int) -> tuple[str, str]:
    """[rows, columns, hidden] -> keys and values [rows, heads, columns, size]."""
    both = g.linear(of, attention.kv, name + ".kv")
    split = g.node("Reshape", [both, g.constant("heads/two", np.array([0, 0, 2, attention.heads, size]))], name + "/split")
    both = g.node("Transpose", [split], name + "/kv", perm=[2, 0, 3, 1, 4])
    axis = g.constant("axis0", np.array([0]))
    parts = [name + "/key2", name + "/value2"]
    g.node("Split", [both], name + "/parts", outputs=parts, axis=0)
    return g.node("Squeeze", [parts[0], axis], name + "/key"), g.node("Squeeze", [parts[1], axis], name + "/value")


def _attend(g: Graph, attention: Attention, x: str, key: str, value: str, bias: str | None, name: str, size: int) -> str:
    query = g.node("Reshape", [g.linear(x, attention.q, name + ".q"), g.constant("heads/one", np.array([0, 0, attention.heads, size]))], name + "/query0")
    query = g.node("Transpose", [query], name + "/query", perm=[0, 2, 1, 3])
    scores = g.node("MatMul", [query, g.node("Transpose", [key], name + "/turned", perm=[0, 1, 3, 2])], name + "/scores0")
    scores = g.node("Mul", [scores, g.constant("size/root", np.array(size ** -0.5, np.float32))], name + "/scores1")
    scores = g.node("Add", [scores, bias], name + "/scores2") if bias else scores
    context = g.node("MatMul", [g.node("Softmax", [scores], name + "/weights", axis=-1), value], name + "/context0")
    context = g.node("Transpose", [context], name + "/context1", perm=[0, 2, 1, 3])
    context = g.node("Reshape", [context, g.constant("heads/none", np.array([0, 0, attention.heads * size]))], name + "/context")
    return g.linear(context, attention.out, name + ".out")


def _ids(name: str, columns: str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.INT64, ["rows", columns])


def _floats(name: str, shape: list) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _model(g: Graph, name: str, inputs: list, outputs: list) -> onnx.ModelProto:
    graph = helper.make_graph(g.nodes, name, inputs, outputs, list(g.initializers.values()))
    return helper.make_model(graph, producer_name="mtltrain", ir_version=8, opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(MICROSOFT, 1)])
