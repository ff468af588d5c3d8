"""Fits, on dev, what is decided after training: class biases, temperatures and thresholds."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from . import dataset, measures
from .evaluate import METRICS, Adjustment, adjusted, gold, labelled, predict, sigmoid, softmax
from .metrics import f1_scores, macro_f1, macro_recall
from .model import VECTOR_KINDS, MultitaskModel

# Tasks whose label is null where the model is unsure, and the share of the right answers on dev that the threshold keeps at least.
UNSURE = {"topic": 0.98}


def fit(model: MultitaskModel, data: Path, cache: Path, vocab: Path, limit: int, most: int = 0) -> dict[str, Adjustment]:
    found = {}
    for name, task in model.tasks.items():
        if task.kind in VECTOR_KINDS:
            found[name] = Adjustment()
            continue
        if task.kind == "answer_span":
            found[name] = Adjustment(threshold=measures.best_margin(model, data, vocab, limit, most))
            continue
        rows = labelled(data, cache, vocab, name, "dev", limit, most)
        logits = predict(model, rows, [name])[name]
        if task.per_token:
            values = np.concatenate([v[r.labels[name] >= 0] for v, r in zip(logits, rows)])
            truth = np.concatenate(gold(name, task.kind, rows, len(task.labels)))
            found[name] = Adjustment(temperature=_temperature(values, truth))
            continue
        values, truth = np.stack(logits), gold(name, task.kind, rows, len(task.labels))
        if task.kind == "multi_label":
            temperature = _sigmoid_temperature(values, truth)
            found[name] = Adjustment(temperature=temperature, thresholds=_thresholds(sigmoid(values / temperature), truth))
            continue
        # A task scored by a macro average wants other odds than its training data has.
        bias = _biases(values, truth, METRICS[name]) if METRICS[name] != "accuracy" and _biases_hold(values, truth, METRICS[name]) else None
        temperature = _temperature(values + (0 if bias is None else bias), truth)
        found[name] = Adjustment(bias=bias, temperature=temperature)
        if name in UNSURE:
            found[name].threshold = _sure_threshold(softmax(adjusted(values, found[name])), truth, UNSURE[name])
    if "intent" in found:
        found["intent"].threshold = _scope_threshold(model, data, cache, vocab, limit, found["intent"], most)
    return found


def _temperature(values: np.ndarray, truth: np.ndarray) -> float:
    """The one that minimizes the negative log likelihood."""
    def cost(t: float) -> float:
        p = softmax(values / t)
        return -float(np.log(np.maximum(p[np.arange(len(truth)), truth], 1e-12)).mean())
    return _smallest(cost)


def _sigmoid_temperature(values: np.ndarray, truth: np.ndarray) -> float:
    def cost(t: float) -> float:
        p = np.clip(sigmoid(values / t), 1e-7, 1 - 1e-7)
        return -float((truth * np.log(p) + (1 - truth) * np.log(1 - p)).mean())
    return _smallest(cost)


def _smallest(cost) -> float:
    grid = np.exp(np.linspace(np.log(0.4), np.log(3.0), 60))
    return float(grid[int(np.argmin([cost(t) for t in grid]))])


def _biases_hold(values: np.ndarray, truth: np.ndarray, metric: str, splits: int = 10) -> bool:
    """True when biases fitted on one half of the rows gain on the other half by more than two standard errors of the whole set: those of a small dev set may fit its noise alone."""
    measure = macro_recall if metric == "macroRecall" else macro_f1
    generator, labels, gains = np.random.default_rng(0), values.shape[1], []
    for _ in range(splits):
        order = generator.permutation(len(truth))
        halves = np.array_split(order, 2)
        for fitted, held in (halves, halves[::-1]):
            bias = _biases(values[fitted], truth[fitted], metric)
            gains.append(measure(truth[held], (values[held] + bias).argmax(-1), labels) - measure(truth[held], values[held].argmax(-1), labels))
    return float(np.mean(gains)) > 2 * float(np.std(gains)) / 2 ** 0.5  # the whole set is two halves


def _biases(values: np.ndarray, truth: np.ndarray, metric: str) -> np.ndarray:
    """Coordinate search over class biases; every second step is half as wide."""
    measure = macro_recall if metric == "macroRecall" else macro_f1
    labels = values.shape[1]
    bias, width = np.zeros(labels), 0.5
    best = measure(truth, values.argmax(-1), labels)
    for _ in range(5):
        for label in range(labels):
            for move in (-width, width):
                trial = bias.copy()
                trial[label] += move
                now = measure(truth, (values + trial).argmax(-1), labels)
                if now > best + 1e-4:
                    best, bias = now, trial
        width /= 2
    return bias - bias.mean()


def _thresholds(probabilities: np.ndarray, truth: np.ndarray) -> list[float]:
    """Per label the threshold with the best F1 on dev; the grid is even in log, for rare labels have small probabilities.

    In two-fold cross-validation on dev, drawing rare labels to a common threshold cost 2.4 points of macro F1, and smoothing over 15 thresholds
    gained 0.3 over 7.
    """
    grid = np.exp(np.linspace(np.log(0.01), np.log(0.8), 120))
    table = np.stack([f1_scores(truth, (probabilities >= t).astype(int)) for t in grid])
    # Neighbouring thresholds agree; smoothing takes the noise of single examples out.
    smooth = np.stack([np.convolve(np.pad(table[:, j], 7, mode="edge"), np.ones(15) / 15, mode="valid") for j in range(table.shape[1])], axis=1)
    return [float(grid[i]) for i in smooth.argmax(axis=0)]


def held_out_macro_f1(values: np.ndarray, truth: np.ndarray, splits: int = 4) -> float:
    """Of logits [n, labels]: thresholds from one half of the rows, F1 on the other, on average."""
    probabilities, scores = sigmoid(values), []
    for split in range(splits):
        halves = np.array_split(np.random.default_rng(split).permutation(len(truth)), 2)
        for fitted, held in (halves, halves[::-1]):
            thresholds = np.array(_thresholds(probabilities[fitted], truth[fitted]))
            scores.append(f1_scores(truth[held], (probabilities[held] >= thresholds).astype(int)).mean())
    return float(np.mean(scores))


def _sure_threshold(probabilities: np.ndarray, truth: np.ndarray, kept: float) -> float:
    """The largest multiple of 0.05 at which at least so large a share of the right answers still has its label."""
    best = probabilities.max(-1)[probabilities.argmax(-1) == truth]
    grid = np.arange(0.05, 0.95, 0.05)
    return float(np.round(max((t for t in grid if (best >= t).mean() >= kept), default=0), 2))


def _scope_threshold(model, data: Path, cache: Path, vocab: Path, limit: int, adjustment: Adjustment, most: int = 0) -> float:
    """Best mean of in-scope accuracy and out-of-scope recall on dev, with the in-scope loss held to one point."""
    inside, outside = scope_probabilities(model, data, cache, vocab, limit, "dev", adjustment, most)
    rows = labelled(data, cache, vocab, "intent", "dev", limit, most)
    right = inside.argmax(-1) == np.array([row.labels["intent"] for row in rows])
    grid = np.arange(0.05, 0.95, 0.01)
    accuracy = np.array([(right & (inside.max(-1) >= t)).mean() for t in grid])
    recall = np.array([(outside.max(-1) < t).mean() for t in grid])
    allowed = accuracy >= right.mean() - 0.01
    return float(np.round(grid[int(np.where(allowed, accuracy + recall, 0).argmax())], 2))


def scope_probabilities(model, data: Path, cache: Path, vocab: Path, limit: int, part: str, adjustment: Adjustment, most: int = 0):
    """Probabilities of the intents for queries in and out of scope."""
    inside = labelled(data, cache, vocab, "intent", part, limit, most)
    outside = dataset.rows(data, cache, vocab, "clinc_outside", part, limit, most)
    return tuple(softmax(adjusted(np.stack(predict(model, rows, ["intent"])["intent"]), adjustment)) for rows in (inside, outside))
