"""Finds the words of a raw text the way UD English-EWT does, with explicit rules only.

``split(text)`` gives ``[start, end)`` ranges in code points. The same scanner, rule by rule, is
``src/MtlStream/Text/WordSplitter.cs``; both are tested on the vectors in
``tests/MtlStream.Tests/Text/vectors/``. Change them together.

Character classes are fixed ranges (no Unicode tables), letter case is ASCII only, and every rule
looks at a bounded number of characters or moves forward, so the time is linear in the text.
"""

from __future__ import annotations
from .word_lists import (
    ABBREVIATIONS, CURRENCIES, CUTS, DIGIT, ELISIONS, EMOJI, EMOTICONS, IDEOGRAPH, LETTER, LONGEST_ADDRESS, MODIFIER, NEWSGROUPS, PREFIXES, SLASHED, SPACE, TOP_LEVEL,
    UNITS, char_class)


def split(text: str) -> list[tuple[int, int]]:
    """The words of ``text`` as ``[start, end)`` ranges, in order; only white space lies between them."""
    words: list[tuple[int, int]] = []
    kinds = [char_class(ord(c)) for c in text]
    length = len(text)
    last = length
    while last > 0 and kinds[last - 1] == SPACE:
        last -= 1
    start = 0
    while start < length:
        if kinds[start] == SPACE:
            start += 1
            continue
        end = start + 1
        while end < length and kinds[end] != SPACE:
            end += 1
        _Chunk(text, kinds, start, end, end == last, words).scan()
        start = end
    return words


_APOSTROPHES = "'\u2019`\u00b4"
_CLITICS = frozenset(("s", "m", "re", "ve", "ll", "d"))
_BEFORE_ADDRESS = "<>()[]{}\"',;:?*|\u2018\u2019\u201c\u201d\u2014\u2026"
_RULE = "-=<>|+*~^_"  # drawn lines and arrows


