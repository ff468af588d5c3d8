"""Texts and words as the program serves them: `mtlstream tokenize --words` over a pipe, lines in, lines out.

The one tokenizer is the program's, so what is trained on is what is served. `MTLSTREAM_PROGRAM` names a built
program; without it `mtlstream` of this checkout is taken, which builds itself when its sources have changed.
"""

from __future__ import annotations

import atexit
import functools
import hashlib
import json
import os
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable, Iterator

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "src/MtlStream/Text"
# Of the vocabulary that training keeps whole, BERT's; packages number their tokens anew.
PAD, UNK, CLS, SEP, MASK = 0, 100, 101, 102, 103


@dataclass
class Tokens:
    """A text, or words that were given, without special tokens.

    `words` are ranges in code points, of given words in the text that they make with one space between two.
    `firsts` is the place of each word's first token; -1 for a given word without a token.
    """

    ids: np.ndarray
    cases: np.ndarray
    words: list[tuple[int, int]]
    firsts: np.ndarray


class Tokenizer:
    """The program with one vocabulary, running until this process ends."""

    def __init__(self, vocab: Path, words: bool = True):
        """`words`: split into words first, as for the model; without, as BERT reads a text, and no words are told."""
        command = [*program(), "tokenize", "-", *(["--words"] if words else []), "--vocab", str(vocab.resolve())]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._turn = threading.Lock()
        atexit.register(self.close)

    def texts(self, texts: Iterable[str]) -> list[Tokens]:
        """Each text split into words and tokenized as for the model."""
        texts = list(texts)
        found = self._ask({"text": text} for text in texts)
        return [_tokens(line, text) for line, text in zip(found, texts)]

    def words(self, sentences: Iterable[list[str]]) -> list[Tokens]:
        """Words that are given, each tokenized by itself."""
        sentences = list(sentences)
        found = self._ask({"words": words} for words in sentences)
        return [_tokens(line, " ".join(words)) for line, words in zip(found, sentences)]

    def close(self) -> None:
        atexit.unregister(self.close)
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def _ask(self, lines: Iterable[dict]) -> Iterator[dict]:
        lines = [json.dumps(line).encode() + b"\n" for line in lines]
        with self._turn:
            # Written beside the reading: each side would wait for the other once both pipes are full.
            writer = threading.Thread(target=self._write, args=(lines,))
            writer.start()
            for number, _ in enumerate(lines):
                answer = self._process.stdout.readline()
                if not answer:
                    raise ValueError(f"mtlstream tokenize ended with code {self._process.wait()} at line {number + 1} of {len(lines)}")
                yield json.loads(answer)
            writer.join()

    def _write(self, lines: list[bytes]) -> None:
        try:
            self._process.stdin.writelines(lines)
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # the reading side says so


@functools.cache
def of(vocab: Path, words: bool = True) -> Tokenizer:
    """The tokenizer of a vocabulary, started once."""
    return Tokenizer(vocab, words)


def program() -> list[str]:
    return [os.environ.get("MTLSTREAM_PROGRAM") or str(ROOT / "mtlstream")]


def fingerprint(vocab: Path) -> str:
    """Changes whenever the program may tokenize otherwise: with its sources and with the vocabulary."""
    code = hashlib.sha256(vocab.read_bytes())
    for source in sorted(SOURCES.glob("**/*.cs")):
        code.update(source.read_bytes())
    return code.hexdigest()


def _tokens(line: dict, text: str) -> Tokens:
    ranges = [(start, end) for start, end in line.get("words", ())]
    if len(text) != len(text.encode("utf-16-le", "surrogatepass")) // 2:
        points = _points(text)
        ranges = [(points[start], points[end]) for start, end in ranges]
    return Tokens(np.array(line["ids"], np.int32), np.array(line["case"], np.int8), ranges, np.array(line.get("first", ()), np.int32))


def _points(text: str) -> list[int]:
    """The code point at each UTF-16 unit; one more for the end."""
    points: list[int] = []
    for i, character in enumerate(text):
        points += [i] * (2 if ord(character) > 0xFFFF else 1)
    return points + [len(text)]
