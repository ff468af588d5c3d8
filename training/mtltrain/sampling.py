"""Which rows go into which batch."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from .encoding import IGNORED, Row
from .tokenizer import MASK

APART = 3  # padded tokens of a batch of rows that are compared with each other, in those of any other


@dataclass
class Batch:
    """Rows of like length from any corpora. `rows[task]` are the places of the rows that carry its labels, `soft_rows[task]` of those with a
    teacher's probabilities."""

    ids: Tensor
    cases: Tensor
    mask: Tensor
    rows: dict[str, Tensor]
    labels: dict[str, Tensor]
    soft_rows: dict[str, Tensor] = field(default_factory=dict)
    soft: dict[str, Tensor] = field(default_factory=dict)
    # Rows that were replied to, and in `labels["reply"]` the rows of the replies, which stand behind all others.

    def count(self, task: str) -> int:
        """Rows that say anything about the task."""
        return len(self.places(task))

    def places(self, task: str) -> Tensor:
        """Rows that say anything about the task, in order."""
        found = [rows[task] for rows in (self.rows, self.soft_rows) if task in rows]
        return found[0] if len(found) == 1 else torch.unique(torch.cat(found))

    def to(self, device: torch.device) -> Batch:
        moved = lambda found: {task: tensor.to(device) for task, tensor in found.items()}
        return Batch(self.ids.to(device), self.cases.to(device), self.mask.to(device), moved(self.rows), moved(self.labels), moved(self.soft_rows), moved(self.soft))

    @property
    def tokens(self) -> int:
        return int(self.mask.sum())

    def only(self, task: str) -> tuple[Tensor, Batch]:
        """Places of the rows that say anything about the task, and these rows without what they say of other tasks."""
        if task == "reply":
            at = torch.cat([self.rows[task], self.labels[task]])
            count = torch.arange(len(self.rows[task]), device=at.device)
            return at, Batch(self.ids[at], self.cases[at], self.mask[at], {task: count}, {task: count + len(count)})
        at = self.places(task)
        rows = {task: torch.nonzero(torch.isin(at, self.rows[task])).flatten()} if task in self.rows else {}
        soft_rows = {task: torch.nonzero(torch.isin(at, self.soft_rows[task])).flatten()} if task in self.soft_rows else {}
        return at, Batch(self.ids[at], self.cases[at], self.mask[at], rows, {t: self.labels[t] for t in rows}, soft_rows, {t: self.soft[t] for t in soft_rows})


class Corpus:
    """Rows in a fresh random order every time round. `size`: how many rows it is drawn as; all it has unless said.

    `apart`: its rows are batched among themselves, where each is compared with the others.
    """

    def __init__(self, name: str, rows: list[Row], boost: float, crop: int, seed: int, size: int = 0, apart: bool = False):
        self.name, self.rows, self.boost, self.crop, self.size, self.apart = name, rows, boost, crop, size or len(rows), apart
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
        soft = {task: join(found) if found.ndim == 2 else found for task, found in row.soft.items()}
        return Row(join(row.ids), join(row.cases), row.firsts, labels, soft, row.reply)


class Sampler:
    """Draws corpora with probability size^alpha x boost and cuts the draw into batches of like length."""

    def __init__(self, corpora: list[Corpus], alpha: float, padded_tokens: int, max_rows: int, seed: int):
        self.corpora, self.padded_tokens, self.max_rows = corpora, padded_tokens, max_rows
        self.weights = [c.size ** alpha * c.boost for c in corpora]
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
        self.drawn |= state["drawn"]
        for corpus in self.corpora:
            if corpus.name not in state["corpora"]:
                continue
            left, random_state = state["corpora"][corpus.name]
            corpus.left = [i for i in left if i < len(corpus.rows)]  # texts that are tokenized anew may give fewer rows
            corpus.random.setstate(random_state)

    def _draw(self) -> list[list[Row]]:
        chosen = self.random.choices(self.corpora, self.weights, k=4096)
        rows, apart = [], []
        for corpus in chosen:
            (apart if corpus.apart else rows).append(corpus.next())
            self.drawn[corpus.name] += 1
        rows.sort(key=lambda row: len(row) + self.random.random())
        batches = cut(rows, self.padded_tokens, self.max_rows)
        if apart:
            apart.sort(key=lambda row: len(row) + len(row.reply) + self.random.random())
            batches += cut(apart, APART * self.padded_tokens, self.max_rows)
        self.random.shuffle(batches)
        return batches


