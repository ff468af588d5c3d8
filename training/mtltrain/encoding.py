"""Texts as rows of token ids: each word by itself, its letter case beside it, labels on first subwords."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .corpora import IGNORED, Example
from .wordpiece import CLS, SEP, WordPiece
from .words import split


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


def split_words(text: str) -> list[str]:
    return [text[start:end] for start, end in split(text)]


def encode_words(wordpiece: WordPiece, words: list[str], limit: int) -> Row:
    """[CLS] words [SEP], cut to `limit` tokens. A word without any token (control characters) has no place: -1."""
    ids, cases, firsts = [CLS], [0], []
    for word in words:
        pieces, case = wordpiece.encode(word)
        firsts.append(len(ids) if pieces and len(ids) < limit - 1 else -1)
        ids += pieces
        cases += case
    ids, cases = ids[:limit - 1] + [SEP], cases[:limit - 1] + [0]
    return Row(np.array(ids, np.int32), np.array(cases, np.int8), np.array(firsts, np.int32))


def encode(wordpiece: WordPiece, example: Example, limit: int) -> Row:
    """Labels of words become arrays over the row's tokens, IGNORED everywhere but on first tokens."""
    row = encode_words(wordpiece, example.words or split_words(example.text), limit)
    for task, label in example.labels.items():
        if isinstance(label, list) and example.words:
            tokens = np.full(len(row), IGNORED, np.int16)
            for place, value in zip(row.firsts, label):
                if place >= 0:
                    tokens[place] = value
            row.labels[task] = tokens
        else:
            row.labels[task] = label
    return row
