"""Texts as rows of token ids: each word by itself, its letter case beside it, labels on first subwords."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .corpora import IGNORED, Example
from .tokenizer import CLS, SEP, Tokenizer, Tokens


@dataclass
class Row:
    """One tokenized example. `firsts` are the places of the words' first tokens.

    `soft`: a teacher's probabilities per task, [labels], or [tokens, labels] with zeros where no word begins.
    """

    ids: np.ndarray
    cases: np.ndarray
    firsts: np.ndarray
    labels: dict[str, object] = field(default_factory=dict)
    soft: dict[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)


def row(tokens: Tokens, limit: int) -> Row:
    """[CLS] tokens [SEP], cut to `limit`. A word without any token (control characters), or beyond the cut, has no place: -1."""
    kept = min(len(tokens.ids), limit - 2)
    ids = np.concatenate([[CLS], tokens.ids[:kept], [SEP]]).astype(np.int32)
    cases = np.concatenate([[0], tokens.cases[:kept], [0]]).astype(np.int8)
    firsts = np.where((tokens.firsts >= 0) & (tokens.firsts < kept), tokens.firsts + 1, -1).astype(np.int32)
    return Row(ids, cases, firsts)


def encode(tokenizer: Tokenizer, examples: list[Example], limit: int) -> list[Row]:
    """Labels of words become arrays over the row's tokens, IGNORED everywhere but on first tokens."""
    given = iter(tokenizer.words(example.words for example in examples if example.words))
    texts = iter(tokenizer.texts(example.text for example in examples if not example.words))
    return [_labelled(row(next(given if example.words else texts), limit), example) for example in examples]


def _labelled(found: Row, example: Example) -> Row:
    for task, label in example.labels.items():
        if isinstance(label, list) and example.words:
            tokens = np.full(len(found), IGNORED, np.int16)
            for place, value in zip(found.firsts, label):
                if place >= 0:
                    tokens[place] = value
            found.labels[task] = tokens
        else:
            found.labels[task] = label
    return found