def cut(rows: list[Row], padded_tokens: int, max_rows: int) -> list[list[Row]]:
    """Sorted rows -> batches of at most `padded_tokens` = rows x longest, replies counted too."""
    batches: list[list[Row]] = [[]]
    longest = 0
    for row in rows:
        batch = batches[-1]
        longest = max(longest, len(row), len(row.reply) if row.reply else 0)
        count = (len(batch) + 1) * (2 if row.reply else 1)
        if batch and (longest * count > padded_tokens or len(batch) == max_rows):
            batches.append(batch := [])
            longest = max(len(row), len(row.reply) if row.reply else 0)
        batch.append(row)
    return batches


class CaseNoise:
    """Texts as if they were written in small letters, or in capitals."""

    LOWER, UPPER = 0, 2

    def __init__(self, share: float, tokens: list[str]):
        """`share` of the texts, half of them each way; `tokens` of the vocabulary, in order."""
        self.share = share
        self.letters = np.array([any(c.isalpha() for c in token) and not token.startswith("[") for token in tokens])

    def on(self, ids: np.ndarray, cases: np.ndarray, draw: np.ndarray) -> np.ndarray:
        segment = cases & ~3
        upper = np.where(self.letters[ids], segment | self.UPPER, segment)
        return np.where(draw < self.share / 2, segment, np.where(draw < self.share, upper, cases))


def collate(rows: list[Row], rng: random.Random | None = None, word_dropout: float = 0.0, noise: CaseNoise | None = None) -> Batch:
    """One batch; replies become rows behind all others, and the labels of `reply` say which."""
    replied = [i for i, row in enumerate(rows) if row.reply]
    given = rows
    rows = rows + [rows[i].reply for i in replied]
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
    if noise is not None and rng is not None:
        cases = noise.on(ids, cases, np.random.default_rng(rng.getrandbits(32)).random(len(rows))[:, None])
    places, soft_places = _places([row.labels for row in given]), _places([row.soft for row in given])
    labels = {task: _labels([rows[i].labels[task] for i in at], columns) for task, at in places.items()}
    soft = {task: _soft([rows[i].soft[task] for i in at], columns) for task, at in soft_places.items()}
    if replied:
        places["reply"], labels["reply"] = replied, torch.arange(len(given), len(rows))
    tensors = lambda found: {task: torch.tensor(at) for task, at in found.items()}
    return Batch(torch.from_numpy(ids), torch.from_numpy(cases), torch.from_numpy(mask), tensors(places), labels, tensors(soft_places), soft)


def _places(values: list[dict]) -> dict[str, list[int]]:
    places: dict[str, list[int]] = {}
    for i, value in enumerate(values):
        for task in value:
            places.setdefault(task, []).append(i)
    return places


def _soft(values: list[np.ndarray], columns: int) -> Tensor:
    """[n, labels], or [n, columns, labels] with zeros behind the row's end."""
    if values[0].ndim == 1:
        return torch.from_numpy(np.stack(values).astype(np.float32))
    out = np.zeros((len(values), columns, values[0].shape[1]), np.float32)
    for i, value in enumerate(values):
        out[i, :len(value)] = value
    return torch.from_numpy(out)


def _labels(values: list, columns: int) -> Tensor:
    """[n] of indices, [n, columns] of tags, or a list of label sets."""
    if isinstance(values[0], np.ndarray):
        out = np.full((len(values), columns), IGNORED, np.int64)
        for i, value in enumerate(values):
            out[i, :len(value)] = value
        return torch.from_numpy(out)
    if isinstance(values[0], tuple):
        many = torch.zeros(len(values), 1 + max(max(v, default=0) for v in values))
        for i, value in enumerate(values):
            many[i, list(value)] = 1
        return many
    return torch.tensor(values)
