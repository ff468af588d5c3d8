"""Which rows go into which batch."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .encoding import IGNORED, Row
from .wordpiece import MASK


@dataclass
class Batch:
    """Rows of like length from any corpora. `rows[task]` are the places of the rows that carry its labels."""

    ids: Tensor
    cases: Tensor
    mask: Tensor
    rows: dict[str, Tensor]
    labels: dict[str, Tensor]

    @property
    def tokens(self) -> int:
        return int(self.mask.sum())


class Corpus:
    """Rows in a fresh random order every time round."""

    def __init__(self, name: str, rows: list[Row], boost: float, crop: int, seed: int):
        self.name, self.rows, self.boost, self.crop = name, rows, boost, crop
        self.random = random.Random(f"{name}/{seed}")
        self.left: list[int] = []

    def next(self) -> Row:
        if not self.left:
            self.left = list(range(len(self.rows)))
            self.random.shuffle(self.left)
        row = self.rows[self.left.pop()]
        return row if len(row) <= self.crop else self._window(row)

    def _window(self, row: Row) -> Row:
        """Long texts: as often the beginning as a window from anywhere, as the worker cuts them."""
        starts = row.firsts[(row.firsts > 0) & (row.firsts <= len(row) - self.crop + 1)]
        start = int(self.random.choice(starts)) if len(starts) and self.random.random() < 0.5 else 1
        stop = start + self.crop - 2
        join = lambda a: np.concatenate([a[:1], a[start:stop], a[-1:]])
        labels = {task: join(label) if isinstance(label, np.ndarray) else label for task, label in row.labels.items()}
        return Row(join(row.ids), join(row.cases), row.firsts, labels)


class Sampler:
    """Draws corpora with probability size^alpha x boost and cuts the draw into batches of like length."""

    def __init__(self, corpora: list[Corpus], alpha: float, padded_tokens: int, max_rows: int, seed: int):
        self.corpora, self.padded_tokens, self.max_rows = corpora, padded_tokens, max_rows
        self.weights = [len(c.rows) ** alpha * c.boost for c in corpora]
        self.random = random.Random(seed)
        self.waiting: list[list[Row]] = []
        self.drawn = {c.name: 0 for c in corpora}

    def next(self) -> list[Row]:
        if not self.waiting:
            self.waiting = self._draw()
        return self.waiting.pop()

    def state(self) -> dict:
        """Where the draw stands; batches already cut are drawn anew after a resume."""
        return {"random": self.random.getstate(), "drawn": dict(self.drawn),
                "corpora": {c.name: (c.left, c.random.getstate()) for c in self.corpora}}

    def load(self, state: dict) -> None:
        self.random.setstate(state["random"])
        self.drawn = dict(state["drawn"])
        for corpus in self.corpora:
            corpus.left, random_state = state["corpora"][corpus.name]
            corpus.random.setstate(random_state)

    def _draw(self) -> list[list[Row]]:
        chosen = self.random.choices(self.corpora, self.weights, k=4096)
        rows = []
        for corpus in chosen:
            rows.append(corpus.next())
            self.drawn[corpus.name] += 1
        rows.sort(key=lambda row: len(row) + self.random.random())
        batches = cut(rows, self.padded_tokens, self.max_rows)
        self.random.shuffle(batches)
        return batches


def cut(rows: list[Row], padded_tokens: int, max_rows: int) -> list[list[Row]]:
    """Sorted rows -> batches of at most `padded_tokens` = rows x longest."""
    batches: list[list[Row]] = [[]]
    for row in rows:
        batch = batches[-1]
        if batch and (len(row) * (len(batch) + 1) > padded_tokens or len(batch) == max_rows):
            batches.append(batch := [])
        batch.append(row)
    return batches


def collate(rows: list[Row], rng: random.Random | None = None, word_dropout: float = 0.0) -> Batch:
    columns = max(len(row) for row in rows)
    ids = np.zeros((len(rows), columns), np.int64)
    cases = np.zeros_like(ids)
    mask = np.zeros((len(rows), columns), np.float32)
    for i, row in enumerate(rows):
        ids[i, :len(row)] = row.ids
        cases[i, :len(row)] = row.cases
        mask[i, :len(row)] = 1
    if word_dropout and rng is not None:
        drop = np.random.default_rng(rng.getrandbits(32)).random(ids.shape) < word_dropout
        ids[drop & (ids > MASK)] = MASK
    places: dict[str, list[int]] = {}
    for i, row in enumerate(rows):
        for task in row.labels:
            places.setdefault(task, []).append(i)
    labels = {task: _labels([rows[i].labels[task] for i in at], columns) for task, at in places.items()}
    return Batch(torch.from_numpy(ids), torch.from_numpy(cases), torch.from_numpy(mask),
                 {task: torch.tensor(at) for task, at in places.items()}, labels)


def _labels(values: list, columns: int) -> Tensor:
    """[n] of indices, [n, columns] of tags, [n, columns, labels] of teacher's tags, or a list of label sets."""
    if isinstance(values[0], np.ndarray):
        out = np.full((len(values), columns) + values[0].shape[1:], IGNORED if values[0].ndim == 1 else 0, np.float32)
        for i, value in enumerate(values):
            out[i, :len(value)] = value
        return torch.from_numpy(out) if values[0].ndim > 1 else torch.from_numpy(out).long()
    if isinstance(values[0], tuple):
        many = torch.zeros(len(values), 1 + max(max(v, default=0) for v in values))
        for i, value in enumerate(values):
            many[i, list(value)] = 1
        return many
    return torch.tensor(values)
