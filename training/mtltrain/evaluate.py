"""Predictions and scores of a model on a corpus part."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from . import dataset
from .encoding import IGNORED, Row
from .metrics import f1_scores, kept_f1, macro_f1, macro_recall, span_f1
from .model import MultitaskModel, Task
from .sampling import collate, cut

# task -> corpora it is scored on, per part
SETS = {"pos": ["ewt"], "entities": ["uner"], "sentiment": ["semeval"], "emotion": ["goemotions"], "topic": ["newsgroups"],
        "intent": ["clinc"], "offensive": ["offensive"], "language": ["languages"], "compress": ["compression"],
        "answer": ["answers", "qamr"], "embedding": ["texts"], "summary": ["abstracts"], "reply": ["replies"]}
METRICS = {"pos": "accuracy", "entities": "spanF1", "sentiment": "macroRecall", "emotion": "macroF1", "topic": "accuracy",
           "intent": "accuracy", "offensive": "macroF1", "language": "accuracy", "compress": "keptF1", "answer": "f1", "embedding": "likeness", "summary": "rouge1", "reply": "of10"}
METRICS_OF_KIND = {"token_tags": ("accuracy", "keptF1", "rouge1"), "answer_span": ("f1",), "vector": ("likeness",), "reply_vectors": ("of10",), "token_spans": ("spanF1",), "single_label": ("accuracy", "macroRecall", "macroF1"), "multi_label": ("macroF1",)}
# What a first plain run reached: scores are compared as shares of these, so that no task dominates the mean.
FLOORS = {"pos": 0.9706, "entities": 0.784, "sentiment": 0.709, "emotion": 0.500, "topic": 0.70, "intent": 0.958, "offensive": 0.807,
          "language": 0.9, "compress": 0.74, "answer": 0.55, "embedding": 0.9, "summary": 0.38, "reply": 0.45}


@dataclass
class Adjustment:
    """Calibration of a task's logits: (logits + bias) / temperature, and thresholds on the probabilities."""

    bias: np.ndarray | None = None
    temperature: float = 1.0
    thresholds: list[float] = field(default_factory=list)
    threshold: float | None = None


def predict(model: MultitaskModel, rows: list[Row], tasks: list[str], amp: bool = False, padded_tokens: int = 4096) -> dict[str, list[np.ndarray]]:
    """Logits per row and task: [labels], or [tokens, labels]; rows keep their order.

    `amp`: in bf16, faster where the processor has it, and coarser than int8's own steps: for comparisons while training, not for what a package is made of.
    """
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    result: dict[str, list] = {task: [None] * len(rows) for task in tasks}
    training, at, device = model.training, 0, model.device
    model.eval()
    with torch.no_grad():
        for batch_rows in cut([rows[i] for i in order], padded_tokens, 128):
            batch = collate(batch_rows).to(device)
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=amp):
                logits = {task: found.float().cpu().numpy() for task, found in model(batch.ids, batch.cases, batch.mask, tasks).items()}
            for task, values in logits.items():
                for j, row in enumerate(batch_rows):
                    result[task][order[at + j]] = values[j, :len(row)] if model.tasks[task].per_token else values[j]
            at += len(batch_rows)
    model.train(training)
    return result


def adjusted(logits: np.ndarray, adjustment: Adjustment) -> np.ndarray:
    return (logits + (0 if adjustment.bias is None else adjustment.bias)) / adjustment.temperature


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def gold(task: str, kind: str, rows: list[Row], labels: int) -> np.ndarray | list[list[int]]:
    if kind == "multi_label":
        matrix = np.zeros((len(rows), labels), int)
        for i, row in enumerate(rows):
            matrix[i, list(row.labels[task])] = 1
        return matrix
    if kind == "single_label":
        return np.array([row.labels[task] for row in rows])
    return [[int(t) for t in row.labels[task][row.labels[task] != IGNORED]] for row in rows]


def word_tags(logits: list[np.ndarray], rows: list[Row], task: str) -> list[list[int]]:
    return [values[row.labels[task] != IGNORED].argmax(-1).tolist() for values, row in zip(logits, rows)]


def score(task: Task, rows: list[Row], logits: list[np.ndarray], adjustment: Adjustment | None = None) -> float:
    """The task's metric on rows that carry its labels."""
    adjustment = adjustment or Adjustment()
    kind, labels = task.kind, len(task.labels)
    truth = gold(task.name, kind, rows, labels)
    if kind in ("token_tags", "token_spans"):
        found = word_tags(logits, rows, task.name)
        if kind == "token_spans":
            return span_f1(truth, found, task.labels)
        if METRICS[task.name] == "keptF1":
            return kept_f1(truth, found)
        return sum(g == p for gs, ps in zip(truth, found) for g, p in zip(gs, ps)) / sum(map(len, truth))
    values = adjusted(np.stack(logits), adjustment)
    if kind == "multi_label":
        thresholds = np.array(adjustment.thresholds or [0.3] * labels)
        return float(f1_scores(truth, (sigmoid(values) >= thresholds).astype(int)).mean())
    best = values.argmax(-1)
    metric = METRICS[task.name]
    if metric == "macroRecall":
        return macro_recall(truth, best, labels)
    return macro_f1(truth, best, labels) if metric == "macroF1" else float((best == truth).mean())


def labelled(data: Path, cache: Path, vocab: Path, task: str, part: str, limit: int, most: int = 0) -> list[Row]:
    return [row for name in SETS[task] for row in dataset.rows(data, cache, vocab, name, part, limit, most) if task in row.labels]


def scores(model: MultitaskModel, data: Path, cache: Path, vocab: Path, part: str, tasks: list[str], limit: int, most: int = 0,
           adjustments: dict[str, Adjustment] | None = None, amp: bool = False) -> dict[str, float]:
    result = {}
    from . import measures  # which predicts by this module

    for task in tasks:
        if task in measures.OWN:
            found = measures.own(model, task, data, cache, vocab, part, limit, most)
            print(part, task, found, flush=True)
            result[task] = found[METRICS[task]]
            continue
        if task == "offensive" and part == "dev":
            print(part, "identity", measures.rounded(measures.identity(model, data, vocab, limit)), flush=True)
        rows = labelled(data, cache, vocab, task, part, limit, most)
        result[task] = score(model.tasks[task], rows, predict(model, rows, [task], amp)[task], (adjustments or {}).get(task))
    return result


def combined(values: dict[str, float]) -> float:
    """Mean over the tasks of score / floor."""
    return float(np.mean([value / FLOORS[task] for task, value in values.items()]))
