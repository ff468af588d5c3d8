"""Writes a model package: manifest, vocabulary, graphs, weights and golden outputs."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import torch

from . import encoding, graphs, tokenizer
from .evaluate import Adjustment, sigmoid, softmax
from .model import VECTOR_KINDS, MultitaskModel, pooling
from .pretrained import PLACEHOLDER
from .run import Run
from .sources import ALSO, ENCODERS, SOURCES, TRAINED_ON
from .tokenizer import Tokenizer

GOLDEN_TEXTS = (
    "Angela Merkel met Barack Obama in Berlin on Friday.",
    "I can't believe they cancelled the show, this is so sad :(",
    "how do i transfer 100 dollars from savings to checking",
    "The new Microsoft office in London opens next week, said Tim Cook of Apple.",
    "Thank you so much for your help, I really appreciate it!",
    "@user you are such an idiot, shut up",
    "The goalie stopped 35 shots and the Rangers won the hockey game in overtime.",
    "what's the weather like in new york tomorrow",
    "NASA launched the shuttle into orbit; the space station's crew watched.",
    "ok",
    "lol no way!!! #fail http://t.co/abc123",
    "Don't worry, it'll be fine: we're gonna fix the car's engine ourselves.",
)
# Texts of one call on a CPU. More gain nothing (`mtlstream bench model`), and in int8 with fixed bounds none depends on another.
ROWS_PER_CALL = 8
# Largest difference from the fp32 reference that still passes, and the least share of equal tags.
TOLERANCE = {"cpu": {"probability": 0.25, "tagShare": 0.95}, "cuda": {"probability": 0.1, "tagShare": 0.97}}


def write(model: MultitaskModel, folder: Path, run: Run, vocab: Path, adjustments: dict[str, Adjustment],
          scores: dict[str, dict], reference: dict[str, dict]) -> None:
    """`adjustments` carry the biases too; they are folded into the classifiers of `model` here."""
    folder.mkdir(parents=True, exist_ok=True)
    model.eval()
    model.set_quantized(False)
    for name, adjustment in adjustments.items():
        if adjustment.bias is not None:
            with torch.no_grad():
                model.heads[name].classify.bias += torch.from_numpy(adjustment.bias.astype(np.float32))
            adjustment.bias = None
    temperatures = {name: a.temperature for name, a in adjustments.items()}
    said = golden(model, tokenizer.of(vocab), temperatures, run.limit)
    places = _leave_out_placeholders(model, vocab, folder / "vocab.txt")
    for text in said["texts"]:
        text["input_ids"] = places[text["input_ids"]].tolist()
    dump(folder / "golden.json", said)
    graphs.write(model, folder, temperatures)
    dump(folder / "model.json", manifest(model, folder, run, adjustments, scores, reference))


def _leave_out_placeholders(model: MultitaskModel, vocab: Path, path: Path) -> np.ndarray:
    """Writes the vocabulary without the tokens that no text has, takes their rows out of the model, and returns what became of each id (-1: left out)."""
    tokens = vocab.read_text(encoding="utf-8").rstrip("\n").split("\n")
    kept = np.array([i for i, token in enumerate(tokens) if not token.startswith(PLACEHOLDER)])
    path.write_text("".join(tokens[i] + "\n" for i in kept), encoding="utf-8")
    model.encoder.words = torch.nn.Embedding.from_pretrained(model.encoder.words.weight.detach()[kept])
    for part in model.lexical.values():
        part.places = part.places[kept]
    places = np.full(len(tokens), -1)
    places[kept] = np.arange(len(kept))
    return places


def manifest(model: MultitaskModel, folder: Path, run: Run, adjustments: dict[str, Adjustment], scores: dict[str, dict],
             reference: dict[str, dict]) -> dict:
    name, url, licence = ENCODERS[run.source]
    files = ("vocab.txt", "model.cpu.onnx", "model.cuda.onnx", "weights.bin", "golden.json")
    return {
        "schema": "model-manifest.v1", "name": run.name, "version": run.version,
        "encoder": {"name": name, "source": url, "license": licence, "layers": len(run.layers), "hidden": model.shape.hidden,
                    "parameters": sum(p.numel() for p in model.parameters()) + sum(part.table.numel() for part in model.lexical.values())},
        "tokenizer": {"kind": "wordpiece", "files": {"vocab": "vocab.txt"}, "lowercase": True, "stripAccents": True,
                      "caseIds": True, "words": True},
        "maxTokens": run.limit, "window": {"overlap": 32},
        "graphs": {"cpu": "model.cpu.onnx", "cuda": "model.cuda.onnx"},
        "inputs": {"ids": "input_ids", "mask": "attention_mask", "types": "token_type_ids"},
        "rowsPerCall": ROWS_PER_CALL,
        "tasks": [_task(model, run, t, adjustments.get(t, Adjustment()), scores.get(t, {})) for t in model.tasks],
        "checksums": {f: "sha256:" + hashlib.sha256((folder / f).read_bytes()).hexdigest() for f in files},
        "golden": "golden.json", "reference": reference,
    }


def _task(model: MultitaskModel, run: Run, name: str, adjustment: Adjustment, scores: dict) -> dict:
    task = model.tasks[name]
    entry: dict = {"name": name, "kind": task.kind, "labels": list(task.labels)}
    if task.kind in VECTOR_KINDS:
        del entry["labels"]
        entry |= {"size": task.size, "outputs": {part or "vector": f"{name}.{part or 'vector'}" for part in pooling(task)}}
    elif task.kind == "answer_span":
        entry |= {"outputs": {"scores": f"{name}.scores"}, "threshold": adjustment.threshold}
    elif task.per_token:
        entry["outputs"] = {"tags": f"{name}.tags", "scores": f"{name}.scores"}
    else:
        entry["outputs"] = {"probabilities": f"{name}.probabilities"}
    if task.kind not in VECTOR_KINDS:
        entry["temperature"] = round(adjustment.temperature, 4)
    if task.kind == "multi_label":
        entry["thresholds"] = [round(float(t), 4) for t in adjustment.thresholds or [0.5] * len(task.labels)]
    elif task.kind == "single_label":
        entry["threshold"] = adjustment.threshold
    entry["data"] = manifest_data(run, name)
    entry["scores"] = scores
    return entry


def manifest_data(run: Run, task: str) -> list[dict]:
    """What the task was trained on by this run, or, where it goes on from other weights, by those before it too."""
    names = [corpus for corpus in TRAINED_ON[task] if run.initial or {"uner": "ewt"}.get(corpus, corpus) in run.corpora]  # one reader gives both
    names += [corpus for corpus, tasks in ALSO.items() if corpus in run.corpora and task in (tasks or run.tasks)]
    return [{"name": SOURCES[c].name, "license": SOURCES[c].licence, "url": SOURCES[c].url} for c in names]


def golden(model: MultitaskModel, pieces: Tokenizer, temperatures: dict[str, float], limit: int) -> dict:
    """A dozen texts with what the unquantized model says about each, one text a call."""
    texts = []
    for text, tokens in zip(GOLDEN_TEXTS, pieces.texts(GOLDEN_TEXTS)):
        row = encoding.row(tokens, limit)
        ids = torch.from_numpy(row.ids.astype(np.int64))[None]
        with torch.no_grad():
            logits = model(ids, torch.from_numpy(row.cases.astype(np.int64))[None], torch.ones_like(ids).float())
        outputs: dict[str, list] = {}
        for task in model.tasks.values():
            values = logits[task.name][0].numpy() / temperatures.get(task.name, 1.0)
            if task.kind == "answer_span":
                continue  # nobody has asked
            if task.kind in VECTOR_KINDS:
                for part, vector in zip(pooling(task), values.reshape(-1, task.size)):
                    outputs[f"{task.name}.{part or 'vector'}"] = np.round(vector.astype(float), 5).tolist()
            elif task.per_token:
                outputs[f"{task.name}.tags"] = values.argmax(-1).tolist()
                outputs[f"{task.name}.scores"] = np.round(softmax(values).max(-1), 4).tolist()
            else:
                found = sigmoid(values) if task.kind == "multi_label" else softmax(values)
                outputs[f"{task.name}.probabilities"] = np.round(found.astype(float), 5).tolist()
        texts.append({"text": text, "input_ids": row.ids.tolist(), "token_type_ids": row.cases.tolist(), "outputs": outputs})
    return {"schema": "model-golden.v1", "rowsPerCall": 1, "precision": "fp32", "tolerance": TOLERANCE, "texts": texts}


def dump(path: Path, value: dict) -> None:
    """One line per element of the outermost lists, so that files stay small and differences readable."""
    lines = []
    for key, member in value.items():
        if isinstance(member, list):
            body = ",\n".join("    " + json.dumps(m, ensure_ascii=False) for m in member)
            lines.append(f'  "{key}": [\n{body}\n  ]')
        else:
            lines.append(f'  "{key}": {json.dumps(member, ensure_ascii=False)}')
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
