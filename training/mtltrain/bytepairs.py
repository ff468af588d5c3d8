"""Byte-level pieces of the texts that a decoder writes: learned by merging the most frequent pair (Sennrich et al. 2016, arXiv 1508.07909).

Bytes are spelled as GPT-2 does, and the files are its `vocab.json` and `merges.txt`.
"""

from __future__ import annotations

import heapq
import json
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Iterable

# A word with the space before it, a digit, or marks. Digits stand alone, so that numbers are copied one by one.
_PARTS = re.compile(r" ?[^\W\d_]+| ?\d| ?(?:[^\s\w]|_)+|\s+")
_LEAST = 2  # times that a word must be there to be learned from


def spelling() -> list[str]:
    """A visible character for each byte: printable ones of Latin-1 are themselves, the others follow from U+0100 on."""
    shown = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = iter(range(0x100, 0x200))
    return [chr(byte) if byte in shown else chr(next(others)) for byte in range(256)]


_SPELLING = spelling()


def parts(text: str) -> list[str]:
    """Words as their bytes are spelled; white space counts as one space."""
    return ["".join(_SPELLING[byte] for byte in part.encode()) for part in _PARTS.findall(" ".join(text.split()))]


class BytePairs:
    """Ids of pieces: special tokens first, then bytes, then merges in the order in which they were learned."""

    def __init__(self, special: list[str], merges: list[tuple[str, str]]):
        self.special, self.merges = special, merges
        tokens = [*special, *_SPELLING, *(first + second for first, second in merges)]
        self.tokens = list(dict.fromkeys(tokens))
        self.ids = {token: i for i, token in enumerate(self.tokens)}
        self._ranks = {pair: rank for rank, pair in enumerate(merges)}
        self._known: dict[str, list[int]] = {}

    def encode(self, text: str) -> list[int]:
        found: list[int] = []
        for part in parts(text):
            ids = self._known.get(part)
            if ids is None:
                ids = self._known[part] = [self.ids[piece] for piece in self._pieces(part)]
            found += ids
        return found

    def decode(self, ids: Iterable[int]) -> str:
        places = {character: byte for byte, character in enumerate(_SPELLING)}
        spelled = "".join(self.tokens[i] for i in ids if i >= len(self.special))
        return bytes(places[character] for character in spelled).decode(errors="replace").strip()

    def write(self, folder: Path) -> None:
        (folder / "vocab.json").write_text(json.dumps(self.ids, ensure_ascii=False), encoding="utf-8")
        lines = ["#version: 0.2", *(f"{first} {second}" for first, second in self.merges)]
        (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path, special: list[str]) -> BytePairs:
        lines = (folder / "merges.txt").read_text(encoding="utf-8").splitlines()[1:]
        return cls(special, [tuple(line.split(" ")) for line in lines])

    def _pieces(self, part: str) -> list[str]:
        pieces = list(part)
        while len(pieces) > 1:
            ranked = [(self._ranks.get(pair, len(self._ranks)), place) for place, pair in enumerate(zip(pieces, pieces[1:]))]
            rank, place = min(ranked)
            if rank == len(self._ranks):
                break
            pieces[place:place + 2] = [pieces[place] + pieces[place + 1]]
        return pieces


def learn(texts: Iterable[str], size: int, special: list[str]) -> BytePairs:
    """As many merges as `size` tokens leave room for."""
    counts = Counter(part for text in texts for part in parts(text))
    words = [(list(part), count) for part, count in counts.items() if count >= _LEAST]
    pairs: Counter[tuple[str, str]] = Counter()
    places: dict[tuple[str, str], set[int]] = defaultdict(set)
    for number, (pieces, count) in enumerate(words):
        for pair in zip(pieces, pieces[1:]):
            pairs[pair] += count
            places[pair].add(number)
    queue = [(-count, pair) for pair, count in pairs.items()]
    heapq.heapify(queue)
    merges: list[tuple[str, str]] = []
    room = size - len(special) - len(_SPELLING)
    while queue and len(merges) < room:
        count, pair = heapq.heappop(queue)
        if pairs[pair] != -count:  # counted anew since
            continue
        merges.append(pair)
        changed: set[tuple[str, str]] = set()
        for number in places.pop(pair):
            pieces, times = words[number]
            for old in zip(pieces, pieces[1:]):
                pairs[old] -= times
                changed.add(old)
            _merge(pieces, pair)
            for new in zip(pieces, pieces[1:]):
                pairs[new] += times
                places[new].add(number)
                changed.add(new)
        del pairs[pair]
        for other in changed - {pair}:
            if pairs[other] > 0:
                heapq.heappush(queue, (-pairs[other], other))
    return BytePairs(special, merges)


def _merge(pieces: list[str], pair: tuple[str, str]) -> None:
    place = 0
    while place < len(pieces) - 1:
        if (pieces[place], pieces[place + 1]) == pair:
            pieces[place:place + 2] = [pieces[place] + pieces[place + 1]]
        place += 1