class _Chunk:
    """One piece of text between white space."""

    def __init__(self, text, kinds, start, end, is_last, words):
        self.s, self.k, self.b, self.e, self.is_last, self.words = text, kinds, start, end, is_last, words

    def add(self, start, end):
        self.words.append((start, end))
        return end

    def letter(self, i):
        return i < self.e and self.k[i] == LETTER

    def digit(self, i):
        return i < self.e and self.k[i] == DIGIT

    def alnum(self, i):
        return self.b <= i < self.e and self.k[i] in (LETTER, DIGIT, MODIFIER)

    def char(self, i):
        """The character at i; NUL, which no chunk holds, outside of it."""
        return self.s[i] if self.b <= i < self.e else "\0"

    def run(self, i):
        """End of the letters and digits from i."""
        while i < self.e and self.k[i] in (LETTER, DIGIT, MODIFIER):
            i += 1
        return i

    def letters(self, i):
        while i < self.e and self.k[i] in (LETTER, MODIFIER):
            i += 1
        return i

    def digits(self, i):
        while i < self.e and self.k[i] == DIGIT:
            i += 1
        return i

    def known(self, words, start, end):
        return self.lower(start, end) in words

    def lower(self, start, end):
        return _lower(self.s[start:end]) if end - start <= 12 else ""

    def scan(self):
        p = self.b
        fresh = True  # an address may start here
        while p < self.e:
            kind, c = self.k[p], self.s[p]
            if c in "@#" and (fresh or not self.alnum(p - 1)):
                q = self.mention(p)
                if q > p:
                    p = self.add(p, q)
                    fresh = True
                    continue
            elif fresh and (kind in (LETTER, DIGIT) or c in "~/.-"):
                fresh = False
                q = self.address(p)
                if q > p:
                    p = self.add(p, q)
                    continue
            if kind in (LETTER, MODIFIER):
                p = self.word(p)
            elif kind == DIGIT:
                p = self.number(p)
            elif kind == IDEOGRAPH:
                p = self.add(p, p + 1)
            elif kind == EMOJI:
                p = self.emoji(p)
                fresh = True
            else:
                fresh = c in _BEFORE_ADDRESS
                p = self.symbol(p)

    # -- addresses, file names ---------------------------------------------------------------

    def address(self, p):
        """End of a URL, e-mail address, file name or host at p, or p."""
        s = self.s
        head = self.lower(p, min(p + 8, self.e))
        if head.startswith(("http://", "https://", "ftp://", "www.", "mailto:")):
            q = p
            while q < self.e and s[q] not in "<>\"":
                q += 1
            return max(self.untrail(p + 4, q), p)
        q = self.name(p)
        if q - p > LONGEST_ADDRESS:
            return p
        q = self.untrail(p, q)
        at = dot = slash = -1
        for i in range(p, q):
            if s[i] == "@":
                at = i
            elif s[i] == ".":
                dot = i
            elif s[i] == "/" and slash < 0:
                slash = i
        if slash < 0 and at > p and self.alnum(at + 1) and (self.alnum(at - 1) or s[at - 1] == "." and at - 1 > p):
            return q
        if slash > p:
            dot = slash
            while dot > p and s[dot] != ".":
                dot -= 1
            return q if dot > p and self.known(TOP_LEVEL, dot + 1, slash) else p
        if dot > p and s[dot - 1] != "." and self.known(TOP_LEVEL, dot + 1, q):
            return q
        first = self.letters(p)
        if self.char(first) == "." and self.letter(first + 1) and self.known(NEWSGROUPS, p, first):
            return q
        return p

    def mention(self, p):
        """End of a mention or hashtag at p, or p."""
        q = p + 1
        if not self.letter(q) and self.char(q) != "_":
            return p
        while self.alnum(q) or self.char(q) == "_":
            q += 1
        return q

    def name(self, q):
        """End of the characters that addresses and file names are made of, or a place beyond the longest address."""
        limit = min(self.e, q + LONGEST_ADDRESS + 1)
        while q < limit and (self.k[q] in (LETTER, DIGIT) or self.s[q] in "._%+-@&=~!#$/"):
            q += 1
        return q

    def untrail(self, p, q):
        while q > p and self.s[q - 1] in ".,;:!?)]}>'\u2019\u2026*":
            q -= 1
        return q

    # -- words ------------------------------------------------------------------------------

    def word(self, p):
        """Words that start with a letter at p."""
        s = self.s
        q = self.run(p)
        while q < self.e:
            c, after = s[q], q + 1
            if c == "_" and self.alnum(after):
                q = self.run(after)
            elif c == "." and q - p == 1:
                return self.initials(p, q)
            elif c == "." and self.alnum(after) and self.known(TOP_LEVEL, after, self.run(after)):
                q = self.run(after)
            elif c == "-" and self.alnum(after) and self.known(PREFIXES, p, q):
                q = self.run(after)
            elif c == "&" and self.alnum(after) and q - p <= 3 and self.run(after) - after <= 3:
                q = self.run(after)
            elif c == "@" and self.alnum(after):
                q = self.run(after)
            elif c == "*" and self.letter(after) and q - p <= 3:
                q = self.run(after)
            elif c == "/" and self.known(SLASHED, p, self.run(after)):
                q = self.run(after)
            elif c == "/" and q - p == 1 and s[p] in "wW":
                return self.add(p, after)
            elif c == "$" and self.known(CURRENCIES, p, q):
                return self.add(p, after)
            elif c == "!" and self.known(("yahoo",), p, q) and self.char(after) != "!":
                return self.add(p, after)
            elif c in _APOSTROPHES:
                return self.apostrophe(p, q)
            else:
                break
        if self.char(q) == "." and self.char(q + 1) != "." and self.known(ABBREVIATIONS, p, q):
            if not self.at_end(q + 1):
                return self.add(p, q + 1)
        return self.cut(p, q)

    def at_end(self, q):
        """Whether nothing follows q: a full stop there ends the sentence."""
        return self.is_last and q >= self.e

    def initials(self, p, q):
        """A letter and a full stop: U.S., i.e., J."""
        s = self.s
        while self.char(q) == "." and self.letter(q + 1) and not self.alnum(q + 2):
            q += 2
        single = q - p == 1
        if self.char(q) == "." and self.char(q + 1) != ".":
            at_end = self.at_end(q + 1)
            if single and (not "A" <= s[p] <= "Z" or s[p] == "I" or at_end):
                return self.add(p, q)
            if not at_end and not self.alnum(q + 1):
                q += 1
        return self.add(p, q)

    def apostrophe(self, p, q):
        """A run of letters [p, q) and an apostrophe at q."""
        s, after = self.s, q + 1
        end = self.run(after)
        tail = self.lower(after, end)
        if tail == "t" and s[q - 1] in "nN" and q - 1 > p:
            self.add(p, q - 1)
            return self.add(q - 1, end)
        if tail in _CLITICS:
            self.cut(p, q)
            return self.add(q, end)
        if end == after:
            if self.lower(q - 2, q) == "in" and q - p >= 4 and self.char(p - 1) not in _APOSTROPHES:
                return self.add(p, q + 1)
            return self.cut(p, q)
        if end - after >= 2 or q - p == 1:
            # O'Connell, Shi'ite; l'espalier
            if self.char(end) in _APOSTROPHES and self.lower(end + 1, self.run(end + 1)) == "s":
                self.add(p, end)
                return self.add(end, self.run(end + 1))
            return self.cut(p, end)
        return self.cut(p, q)

    def cut(self, p, q):
        """Adds [p, q), in two words where it is written as one."""
        at = CUTS.get(self.lower(p, q), 0)
        if at and not (q - p == 2 and self.s[p:q] == "IM"):
            self.add(p, p + at)
            if self.lower(p, q) == "dunno":
                self.add(p + at, p + 3)
                return self.add(p + 3, q)
            return self.add(p + at, q)
        return self.add(p, q)

    # -- numbers ----------------------------------------------------------------------------

    def number(self, p):
        s = self.s
        q = self.digits(p)
        # 1,234.5  12:30  713.853.3989
        while q < self.e:
            c = s[q]
            if c in ".:" and self.digit(q + 1):
                q = self.digits(q + 1)
            elif c == "," and self.digit(q + 1) and self.digits(q + 1) - q == 4:
                q += 4
            else:
                break
        if q < self.e and s[q] in "-/" and self.digit(q + 1):
            end, groups = self.groups(p)
            if not self.alnum(end) and (groups >= 3 or groups == 2 and self.is_pair(p, end)):
                return self.add(p, end)
        if not self.alnum(q):
            if self.char(q) in _APOSTROPHES and self.char(q + 1) in ("s", "S") and not self.alnum(q + 2):
                return self.add(p, q + 2)
            return self.add(p, q)
        end = self.run(q)
        tail = self.lower(q, end)
        if tail in ("a", "p") and self.char(end) == "." and self.letter(end + 1):
            self.add(p, q)
            return self.initials(q, end)
        if tail in UNITS:
            self.add(p, q)
            return self.add(q, end)
        return self.word_from(p, end)

    def word_from(self, p, end):
        if self.char(end) in _APOSTROPHES and end < self.e and self.lower(end + 1, self.run(end + 1)) == "s":
            return self.add(p, self.run(end + 1))
        return self.add(p, end)

    def groups(self, p):
        """End and count of the digit groups, joined by hyphens and slashes, that start at p; at most nine."""
        end, count = self.digits(p), 1
        while count < 9 and end < self.e and self.s[end] in "-/" and self.digit(end + 1):
            end, count = self.digits(end + 1), count + 1
        return end, count

    def is_pair(self, p, end):
        """Whether two groups are one word: 345-9945, 77042-2016, 9/11; not 10-15, 3/4 cups of 2001/02."""
        middle = self.digits(p)
        first, second = middle - p, end - middle - 1
        if self.s[middle] == "-":
            return second == 4 and first in (1, 3, 5)
        if first > 2 or second > 2 or first + second == 2:
            return False
        return 1 <= int(self.s[p:middle]) <= 12 and 1 <= int(self.s[middle + 1:end]) <= 31

    # -- symbols ----------------------------------------------------------------------------

    def symbol(self, p):
        s, c = self.s, self.s[p]
        if not (p > self.b and self.digit(p - 1)):
            for emoticon in EMOTICONS:
                end = p + len(emoticon)
                if s.startswith(emoticon, p) and not self.alnum(end):
                    return self.add(p, end)
        q = p + 1
        if c == "." and self.digit(q) and not (p > self.b and self.alnum(p - 1)):
            return self.add(p, self.digits(q))
        if c in ".!?":
            while self.char(q) == ".":
                q += 1
            if q - p < 3 or c != ".":  # "...?" is two words, ".?" is one
                while q < self.e and s[q] in ".!?":
                    q += 1
            return self.add(p, q)
        if c in "'\u2019" and q < self.e:
            if s[q] == c:
                return self.add(p, q + 1)
            end = self.run(q)
            if self.digit(q) and p == self.b or self.lower(q, end) in ELISIONS:
                return self.add(p, end)
            if p > self.b and self.lower(q, end) in _CLITICS:
                return self.add(p, end)
        if c == "\u2018" and self.char(q) == "\u2019":
            return self.add(p, q + 1)
        if c == "+" and self.digit(q) and p == self.b:
            return self.add(p, self.digits(q))
        if c in _RULE:
            while q < self.e and s[q] in _RULE:
                q += 1
            return self.add(p, q)
        if c in "$#\\/,":
            while q < self.e and s[q] == c:
                q += 1
            return self.add(p, q)
        while q < self.e and self.k[q] == MODIFIER:
            q += 1
        return self.add(p, q)

    def emoji(self, p):
        """One emoji with its modifiers, joiners and, for flags, its second letter."""
        def regional(i):
            return i < self.e and 0x1F1E6 <= ord(self.s[i]) <= 0x1F1FF
        q = p + 1
        if regional(p) and regional(q):
            q += 1
        while q < self.e:
            if self.k[q] == MODIFIER:
                joiner = self.s[q] == "\u200d"
                q += 1
                if joiner and q < self.e and self.k[q] == EMOJI:
                    q += 1
            else:
                break
        return self.add(p, q)


def _lower(s):
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else "'" if c == "\u2019" else c for c in s)
