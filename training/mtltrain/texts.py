"""Texts of every kind without labels, for what a teacher says of them: tweets, comments, reviews, queries, dialogue, abstracts, news."""

from __future__ import annotations

import gzip
import json
import random
import zipfile
from pathlib import Path
from typing import Iterable, Iterator

from . import corpora
from .corpora import Example
from .splits import part_of

LONGEST = 600  # characters; what comes after is beyond the window, or nearly
# How many of each are taken; more take those and others. BANKING77 is left out: what vectors are worth for few labels is measured on it.
SHARES = {"queries": 8_000, "questions": 6_000, "paragraphs": 3_000, "tweets": 6_000, "comments": 6_000, "turns": 6_000, "stream": 20_000, "requests": 2_000,
          "reviews": 3_000, "posts": 2_000, "captions": 3_000, "abstracts": 3_000, "titles": 4_000, "news": 3_000, "sentences": 2_000}


def read(data: Path, part: str) -> list[Example]:
    return [Example(text=text) for found in sources(data, part).values() for text in found]


def sources(data: Path, part: str) -> dict[str, list[str]]:
    """Texts by where they are from. About every 50th is dev; there is no test."""
    return {name: [text for text in _some(_SOURCES[name](data), most, name) if part_of(text, 2, 0) == part] for name, most in SHARES.items()}


def _some(texts: Iterable[str], most: int, name: str) -> list[str]:
    """The first ones in an order that depends on all of them, but not on how many are taken."""
    distinct = list(dict.fromkeys(text.strip()[:LONGEST] for text in texts))
    distinct = [text for text in distinct if len(text) > 2]
    random.Random(name).shuffle(distinct)
    return distinct[:most]


def json_lines(path: Path) -> Iterator:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            if line.strip():
                yield json.loads(line)


def _plain(path: Path) -> list[str]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return lines.read().split("\n")


def _zipped(path: Path, name: str, encoding: str = "latin-1") -> list[str]:
    with zipfile.ZipFile(path) as file:
        return file.read(name).decode(encoding).split("\n")


def _shifts(data: Path, member: str) -> Iterator[str]:
    for domain in ("new_wiki", "reddit", "amazon_reviews"):
        for row in json_lines(data / f"text_to_text/squadshifts_{domain}.jsonl.gz"):
            if part_of(row["text"], 5, 20) == "train":
                yield row[member]


def _reviews(data: Path) -> Iterator[str]:
    yield from (example.text for example in corpora.polarity(data, "train"))
    for kind in ("quote", "plot"):
        yield from _zipped(data / "nltk/subjectivity.zip", f"subjectivity/{kind}.tok.gt9.5000")


_SOURCES = {
    "stream": lambda data: (row["text"] for row in json_lines(data / "loadtest/short_text.jsonl.gz")),
    "tweets": lambda data: (e.text for e in corpora.semeval(data, "train")),
    "comments": lambda data: (e.text for e in corpora.goemotions(data, "train")),
    "queries": lambda data: (e.text for e in corpora.clinc(data, "train")),
    "requests": lambda data: (row["text"] for row in json_lines(data / "text_to_text/snips_train.jsonl.gz")),
    "reviews": _reviews,
    "posts": lambda data: (e.text for e in corpora.newsgroups(data, "train")),
    "captions": lambda data: _plain(data / "multi30k/data/task1/raw/train.en.gz"),
    "turns": lambda data: (turn for row in json_lines(data / "text_to_text/self_dialogue.jsonl.gz") for turn in row["turns"]),
    "abstracts": lambda data: (row["text"] for row in json_lines(data / "text_to_text/arxiv_titles.jsonl.gz")),
    "titles": lambda data: (row["title"] for row in json_lines(data / "text_to_text/arxiv_titles.jsonl.gz")),
    "news": lambda data: (original for original, _ in list(json_lines(data / "text_to_text/sentence_compression.jsonl.gz"))[1:]),
    "paragraphs": lambda data: _shifts(data, "text"),
    "questions": lambda data: _shifts(data, "question"),
    "sentences": lambda data: (line.split("\t")[1] for line in _plain(data / "text_to_text/qamr_sentences.tsv.gz") if "\t" in line),
}
