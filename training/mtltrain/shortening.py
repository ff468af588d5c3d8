"""What can be left out: words of a sentence, sentences of a text."""

from __future__ import annotations

import json
import re
import tarfile
from difflib import SequenceMatcher
from pathlib import Path

from .corpora import IGNORED, Example, Ranges, clean_post
from .splits import part_of
from .texts import json_lines

LEAVE, KEEP = range(2)
_SENTENCE = re.compile(r"[^.!?]+[.!?]*")
_WORD = re.compile(r"\w+")


def compression(data: Path, part: str) -> list[Example]:
    """News sentences, a label for each word: whether their short form keeps it. Five of a hundred are dev, ten are test."""
    rows = list(json_lines(data / "text_to_text/sentence_compression.jsonl.gz"))[1:]
    examples = []
    for original, short in rows:
        words = original.split()
        if words and part_of(original, 5, 10) == part:
            examples.append(Example(words=words, labels={"compress": kept(words, short.split())}))
    return examples


def kept(words: list[str], short: list[str]) -> list[int]:
    """KEEP for every word that the short form has at its place."""
    labels = [LEAVE] * len(words)
    matcher = SequenceMatcher(None, [word.lower() for word in words], [word.lower() for word in short], autojunk=False)
    for start, _, length in matcher.get_matching_blocks():
        labels[start:start + length] = [KEEP] * length
    return labels


def abstracts(data: Path, part: str) -> list[Example]:
    """SciTLDR: whether a sentence of an abstract is among those that say what its author's summary says; a label for each of its words."""
    lines = (data / f"scitldr/SciTLDR-Data/SciTLDR-A/{part}.jsonl").read_text(encoding="utf-8").splitlines()
    return [sentences_of(row["source"], row["source_labels"]) for row in map(json.loads, lines) if any(row["source_labels"]) and len(row["source"]) > 1]


def posts(data: Path, part: str) -> list[Example]:
    """20 Newsgroups: of a post, the sentence that shares most words with its subject, where one shares at least two; weak labels, only trained on."""
    examples = []
    if part != "train":
        return examples
    with tarfile.open(data / "20newsgroups/20news-bydate.tar.gz") as archive:
        for member in sorted((m for m in archive if m.isfile() and "20news-bydate-train/" in m.name), key=lambda m: m.name):
            post = archive.extractfile(member).read().decode("latin-1")
            subject = re.search(r"^Subject: *(?:Re: *)*(.*)$", post, re.MULTILINE | re.IGNORECASE)
            sentences = [found.strip() for found in _SENTENCE.findall(clean_post(post)[:900]) if len(found.split()) > 3]
            if subject and 3 <= len(sentences):
                asked = _content(subject[1])
                shared = [len(asked & _content(sentence)) for sentence in sentences]
                if max(shared) >= 2:
                    examples.append(sentences_of(sentences, [int(n == max(shared)) for n in shared]))
    return examples


def _content(text: str) -> set[str]:
    return {word for word in _WORD.findall(text.lower()) if len(word) > 3}


def sentences_of(sentences: list[str], labels: list[int]) -> Example:
    ranges, at = Ranges(), 0
    for sentence, label in zip(sentences, labels):
        ranges.append((at, at + len(sentence), KEEP if label else LEAVE))
        at += len(sentence) + 1
    return Example(text=" ".join(sentences), labels={"summary": ranges})


def rouge1(given: str, reference: str) -> float:
    """F1 of the words, counted as often as they occur."""
    mine, theirs = (_WORD.findall(text.lower()) for text in (given, reference))
    left = {word: theirs.count(word) for word in theirs}
    right = 0
    for word in mine:
        if left.get(word, 0):
            left[word] -= 1
            right += 1
    return 2 * right / (len(mine) + len(theirs)) if right else 0.0
