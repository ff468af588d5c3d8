"""A copy of a package with some arrays of its weight file changed or made longer, for both graphs; everything else keeps its bits."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

from . import emoji, refit
from .graphs import ALIGNMENT
from .package import dump
from .quantize import to_int8
from .sources import SOURCES

COUNTER = {"offensive": "identity", "sentiment": "negations"}  # corpora that heads were made anew with
READS_EVERY_ID = ("words/rows", "words/halves", "columns")  # outputs of the nodes that read ids which only the table of words knows


def run(base: Path, data: Path, out: Path) -> None:
    """Trains rows for emoji and a head of `offensive`, and writes the package with them. Its version stays: `grow` gives the next one."""
    with tempfile.TemporaryDirectory() as folder:
        extended = Path(folder) / "vocab.txt"
        emoji.extend(base / "vocab.txt", extended)
        rows = emoji.fit(base, extended, data)
        write(base, out, rows, {"offensive": refit.offensive(base, extended, rows, data)})


def write(base: Path, out: Path, rows: Tensor, heads: dict[str, dict]) -> None:
    """`rows`: of the emoji, as `emoji.fit` gives them; `heads`: of tasks, as `refit.fit` gives them. Temperatures of the package stay: a head's own is worked in."""
    shutil.copytree(base, out)
    manifest = json.loads((out / "model.json").read_text(encoding="utf-8"))
    graphs = list(manifest["graphs"].values())
    known = len((base / "vocab.txt").read_text(encoding="utf-8").rstrip("\n").split("\n"))
    unknown = (base / "vocab.txt").read_text(encoding="utf-8").split("\n").index("[UNK]")
    kept = arrays(onnx.load(str(out / graphs[0]), load_external_data=False).graph, out)
    values, scales = to_int8(rows)
    changes = {"words": np.concatenate([kept["words"], values.numpy()]),
               "words.scales": np.concatenate([kept["words.scales"], scales.numpy().astype(np.float16).reshape(-1, *kept["words.scales"].shape[1:])])}
    for task in manifest["tasks"]:
        if task["name"] in heads:
            found, source = heads[task["name"]], SOURCES[COUNTER[task["name"]]]
            task["data"].append({"name": source.name, "license": source.licence, "url": source.url})
            changes |= refit.stored(task["name"], found["head"], task["temperature"] / found["temperature"], kept)
    change(out, graphs, changes)
    for name in graphs:
        model = onnx.load(str(out / name), load_external_data=False)
        hide(model.graph, manifest["inputs"]["ids"], known, unknown)
        (out / name).write_bytes(model.SerializeToString())
    emoji.extend(base / "vocab.txt", out / "vocab.txt")
    manifest["tokenizer"]["emojiVariants"] = True
    manifest["encoder"]["parameters"] += rows.numel()
    _golden(base, out / manifest["golden"], rows, heads)
    manifest["checksums"] = {file: "sha256:" + hashlib.sha256((out / file).read_bytes()).hexdigest() for file in manifest["checksums"]}
    dump(out / "model.json", manifest)


def _golden(base: Path, path: Path, rows: Tensor, heads: dict[str, dict]) -> None:
    """What the new heads say of the golden texts, unquantized."""
    golden = json.loads(path.read_text(encoding="utf-8"))
    given = [text["text"] for text in golden["texts"]]
    for task, found in heads.items():
        pooled = refit.Pooled(base, task, path.parent / "vocab.txt", rows)
        with torch.no_grad():
            shares = torch.softmax(refit.logits(found["head"], pooled.of(given)) / found["temperature"], 1).numpy()
        for text, share in zip(golden["texts"], shares):
            text["outputs"][f"{task}.probabilities"] = np.round(share.astype(float), 5).tolist()
    dump(path, golden)


def arrays(graph: onnx.GraphProto, folder: Path) -> dict[str, np.ndarray]:
    """Of the weight file, by name."""
    found = {}
    for tensor in graph.initializer:
        if tensor.external_data:
            copy = TensorProto()
            copy.CopyFrom(tensor)  # which `to_array` puts the bytes into
            found[tensor.name] = numpy_helper.to_array(copy, str(folder))
    return found


def change(folder: Path, graphs: list[str], changes: dict[str, np.ndarray]) -> None:
    """Writes the weight file anew; graphs are told where their arrays are."""
    models = {name: onnx.load(str(folder / name), load_external_data=False) for name in graphs}
    kept: dict[str, np.ndarray] = {}
    for model in models.values():
        kept |= arrays(model.graph, folder)
    missing = set(changes) - set(kept)
    if missing:
        raise ValueError(f"{folder}: found no {', '.join(sorted(missing))} in {', '.join(graphs)}")
    kept |= changes
    places, length = {}, 0
    with (folder / "weights.bin").open("wb") as file:
        for name, values in kept.items():
            file.write(b"\0" * (-length % ALIGNMENT))
            length += -length % ALIGNMENT
            places[name] = (length, values.nbytes)
            file.write(np.ascontiguousarray(values).tobytes())
            length += values.nbytes
    for name, model in models.items():
        for tensor in model.graph.initializer:
            if tensor.external_data:
                _place(tensor, kept[tensor.name], *places[tensor.name])
        (folder / name).write_bytes(model.SerializeToString())


def _place(tensor: TensorProto, values: np.ndarray, offset: int, length: int) -> None:
    tensor.dims[:] = values.shape
    for entry in tensor.external_data:
        if entry.key in ("offset", "length"):
            entry.value = str(offset if entry.key == "offset" else length)


def hide(graph: onnx.GraphProto, ids: str, known: int, unknown: int) -> None:
    """What is beside the encoder's table of words reads the ids from `known` on as the one of an unknown word, as before they were there."""
    readers = [node for node in graph.node if ids in node.input and node.output[0] not in READS_EVERY_ID]
    for node in readers:
        for place, name in enumerate(node.input):
            if name == ids:
                node.input[place] = "known/ids"
    for name, value in (("count", known), ("unknown", unknown)):
        graph.initializer.append(helper.make_tensor(f"known/{name}", TensorProto.INT64, [], [value]))
    nodes = [helper.make_node("Less", [ids, "known/count"], ["known/are"], name="known/are"),
             helper.make_node("Where", ["known/are", ids, "known/unknown"], ["known/ids"], name="known/ids")]
    for place, node in enumerate(nodes):
        graph.node.insert(place, node)
