"""Texts and what is to be written about them: translations and titles. Where anyone gets each: `data.md`."""

from __future__ import annotations

import gzip
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

from .splits import part_of
from .texts import json_lines

TASKS = ("translate_de", "translate_fr", "title")
LANGUAGES = {"translate_de": "de", "translate_fr": "fr"}
MULTI30K = "multi30k/data/task1/raw"
LONGEST_RATIO = 3  # of characters; what is longer on one side is hardly a translation


@dataclass(frozen=True)
class Pair:
    """A text, what is to be written about it, and where both come from."""

    task: str
    corpus: str
    source: str
    target: str


def pairs(data: Path, part: str) -> list[Pair]:
    """`train`, `dev` or `test`. FLORES and Multi30k's test are never trained on; a text that a test set has is left out of training."""
    found = [*captions(data, part), *sentences(data, part), *titles(data, part)]
    if part == "train":
        found += news(data)
        held = {_plain(pair.source) for other in ("dev", "test") for pair in pairs(data, other)} | {_plain(pair.source) for pair in flores(data)}
        found = [pair for pair in found if _plain(pair.source) not in held and _alike(pair)]
    return [pair for pair in dict.fromkeys(found) if pair.source and pair.target]


def captions(data: Path, part: str) -> list[Pair]:
    """Multi30k: captions of pictures."""
    name = {"train": "train", "dev": "val", "test": "test_2016_flickr"}[part]
    sources = _zipped(data / MULTI30K / f"{name}.en.gz")
    return [Pair(task, "multi30k", source, target) for task, language in LANGUAGES.items()
            for source, target in zip(sources, _zipped(data / MULTI30K / f"{name}.{language}.gz"), strict=True)]


def sentences(data: Path, part: str) -> list[Pair]:
    """Tatoeba: a hundredth of the English sentences is dev, another one test."""
    lines = _zipped(data / "text_to_text/tatoeba_eng_deu.tsv.gz")
    with zipfile.ZipFile(data / "tatoeba_fra_eng/fra-eng.zip") as file:
        french = file.read("fra.txt").decode("utf-8").splitlines()
    columns = [("translate_de", line.split("\t")) for line in lines] + [("translate_fr", line.split("\t")) for line in french]
    return [Pair(task, "tatoeba", fields[0].strip(), " ".join(fields[1].split())) for task, fields in columns
            if len(fields) >= 2 and part_of(fields[0].strip(), 1, 1) == part]


def news(data: Path) -> list[Pair]:
    """WMT's news: the reference, and what a published system says, which is easier to learn (Kim and Rush 2016, arXiv 1606.07947)."""
    found = []
    for task, language in LANGUAGES.items():
        for row in json_lines(data / f"text_to_text/wmt_news_en-{language}.jsonl.gz"):
            found += [Pair(task, "news", row["en"], row[of]) for of in (language, "bergamot_base") if row.get(of)]
    return found


def titles(data: Path, part: str) -> list[Pair]:
    """Abstracts of arXiv: two of a hundred are dev, three are test."""
    return [Pair("title", "arxiv", " ".join(row["text"].split()), " ".join(row["title"].split()))
            for row in json_lines(data / "text_to_text/arxiv_titles.jsonl.gz") if part_of(row["text"], 2, 3) == part]


def flores(data: Path) -> list[Pair]:
    """FLORES-101 dev: Wikipedia, as no training text is."""
    return [Pair(task, "flores", row["en"], row[language]) for task, language in LANGUAGES.items()
            for row in json_lines(data / f"text_to_text/flores_dev_en-{language}.jsonl.gz")]


def _alike(pair: Pair) -> bool:
    """Whether a pair is as long as its parts may be; of a sentence and its translation neither is a multiple of the other."""
    if pair.task == "title":
        return True
    shorter, longer = sorted((len(pair.source), len(pair.target)))
    return longer <= LONGEST_RATIO * shorter + 20


def _plain(text: str) -> str:
    return re.sub(r"\W+", " ", text.lower()).strip()


def _zipped(path: Path) -> list[str]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [" ".join(line.split()) if "\t" not in line else line.rstrip("\n") for line in lines]
