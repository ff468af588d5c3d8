"""WordPiece over the uncased BERT vocabulary, with the letter case of each word.

Follows Hugging Face `tokenizers` (BertNormalizer, BertPreTokenizer, WordPiece); `tests/test_training.py`
compares it with stored reference vectors, and the C# tokenizer is compared with the same vectors.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from pathlib import Path

PAD, UNK, CLS, SEP, MASK = 0, 100, 101, 102, 103
MAX_WORD = 100  # characters; a longer word is [UNK]

NO_UPPER, FIRST_UPPER, ALL_UPPER, MIXED = range(4)


# Categories that changed after Unicode 8, which the reference's tables follow.
_CHANGED = {"\u166d": "Po", "\u1734": "Mn", "\u1885": "Lo", "\u1886": "Lo", "\ua9bd": "Mc", "\U000111c9": "Po"}


def _category(c: str) -> str:
    return _CHANGED.get(c) or unicodedata.category(c)


@lru_cache(maxsize=1 << 18)
def letter_case(word: str) -> int:
    """0 no upper-case letter, 1 only the first character, 2 two or more and no lower-case letter, 3 anything else."""
    upper = lower = 0
    for c in word:
        category = _category(c)
        upper += category in ("Lu", "Lt")
        lower += category == "Ll"
    if upper == 0:
        return NO_UPPER
    if upper == 1 and _category(word[0]) in ("Lu", "Lt"):
        return FIRST_UPPER
    return ALL_UPPER if upper > 1 and lower == 0 else MIXED


@lru_cache(maxsize=None)
def _is_punctuation(c: str) -> bool:
    return 33 <= ord(c) <= 47 or 58 <= ord(c) <= 64 or 91 <= ord(c) <= 96 or 123 <= ord(c) <= 126 \
        or _category(c).startswith("P")


def _is_cjk(code: int) -> bool:
    return (0x4E00 <= code <= 0x9FFF or 0x3400 <= code <= 0x4DBF or 0x20000 <= code <= 0x2A6DF
            or 0x2A700 <= code <= 0x2B73F or 0x2B740 <= code <= 0x2B81F or 0x2B920 <= code <= 0x2CEAF
            or 0xF900 <= code <= 0xFAFF or 0x2F800 <= code <= 0x2FA1F)


@lru_cache(maxsize=None)
def _normalize(c: str) -> str:
    """One character, cleaned: '' when dropped, ' ' for white space, a CJK character between spaces."""
    if c in "\t\n\r":
        return " "
    category = _category(c)
    if c == "\0" or c == "\ufffd" or category.startswith("C"):
        return ""
    if c.isspace():
        return " "
    if _is_cjk(ord(c)):
        c = " " + c + " "
    kept = (d for d in unicodedata.normalize("NFD", c) if _category(d) != "Mn")
    return "".join(d.lower() for d in kept)


class WordPiece:
    """Token ids and letter cases of raw text, without special tokens."""

    def __init__(self, vocab: Path):
        lines = vocab.read_text(encoding="utf-8").split("\n")
        self.ids = {token: i for i, token in enumerate(lines) if token}
        self._pieces: dict[str, list[int]] = {}

    def encode(self, text: str) -> tuple[list[int], list[int]]:
        """`text` -> (ids, case of each id); equally long."""
        ids: list[int] = []
        cases: list[int] = []
        for word, start, end in self._words(text):
            pieces = self._pieces.get(word)
            if pieces is None:
                pieces = self._pieces[word] = self._split(word)
            ids += pieces
            cases += [letter_case(text[start:end])] * len(pieces)
        return ids, cases

    def _words(self, text: str):
        """Normalized words with the range of the original text that each came from."""
        word, start, end = [], 0, 0
        for i, original in enumerate(text):
            for c in _normalize(original):
                if c.isspace() or _is_punctuation(c):
                    if word:
                        yield "".join(word), start, end
                        word = []
                    if not c.isspace():
                        yield c, i, i + 1
                    continue
                if not word:
                    start = i
                word.append(c)
                end = i + 1
        if word:
            yield "".join(word), start, end

    def _split(self, word: str) -> list[int]:
        if len(word) > MAX_WORD:
            return [UNK]
        pieces, start = [], 0
        while start < len(word):
            for end in range(len(word), start, -1):
                piece = self.ids.get(("##" if start else "") + word[start:end])
                if piece is not None:
                    break
            else:
                return [UNK]
            pieces.append(piece)
            start = end
        return pieces
