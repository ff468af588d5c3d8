"""BLEU of one reference each, as sacreBLEU counts it (Post 2018, arXiv 1804.08771): tokenizer 13a, up to four words, smoothed exponentially."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import Iterable

ORDER = 4
_ENTITIES = {"&quot;": '"', "&amp;": "&", "&lt;": "<", "&gt;": ">"}


def tokens(text: str) -> list[str]:
    """As mteval-v13a splits a line."""
    for entity, character in _ENTITIES.items():
        text = text.replace(entity, character)
    text = re.sub(r"([\{-\~\[-\` -\&\(-\+\:-\@\/])", r" \1 ", f" {text} ")
    text = re.sub(r"([^0-9])([\.,])", r"\1 \2 ", text)
    text = re.sub(r"([\.,])([^0-9])", r" \1 \2", text)
    return re.sub(r"([0-9])(-)", r"\1 \2 ", text).split()


def bleu(found: Iterable[str], references: Iterable[str]) -> float:
    """Of a corpus, 0 to 100."""
    matches, totals = [0] * ORDER, [0] * ORDER
    length = wanted = 0
    for line, reference in zip(found, references, strict=True):
        have, want = tokens(line), tokens(reference)
        length, wanted = length + len(have), wanted + len(want)
        for order in range(1, ORDER + 1):
            mine, theirs = _grams(have, order), _grams(want, order)
            matches[order - 1] += sum((mine & theirs).values())
            totals[order - 1] += max(0, len(have) - order + 1)
    if not length or not matches[0]:
        return 0.0
    smooth, logs = 1.0, 0.0
    for matched, total in zip(matches, totals):
        if not matched:
            smooth *= 2
        logs += math.log((matched or 1 / smooth) / max(total, 1))
    brevity = 1.0 if length > wanted else math.exp(1 - wanted / length)
    return 100 * brevity * math.exp(logs / ORDER)


def _grams(words: list[str], order: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[i:i + order]) for i in range(len(words) - order + 1))
