"""Scores, as the corpora's authors define them."""

from __future__ import annotations

import numpy as np


def spans(tags: list[int], labels: tuple[str, ...]) -> set[tuple[int, int, str]]:
    """Indices of BIO `labels`, "O" first -> (first word, past the last, kind); an I- without its B- opens a span, as in conlleval."""
    found, start, kind = set(), None, ""
    for i, tag in enumerate(list(tags) + [0]):
        name = labels[tag]
        if start is not None and (not name.startswith("I-") or name[2:] != kind):
            found.add((start, i, kind))
            start = None
        if name != "O" and start is None:
            start, kind = i, name[2:]
    return found


def span_f1(gold: list[list[int]], predicted: list[list[int]], labels: tuple[str, ...]) -> float:
    gold, predicted = ([spans(tags, labels) for tags in rows] for rows in (gold, predicted))
    right = sum(len(g & p) for g, p in zip(gold, predicted))
    total = sum(map(len, gold)) + sum(map(len, predicted))
    return 2 * right / total if total else 0.0


def kept_f1(gold: list[list[int]], predicted: list[list[int]], kept: int = 1) -> float:
    """F1 over the words that are kept, all sentences together."""
    pairs = [(g == kept, p == kept) for gs, ps in zip(gold, predicted) for g, p in zip(gs, ps)]
    total = sum(g + p for g, p in pairs)
    return 2 * sum(g and p for g, p in pairs) / total if total else 0.0


def recalls(gold: np.ndarray, predicted: np.ndarray, labels: int) -> np.ndarray:
    return np.array([(predicted[gold == i] == i).mean() if (gold == i).any() else 0.0 for i in range(labels)])


def macro_recall(gold: np.ndarray, predicted: np.ndarray, labels: int) -> float:
    return float(recalls(gold, predicted, labels).mean())


def f1_scores(gold: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """[n, labels] of 0/1 each -> F1 per label; 0 where there is nothing to find and nothing found."""
    right = (gold * predicted).sum(axis=0)
    total = gold.sum(axis=0) + predicted.sum(axis=0)
    return np.where(total > 0, 2 * right / np.maximum(total, 1), 0.0)


def macro_f1(gold: np.ndarray, predicted: np.ndarray, labels: int) -> float:
    """Single label: mean over the classes of F1."""
    classes = np.arange(labels)
    return float(f1_scores((gold[:, None] == classes).astype(int), (predicted[:, None] == classes).astype(int)).mean())
