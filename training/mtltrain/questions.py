"""Questions and where a text answers them, or that it does not."""

from __future__ import annotations

import gzip
import random
import re
from collections import Counter
from pathlib import Path

from .corpora import Example
from .splits import part_of
from .texts import json_lines

DOMAINS = ("new_wiki", "reddit", "amazon_reviews")
UNANSWERED = 0.25      # such questions beside each answered one: asked of another text of the same corpus


def answers(data: Path, part: str) -> list[Example]:
    """SQuADShifts, split by paragraph: five of a hundred are dev, twenty are test. The shortest of the answers that people gave is the label."""
    examples = []
    for domain in DOMAINS:
        rows = [row for row in json_lines(data / f"text_to_text/squadshifts_{domain}.jsonl.gz") if part_of(row["text"], 5, 20) == part]
        found = [Example(text=row["text"], question=row["question"], answers=[(start, start + len(answer)) for start, answer in row["answers"]]) for row in rows]
        examples += found + unanswered(found, domain)
    return examples


def unanswered(examples: list[Example], seed: str) -> list[Example]:
    """Questions asked of another text: of ten that are drawn, the one that shares most words with the question."""
    draw, texts = random.Random(seed), list(dict.fromkeys(e.text for e in examples))
    if len(texts) < 2:
        return []
    words = {text: set(_words(text)) for text in texts}
    result = []
    for example in draw.sample(examples, round(UNANSWERED * len(examples))):
        asked = set(_words(example.question))
        others = [text for text in draw.choices(texts, k=10) if text != example.text]
        if others:
            result.append(Example(text=max(others, key=lambda text: len(asked & words[text])), question=example.question, answers=[]))
    return result


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def sentences(data: Path, part: str) -> list[Example]:
    """QAMR: questions on single sentences. Its dev sentences are trained on but for ten of a hundred, which are dev; its test is test."""
    file = data / f"text_to_text/qamr_{'test' if part == 'test' else 'dev'}.tsv.gz"
    with gzip.open(data / "text_to_text/qamr_sentences.tsv.gz", "rt", encoding="utf-8") as lines:
        words = {name: text.split() for name, text in (line.rstrip("\n").split("\t") for line in lines if "\t" in line)}
    examples = []
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for line in lines:
            fields = line.rstrip("\n").split("\t")
            if len(fields) < 7 or not fields[6].strip() or fields[0] not in words or part != "test" and part_of(fields[0], 10, 0) != part:
                continue
            text, places = joined(words[fields[0]])
            # What the asker marked first, then what others marked who answered the question.
            marked = [fields[6]] + [field.partition(":")[2] for field in fields[7:]]
            spans = [[int(i) for i in found.split()] for found in marked if re.fullmatch(r"[0-9 ]+", found.strip() or "-")]
            given = [(places[min(span)][0], places[max(span)][1]) for span in spans if max(span) - min(span) < len(span) + 2]
            if given:
                examples.append(Example(text=text, question=fields[5], answers=given))
    return examples + unanswered(examples, "qamr")


_BRACKETS = {"-LRB-": "(", "-RRB-": ")", "-LSB-": "[", "-RSB-": "]", "-LCB-": "{", "-RCB-": "}", "``": '"', "''": '"'}
_NO_SPACE_BEFORE = {".", ",", ";", ":", "!", "?", ")", "]", "}", "%", "n't", "'s", "'re", "'ve", "'m", "'ll", "'d", "'"}


def joined(words: list[str]) -> tuple[str, list[tuple[int, int]]]:
    """Words of a treebank as they are usually written, with each one's range."""
    text, places, glue, opened = "", [], True, False
    for word in words:
        shown = _BRACKETS.get(word, word)
        closing = word == "''" or shown == '"' and opened
        if shown == '"':
            opened = not closing
        if not (glue or closing or shown in _NO_SPACE_BEFORE):
            text += " "
        places.append((len(text), len(text) + len(shown)))
        text += shown
        glue = shown in ("(", "[", "{", "$") or shown == '"' and not closing
    return text, places


def f1(given: str, references: list[str]) -> float:
    """SQuAD's: of words without articles and punctuation, against the reference that fits best. No answer is "", and right only where there is none."""
    mine = _answer_words(given)
    return max((_overlap(mine, _answer_words(reference)) for reference in references or [""]))


def _answer_words(text: str) -> list[str]:
    return re.sub(r"\b(a|an|the)\b", " ", re.sub(r"[^\w\s]", "", text.lower())).split()


def _overlap(mine: list[str], theirs: list[str]) -> float:
    if not mine or not theirs:
        return float(mine == theirs)
    right = sum((Counter(mine) & Counter(theirs)).values())
    return 2 * right / (len(mine) + len(theirs)) if right else 0.0
