"""A linear classifier over the word pieces of a text, added to the logits of a text-level head: which words it has, beside what it means.

Wide and deep (Cheng et al. 2016, arXiv 1606.07792), fitted one after the other: what an encoder and a bag of words get wrong differs, and an encoder
that has seen the training texts leaves nothing for a bag of words to learn beside it. A row of the table for each piece that tells most, one for all others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from .calibrate import held_out_macro_f1
from .encoding import Row
from .evaluate import gold
from .model import Lexical, MultitaskModel, Task

PENALTY = {"single_label": 0.05, "multi_label": 0.5}  # of the squared weights, against the summed loss
STEPS = 60
GAINS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)


@dataclass
class Bag:
    """Texts as counts of pieces: entry k says that text `texts[k]` has piece `pieces[k]` `counts[k]` times."""

    texts: np.ndarray
    pieces: np.ndarray
    counts: np.ndarray
    size: int

    @staticmethod
    def of(rows: list[Row]) -> Bag:
        found = [np.unique(row.ids, return_counts=True) for row in rows]
        return Bag(np.repeat(np.arange(len(rows)), [len(u) for u, _ in found]), np.concatenate([u for u, _ in found]),
                   np.concatenate([n for _, n in found]).astype(np.float32), len(rows))


def fit(rows: list[Row], task: Task, vocabulary: int, pieces: int) -> Lexical:
    """A table of the `pieces` that tell most about the labels of `rows`, at gain 1."""
    bag, labels = Bag.of(rows), len(task.labels)
    truth = torch.from_numpy(gold(task.name, task.kind, rows, labels))
    texts_with = np.bincount(bag.pieces, minlength=vocabulary)
    rarity = np.log((1 + bag.size) / (1 + texts_with)) + 1
    weights = _weights(bag, truth, task, np.arange(vocabulary), vocabulary, rarity, rarity ** 2)
    # Pieces whose weights move the most logits: large, and in many texts.
    telling = np.sort(np.argsort(-np.linalg.norm(weights, axis=1) * rarity * np.sqrt(texts_with))[:pieces])
    places = np.ones(vocabulary, np.int16)                # row 1: every other piece
    places[0] = 0                                         # row 0: padding
    places[telling] = 2 + np.arange(len(telling), dtype=np.int16)
    rest = np.setdiff1d(np.arange(vocabulary), telling)
    squares = rarity ** 2
    squares[rest] = np.average(squares[rest], weights=texts_with[rest] + 1e-9)
    table = np.zeros((2 + len(telling), labels + 1), np.float32)
    table[2:, :labels] = _weights(bag, truth, task, places - 2, len(telling), rarity, squares) * rarity[telling, None]
    table[2:, labels], table[1, labels] = squares[telling], squares[rest[0]] if len(rest) else 1.0
    return Lexical(torch.from_numpy(places.astype(np.int64)), torch.from_numpy(table))


def _weights(bag: Bag, truth: Tensor, task: Task, places: np.ndarray, count: int, rarity: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """[count, labels] of logistic regression (multinomial, or a binary one per label) over the pieces whose place is not negative."""
    norms = np.sqrt(np.bincount(bag.texts, bag.counts * squares[bag.pieces], bag.size))
    at = places[bag.pieces]
    known = at >= 0
    values = (bag.counts * rarity[bag.pieces] / norms[bag.texts])[known].astype(np.float32)
    x = torch.sparse_coo_tensor(np.stack([bag.texts[known], at[known]]), values, (bag.size, count)).coalesce()
    weights = torch.zeros(count, len(task.labels), requires_grad=True)
    bias = torch.zeros(len(task.labels), requires_grad=True)
    solver = torch.optim.LBFGS([weights, bias], max_iter=STEPS, history_size=10, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        solver.zero_grad()
        logits = torch.sparse.mm(x, weights) + bias
        value = (F.binary_cross_entropy_with_logits(logits, truth.float(), reduction="sum") if task.kind == "multi_label"
                 else F.cross_entropy(logits, truth, reduction="sum")) + PENALTY[task.kind] * weights.square().sum()
        value.backward()
        return value

    solver.step(loss)
    return weights.detach().numpy()


def add(model: MultitaskModel, name: str, rows: list[Row], dev: list[Row], logits: list[np.ndarray], pieces: int) -> float:
    """Fits the part for a task and adds it to the model with the gain that is best on `dev` beside the head's `logits`; returns the gain.

    Best is what makes the labels likeliest; of several labels at once, what their macro F1 gains, in which rare ones count as much as others.
    """
    task = model.tasks[name]
    found = fit(rows, task, model.shape.vocab, pieces)
    truth, said = gold(name, task.kind, dev, len(task.labels)), np.stack(logits)
    beside = torch.cat([found(torch.from_numpy(row.ids.astype(np.int64))[None]) for row in dev]).numpy()
    worth = held_out_macro_f1 if task.kind == "multi_label" else _likelihood
    best = max(GAINS, key=lambda gain: worth(said + gain * beside, truth))
    found.table[:, :-1] *= best
    model.lexical[name] = found
    return best


def _likelihood(logits: np.ndarray, truth: np.ndarray) -> float:
    """Mean log-probability of the labels, at the temperature that suits them best."""
    values, labels = torch.from_numpy(logits), torch.from_numpy(truth)
    return -min(float(F.cross_entropy(values / t, labels)) for t in np.linspace(0.5, 4.0, 36))
