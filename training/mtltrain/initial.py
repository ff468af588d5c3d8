"""Weights of an earlier run, or of a model package, to go on from."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .model import MultitaskModel, Shape, Task, pooling


def load(model: MultitaskModel, path: Path, vocab: Path, unknown: bool = False) -> list[str]:
    """Copies encoder and heads of `path`, a run's `model.pt`, its checkpoint or the folder of a package, into `model`, whose vocabulary is `vocab`.

    Tasks that only one of the two has are left alone; returns the model's, whose heads are still untrained. Tokens that a package lacks keep their rows,
    or, `unknown`, have that of [UNK], as the package read them.
    """
    wanted = model.state_dict()
    saved = read_package(path) if path.is_dir() else torch.load(path, map_location="cpu")
    saved = saved.get("model", saved)  # of a checkpoint
    if path.is_dir():
        for task in json.loads((path / "model.json").read_text(encoding="utf-8"))["tasks"]:
            if task["name"] in model.tasks and task.get("labels", []) != list(model.tasks[task["name"]].labels):
                found, expected = next((f, e) for f, e in itertools.zip_longest(task["labels"], model.tasks[task["name"]].labels) if f != e)
                raise ValueError(f"{path}: task {task['name']}: found label {found}, expected {expected}: its head would say one for the other")
        words = "encoder.words.weight"
        rows = wanted[words]
        if unknown:
            rows = saved[words][_tokens(path / "vocab.txt").index("[UNK]")].expand_as(rows)
        saved[words] = _by_token(rows, _tokens(vocab), saved[words], _tokens(path / "vocab.txt"))
    cases = "encoder.cases.weight"
    if len(saved[cases]) < len(wanted[cases]):  # from before a question's tokens had rows of their own: they begin as those of any text
        saved[cases] = saved[cases].repeat(len(wanted[cases]) // len(saved[cases]), 1)
    positions = "encoder.positions.weight"
    saved[positions] = saved[positions][:len(wanted[positions])]
    new = [task for task in model.tasks if not any(name.startswith(f"heads.{task}.") for name in saved)]
    for name, tensor in wanted.items():
        if any(name.startswith(f"heads.{task}.") for task in new):
            saved[name] = tensor
        elif name not in saved or saved[name].shape != tensor.shape:
            found = list(saved[name].shape) if name in saved else "nothing"
            raise ValueError(f"{path}: {name}: found {found}, expected {list(tensor.shape)}; are layers, `limit` and the labels those of the run that made it?")
    model.load_state_dict({name: saved[name] for name in wanted})
    return new


def encoder_of(package: Path, vocab: Path, rows: int, shape: Shape) -> dict[str, Tensor]:
    """The encoder of a package for `vocab`, as the names of its parts; tokens that the package lacks have the row of [UNK]."""
    saved = read_package(package)
    words, tokens = saved["encoder.words.weight"], _tokens(package / "vocab.txt")
    saved["encoder.words.weight"] = _by_token(words[tokens.index("[UNK]")].expand(rows, -1), _tokens(vocab), words, tokens)
    saved["encoder.cases.weight"] = saved["encoder.cases.weight"][:4].repeat(shape.cases // 4, 1)
    saved["encoder.positions.weight"] = saved["encoder.positions.weight"][:shape.positions]
    return {name.removeprefix("encoder."): tensor for name, tensor in saved.items() if name.startswith("encoder.")}


def read_package(folder: Path) -> dict[str, Tensor]:
    """The weights of a package's CPU graph by the names that the model gives them, as int8 left them."""
    import onnx
    from onnx import numpy_helper

    manifest = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    graph = onnx.load(str(folder / manifest["graphs"]["cpu"]), load_external_data=False).graph
    arrays = {tensor.name: numpy_helper.to_array(tensor, str(folder)) for tensor in graph.initializer if tensor.external_data}
    state: dict[str, Tensor] = {}

    def put(name: str, values: np.ndarray) -> None:
        state[name] = torch.from_numpy(values.astype(np.float32))

    put("encoder.words.weight", arrays["words"] * arrays["words.scales"].astype(np.float32))
    put("encoder.positions.weight", arrays["positions"] * arrays["positions.scales"])
    put("encoder.cases.weight", arrays["cases"])
    # Matrices lie transposed, int8 [in, out]; what smoothing does to their input their weights made up for.
    matrices = [name.removesuffix(".bias") for name in arrays if name.removesuffix(".bias") + ".scales" in arrays and name.endswith(".bias")]
    for name in matrices:
        full = arrays[name] * arrays[name + ".scales"] * (arrays[name + ".smoothing"][:, None] if name + ".smoothing" in arrays else 1)
        put(f"{_module(name)}.weight", full.T.copy())
    for name, values in arrays.items():
        if name.endswith(".bias") or "norm" in name:
            put(_module(name), values)
    parts = [f"{task['name']}.{part}".rstrip(".") for task in manifest["tasks"] for part in pooling(Task(task["name"], task["kind"]))]
    for place, part in enumerate(parts[:arrays["queries"].shape[1]]):  # tasks that were added later pool elsewhere
        put(f"heads.{part}.query", arrays["queries"][:, place])
    return state


def _tokens(vocab: Path) -> list[str]:
    return vocab.read_text(encoding="utf-8").rstrip("\n").split("\n")


def _by_token(rows: Tensor, tokens: list[str], given: Tensor, of: list[str]) -> Tensor:
    """`rows`, one for each of `tokens`, with those of `given` wherever its token is among them."""
    place = {token: i for i, token in enumerate(of)}
    common = [i for i, token in enumerate(tokens) if token in place]
    result = rows.clone()
    result[common] = given[[place[tokens[i]] for i in common]]
    return result


def _module(name: str) -> str:
    """layer0.qkv -> encoder.layers.0.qkv; norm.weight -> encoder.norm.weight; topic.dense -> heads.topic.dense"""
    first, rest = name.split(".", 1)
    if first == "norm":
        return f"encoder.{name}"
    return f"encoder.layers.{first.removeprefix('layer')}.{rest}" if first.startswith("layer") else f"heads.{name}"
