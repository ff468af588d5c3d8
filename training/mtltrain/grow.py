"""A package with more tasks over what it has: the language of a text by its pieces, and a branch with layers of its own.

Nothing that the package has is changed but where a question's tokens are looked up: the graphs get more nodes, weights.bin grows at its end. So every
output that it had keeps its bits.
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

from . import branch as branches
from . import calibrate, dataset, package, pieces, pretrained, sources, tokenizer
from .branch import SHARED, Branch
from .encoding import QUESTION
from .evaluate import Adjustment, predict
from .graphs import Graph, WeightFile, _add_norm, _heads
from .model import Matrix, TokenHead
from .package import dump
from .quantize import fix_spans, smooth

KINDS = {"compress": "kept_words", "summary": "kept_sentences"}  # what the program calls them
KNOWN = ["eng", "other"]  # of names and numbers alone nobody can say which language they are
SURE = 0.95        # least score for a language to be told; of 1,000 tweets, comments, queries or posts in English at most two are taken for another
FITTED = 300       # texts of each corpus that the bounds of int8 are fitted on
PREFIX = "branch/"


class Appended(WeightFile):
    """Arrays behind those that a weight file has."""

    def __init__(self, path: Path):
        super().__init__(path)
        self._length = path.stat().st_size

    def write(self) -> None:
        with self.path.open("ab") as file:
            for offset, array in self._entries.values():
                file.write(b"\0" * (offset - file.tell()))
                file.write(array.tobytes())


def add(base: Path, out: Path, version: str, told: pieces.Pieces | None, model: Branch | None = None, adjustments: dict[str, Adjustment] | None = None,
        margins: dict[str, float] | None = None, vocab: Path | None = None) -> None:
    """Copies `base` with the task `language`, unless it has that, and, with a branch that `prepare` has seen, the branch's tasks.

    `margins`: least likeness of a reply; `adjustments` as `calibrate.fit` gives them; `vocab`: the training's, whose numbers the branch reads.
    """
    adjustments, margins = adjustments or {}, margins or {}
    shutil.copytree(base, out)
    manifest = json.loads((out / "model.json").read_text(encoding="utf-8"))
    manifest["version"] = version
    weights = Appended(out / "weights.bin")
    inputs = manifest["inputs"]
    for device in ("cpu", "cuda"):
        path = out / manifest["graphs"][device]
        found = onnx.load(str(path), load_external_data=False)
        if model is not None:
            _segments(found.graph, inputs["types"])
            _grow(found.graph, model, weights, device == "cuda", {name: a.temperature for name, a in adjustments.items()}, inputs["types"])
        if told is not None:
            pieces.add(found.graph, told, weights.add, inputs)
        path.write_bytes(found.SerializeToString())
    weights.write()
    if told is not None:
        for task in manifest["tasks"]:
            task["languages"] = KNOWN
        manifest["tasks"].append({"name": pieces.NAME, "kind": "single_label", "labels": list(pieces.LANGUAGES), "outputs": {"probabilities": f"{pieces.NAME}.probabilities"},
                                  "temperature": round(told.temperature, 4), "threshold": SURE, "tellsLanguage": True, "data": _data(pieces.NAME), "scores": {}})
    if model is not None:
        manifest["tasks"] += [_task(model, name, adjustments, margins) for name in model.tasks]
    _golden(out, manifest, told, model, adjustments, vocab)
    if model is not None:
        manifest["encoder"]["parameters"] += sum(p.numel() for _, p in model.own)
    manifest["checksums"] = {file: "sha256:" + hashlib.sha256((out / file).read_bytes()).hexdigest() for file in manifest["checksums"]}
    dump(out / "model.json", manifest)


def run(base: Path, trained: Path | None, data: Path, cache: Path, out: Path, version: str) -> None:
    """Fits the task that tells the language, unless the package has it, and writes the package with it and with the branch."""
    has = any(task["name"] == pieces.NAME for task in json.loads((base / "model.json").read_text(encoding="utf-8"))["tasks"])
    told = None if has else pieces.rounded(pieces.of(data, base / "vocab.txt"))
    if trained is None:
        add(base, out, version, told)
        return
    vocab = pretrained.vocab(cache)
    model = branches.begin(base, vocab)
    model.load_state_dict(torch.load(trained, map_location="cpu"))
    adjustments, margins = prepare(model, data, cache)
    add(base, out, version, told, model, adjustments, margins, vocab)


def prepare(model: Branch, data: Path, cache: Path) -> tuple[dict[str, Adjustment], dict[str, float]]:
    """Fits the bounds of int8 on training texts, and temperatures and margins on dev."""
    vocab = pretrained.vocab(cache)
    model.eval()
    own = {id(p) for _, p in model.own}
    matrices = [m for m in model.modules() if isinstance(m, Matrix) and id(m.weight) in own]
    layers = model.encoder.layers[model.shared:]
    widest = [m for layer in layers for m in (layer.ff1, layer.ff2)] + [h.dense for h in model.heads.values() if isinstance(h, TokenHead)]
    rows = []
    for name in branches.TOKEN_SHARES:
        found = dataset.rows(data, cache, vocab, name, "train", 128)
        rows += found[::max(1, len(found) // FITTED)][:FITTED]
    run = lambda: predict(model, [row for row in rows if 2 < len(row) <= 128], list(model.tasks), amp=True)
    smooth(widest, run)
    fix_spans(matrices, run)
    return calibrate.fit(model, data, cache, vocab, 128, 400), {"reply": reply_margin(model, data, cache, vocab)}


def reply_margin(model: Branch, data: Path, cache: Path, vocab: Path) -> float:
    """The likeness that tells best, in equal shares, whether what was said next is among ten replies."""
    rows = dataset.rows(data, cache, vocab, "replies", "dev", 128, 600)
    first = np.stack([v[0] for v in predict(model, rows, ["reply"], amp=True)["reply"]])
    second = np.stack([v[1] for v in predict(model, [row.reply for row in rows], ["reply"], amp=True)["reply"]])
    draw = np.random.default_rng(3)
    others = np.array([max(first[i] @ second[draw.choice(len(rows), 9, replace=False)].T) for i in range(len(rows))])
    with_right = np.maximum(others, (first * second).sum(1))
    return round(float(max(np.arange(-0.2, 0.9, 0.01), key=lambda m: (with_right > m).mean() + (others <= m).mean())), 2)


def _data(task: str) -> list[dict]:
    return [{"name": sources.SOURCES[c].name, "license": sources.SOURCES[c].licence, "url": sources.SOURCES[c].url} for c in sources.TRAINED_ON[task]]


def _task(model: Branch, name: str, adjustments: dict[str, Adjustment], margins: dict[str, float]) -> dict:
    task, entry = model.tasks[name], {"name": name, "kind": KINDS.get(name, model.tasks[name].kind)}
    if task.kind == "vector":
        entry |= {"size": task.size, "outputs": {"vector": f"{name}.vector"}}
    elif task.kind == "reply_vectors":
        entry |= {"size": task.size, "outputs": {"said": f"{name}.said", "next": f"{name}.next"}, "least": margins[name]}
    elif task.kind == "answer_span":
        entry |= {"outputs": {"scores": f"{name}.scores"}, "margin": adjustments[name].threshold}
    else:
        entry |= {"labels": list(task.labels), "outputs": {"tags": f"{name}.tags", "scores": f"{name}.scores"}, "temperature": round(adjustments[name].temperature, 4)}
    return entry | {"languages": KNOWN, "data": _data(name), "scores": {}}


def _segments(graph: onnx.GraphProto, types: str) -> None:
    """A question's tokens have 4 added to their letter case, which the package's own layers are not to see."""
    graph.initializer.append(helper.make_tensor(PREFIX + "cases", TensorProto.INT64, [], [QUESTION]))
    for node in graph.node:
        for place, name in enumerate(node.input):
            if name == types:
                node.input[place] = PREFIX + "case"
    graph.node.insert(0, helper.make_node("Mod", [types, PREFIX + "cases"], [PREFIX + "case"], name=PREFIX + "case"))


def _grow(graph: onnx.GraphProto, model: Branch, weights: WeightFile, half: bool, temperatures: dict[str, float], types: str) -> None:
    g = Graph(weights, half=half)
    float_type = TensorProto.FLOAT16 if half else TensorProto.FLOAT
    p = "branch"
    segment = g.node("Cast", [g.node("Div", [types, g.constant(f"{p}.question", np.array(QUESTION))], f"{p}.segment/whole")], f"{p}.segment/share", to=float_type)
    column = g.node("Unsqueeze", [segment, g.constant(f"{p}.axis2", np.array([2]))], f"{p}.segment/column")
    moved = g.node("Mul", [column, g.vector(f"{p}.segment", model.segment.detach().numpy())], f"{p}.segment/moved")
    x = g.node("Add", [f"layer{SHARED - 1}.norm2", moved], f"{p}.begin")
    for i, layer in enumerate(model.encoder.layers[model.shared:]):
        q = f"{p}{i}."
        if half:
            context = g.node("Attention", [x, g.matrix(layer.qkv, q + "qkv"), g.bias(layer.qkv, q + "qkv"), "lengths"], q + "context", "com.microsoft", num_heads=model.shape.heads)
        else:
            weight, bias = g.matrix(layer.qkv, q + "qkv"), g.bias(layer.qkv, q + "qkv")
            rounded, step, zero = g.rounded(x, layer.qkv, q + "qkv")
            context = g.node("QAttention", [rounded, weight, bias, step, q + "qkv.scales", "mask/int", zero], q + "context", "com.microsoft", num_heads=model.shape.heads)
        x = _add_norm(g, context, x, layer.out, layer.norm1, q + "out", q + "norm1", model.shape)
        if half:
            inner = g.node("BiasGelu", [g.linear(x, layer.ff1, q + "ff1", bias=False), g.bias(layer.ff1, q + "ff1")], q + "gelu", "com.microsoft")
        else:
            inner = g.node("Gelu", [g.linear(x, layer.ff1, q + "ff1")], q + "gelu", "com.microsoft")
        x = _add_norm(g, inner, x, layer.ff2, layer.norm2, q + "ff2", q + "norm2", model.shape)
    outputs = _heads(model, g, x, temperatures)
    _merge(graph, g, outputs)


def _merge(graph: onnx.GraphProto, g: Graph, outputs: list) -> None:
    """Adds the nodes, under other names where the graph has theirs; initializers are apart, lest arrays of one name be taken for each other."""
    taken = {i.name for i in graph.initializer} | {o for n in graph.node for o in n.output}
    made = {o for n in g.nodes for o in n.output} | set(g.initializers)
    other = {name: PREFIX + name for name in made & taken}
    for tensor in g.initializers.values():
        tensor.name = other.get(tensor.name, tensor.name)
        graph.initializer.append(tensor)
    for node in g.nodes:
        node.name = PREFIX + node.name
        node.input[:] = [other.get(name, name) for name in node.input]
        node.output[:] = [other.get(name, name) for name in node.output]
        graph.node.append(node)
    for output in outputs:
        if output.name == "answer.scores":
            graph.initializer.append(helper.make_tensor(PREFIX + "rows", TensorProto.INT64, [2], [0, -1]))
            last = next(n for n in graph.node if "answer.scores" in n.output)
            last.output[:] = [PREFIX + "answer.pairs"]
            graph.node.append(helper.make_node("Reshape", [PREFIX + "answer.pairs", PREFIX + "rows"], ["answer.scores"], name=PREFIX + "answer.flat"))
            output = helper.make_tensor_value_info("answer.scores", TensorProto.FLOAT, ["rows", "answer columns"])
        graph.output.append(output)


def _golden(out: Path, manifest: dict, told: pieces.Pieces | None, model: Branch | None, adjustments: dict[str, Adjustment], vocab: Path | None) -> None:
    """What the unquantized classifier and branch say of the golden texts."""
    path = out / manifest["golden"]
    golden = json.loads(path.read_text(encoding="utf-8"))
    given = [text["text"] for text in golden["texts"]]
    if told is not None:
        shares = torch.softmax(told.logits(pieces.numbered(given, out / "vocab.txt")) / told.temperature, 1).numpy()
        for text, share in zip(golden["texts"], shares):
            text["outputs"][f"{pieces.NAME}.probabilities"] = np.round(share.astype(float), 5).tolist()
    if model is not None:
        said = package.golden(model, tokenizer.of(vocab), {name: a.temperature for name, a in adjustments.items()}, 128)
        for text, more in zip(golden["texts"], said["texts"], strict=True):
            assert text["text"] == more["text"]
            text["outputs"] |= more["outputs"]
    dump(path, golden)
