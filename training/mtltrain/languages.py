"""Sentences and their language."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

from . import corpora
from .corpora import Example
from .splits import part_of
from .tasks import LANGUAGES
from .texts import json_lines

_ALIASES = {"lvs": "lav", "zsm": "msa", "cmn": "zho", "pes": "fas", "arb": "ara", "arz": "ara", "swh": "swa", "fil": "tgl"}
_LEFT_OUT = ("bos",)  # as good as nobody can tell from Croatian
_ENGLISH = 6000   # texts of English, as streams have them
_OTHERS = 1500    # more of French and German, which the news lack


def read(data: Path, part: str) -> list[Example]:
    """A sentence of the corpus that is not one of `LANGUAGES` is "other". Five of a hundred are dev, ten are test."""
    pairs = [(row["text"], _ALIASES.get(row["language"], row["language"])) for row in json_lines(data / "languages/languages.jsonl.gz")
             if row["language"] not in _LEFT_OUT]
    pairs += [(text, "eng") for text in _english(data)]
    for code, name in (("fra", "fr"), ("deu", "de")):
        lines = _lines(data / f"multi30k/data/task1/raw/train.{name}.gz")
        pairs += [(text, code) for text in random.Random(code).sample(lines, min(_OTHERS, len(lines)))]
    return [Example(text=text, labels={"language": LANGUAGES.index(code if code in LANGUAGES else "other")})
            for text, code in dict(pairs).items() if text.strip() and part_of(text, 5, 10) == part]


def _english(data: Path) -> list[str]:
    lists = (
        [row["text"] for row in json_lines(data / "text_to_text/snips_train.jsonl.gz")],
        [e.text for e in corpora.semeval(data, "train")], [e.text for e in corpora.goemotions(data, "train")], [e.text for e in corpora.clinc(data, "train")],
        [e.text for e in corpora.offensive(data, "train")], _lines(data / "multi30k/data/task1/raw/train.en.gz"),
        [turn for row in json_lines(data / "text_to_text/self_dialogue.jsonl.gz") for turn in row["turns"]],
        [original for original, _ in list(json_lines(data / "text_to_text/sentence_compression.jsonl.gz"))[1:]])
    each = _ENGLISH // len(lists)
    return [text for found in lists for text in random.Random("eng").sample(found, min(each, len(found)))]


def _lines(path: Path) -> list[str]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [line for line in lines.read().split("\n") if line]
