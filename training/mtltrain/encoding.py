"""Texts as rows of token ids: each word by itself, its letter case beside it, labels on first subwords."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Iterable

import numpy as np

from .corpora import IGNORED, Example, Ranges
from .tokenizer import CLS, SEP, Tokenizer, Tokens

START, END = 1, 2      # bits of a token's label: an answer begins there, ends there
QUESTION = 4           # added to the letter case of a question's tokens: its segment
LONGEST_QUESTION = 40  # tokens
OVERLAP = 48           # tokens that neighbouring windows of a text share


@dataclass
class Row:
    """One tokenized example. `firsts` are the places of the words' first tokens.

    `soft`: a teacher's probabilities per task, [labels], or [tokens, labels] with zeros where no word begins; of a vector, the vector.
    `reply`: the row of what was said after this one.
    """

    ids: np.ndarray
    cases: np.ndarray
    firsts: np.ndarray
    labels: dict[str, object] = field(default_factory=dict)
    soft: dict[str, np.ndarray] = field(default_factory=dict)
    reply: Row | None = None

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
    """A row for each example, or for each window of a text that a question is asked of.

    Labels of words become arrays over the row's tokens, IGNORED everywhere but on first tokens.
    """
    given = iter(tokenizer.words(example.words for example in examples if example.words))
    texts = iter(tokenizer.texts(example.text for example in examples if not example.words))
    questions = iter(tokenizer.texts(example.question for example in examples if example.question))
    replies = iter(tokenizer.texts(example.reply for example in examples if example.reply))
    rows: list[Row] = []
    for example in examples:
        tokens = next(given if example.words else texts)
        if example.question:
            rows += _asked(next(questions), tokens, example, limit)
            continue
        found = _labelled(row(tokens, limit), example, tokens)
        if example.reply:
            found.reply = row(next(replies), limit)
        rows.append(found)
    return rows


def _asked(question: Tokens, text: Tokens, example: Example, limit: int) -> Iterable[Row]:
    spans = [tokens_of(text, *answer) for answer in example.answers]
    shortest = min((span for span in spans if span), key=lambda span: span[1] - span[0], default=None)
    return (answered(window, shortest) for window in windows(question, text, limit))


def _labelled(found: Row, example: Example, tokens: Tokens) -> Row:
    for task, label in example.labels.items():
        if isinstance(label, Ranges):
            label = [next((value for start, end, value in label if start <= at < end), IGNORED) for at, _ in tokens.words]
            found.labels[task] = _on_firsts(found, label)
            continue
        found.labels[task] = _on_firsts(found, label) if isinstance(label, list) and example.words else label
    return found


def _on_firsts(found: Row, labels: list[int]) -> np.ndarray:
    tokens = np.full(len(found), IGNORED, np.int16)
    for place, value in zip(found.firsts, labels):
        if place >= 0:
            tokens[place] = value
    return tokens


@dataclass(frozen=True)
class Window:
    """A question and a part of a text. Token `offset + i` of the text is token `first + i` of the row."""

    row: Row
    first: int
    offset: int
    count: int


def windows(question: Tokens, text: Tokens, limit: int) -> list[Window]:
    """[CLS] question [SEP] text [SEP], in as many windows as the text needs; one where it has no token."""
    asked = question.ids[:LONGEST_QUESTION]
    cases = question.cases[:LONGEST_QUESTION] + QUESTION
    first = len(asked) + 2
    room = limit - first - 1
    found, start = [], 0
    while True:
        count = min(room, len(text.ids) - start)
        ids = np.concatenate([[CLS], asked, [SEP], text.ids[start:start + count], [SEP]]).astype(np.int32)
        types = np.concatenate([[0], cases, [QUESTION], text.cases[start:start + count], [0]]).astype(np.int8)
        places = text.firsts - start + first
        places = np.where((text.firsts >= start) & (text.firsts < start + count), places, -1).astype(np.int32)
        found.append(Window(Row(ids, types, places), first, start, count))
        if start + count >= len(text.ids):
            return found
        start += room - OVERLAP


def answered(window: Window, span: tuple[int, int] | None) -> Row:
    """`span`: first and last token of the answer in the text; a window that does not hold it whole has its answer at [CLS]: none."""
    labels = np.zeros(len(window.row), np.int16)
    inside = span is not None and window.offset <= span[0] and span[1] < window.offset + window.count
    if inside:
        labels[window.first + span[0] - window.offset] |= START
        labels[window.first + span[1] - window.offset] |= END
    else:
        labels[0] = START | END
    window.row.labels["answer"] = labels
    return window.row


def tokens_of(text: Tokens, start: int, end: int) -> tuple[int, int] | None:
    """First and last token of the words that the characters [start, end) touch; None where they touch none."""
    touched = [i for i, (a, b) in enumerate(text.words) if a < end and b > start and text.firsts[i] >= 0]
    if not touched:
        return None
    after = [int(f) for f in text.firsts[touched[-1] + 1:] if f >= 0]
    return int(text.firsts[touched[0]]), (after[0] if after else len(text.ids)) - 1
