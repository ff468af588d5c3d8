import gzip
import json
import os
import sys
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "training"))

from mtltrain.words import split  # noqa: E402

SHARED = Path(os.environ.get("MTLSTREAM_SHARED", ROOT / "../shared"))
VECTORS = ROOT / "tests/MtlStream.Tests/Text/vectors/words.jsonl.gz"


def pieces(text):
    return [text[start:end] for start, end in split(text)]


def utf16(text, ranges):
    """Code point ranges as ranges of UTF-16 units."""
    units = [0]
    for character in text:
        units.append(units[-1] + (2 if ord(character) > 0xFFFF else 1))
    return [[units[start], units[end]] for start, end in ranges]


class WordsTest(unittest.TestCase):
    def test_gives_the_words_of_the_shared_vectors(self):
        with gzip.open(VECTORS, "rt", encoding="utf-8") as lines:
            cases = [json.loads(line) for line in lines]
        self.assertGreater(len(cases), 500)
        for case in cases:
            self.assertEqual(case["words"], utf16(case["text"], split(case["text"])), case["text"])

    def test_splits_contractions_and_possessives_as_the_treebank_does(self):
        self.assertEqual(["do", "n't"], pieces("don't"))
        self.assertEqual(["it", "’s", "the", "dog", "'s"], pieces("it’s the dog's"))
        self.assertEqual(["gon", "na", "can", "not", "I", "'m"], pieces("gonna cannot I'm"))
        self.assertEqual(["O'Neill", "'s"], pieces("O'Neill's"))

    def test_keeps_addresses_mentions_hashtags_and_emoticons_whole(self):
        text = "@ann_b see http://t.co/x, (mail a.b@c.org) #Fun :-) <3"
        self.assertEqual(
            ["@ann_b", "see", "http://t.co/x", ",", "(", "mail", "a.b@c.org", ")", "#Fun", ":-)", "<3"], pieces(text))

    def test_keeps_abbreviations_with_their_full_stop_except_at_the_end(self):
        self.assertEqual(["Mr.", "X", "left", "the", "U.S.", "in", "Dec", "."], pieces("Mr. X left the U.S. in Dec. "))
        self.assertEqual(["at", "5", "p.m.", "today"], pieces("at 5p.m. today"))

    def test_covers_every_character_that_is_not_white_space(self):
        text = "a\u200db \ud800 ‘x’ -- 日本 👍🏽!\x00c"
        covered = {i for start, end in split(text) for i in range(start, end)}
        self.assertEqual({i for i, c in enumerate(text) if c not in " \x00"}, covered)

    def test_takes_time_linear_in_the_text(self):
        for pattern in ("1-", "a.", "<a", "@", "a'", ":-", "(a.com", "a&", "1,1"):
            short, long = self.seconds(pattern * 2_000), self.seconds(pattern * 40_000)
            self.assertLess(long, 20 * 8 * max(short, 1e-3), pattern)

    @staticmethod
    def seconds(text):
        started = time.process_time()
        split(text)
        return time.process_time() - started


class WordPieceTest(unittest.TestCase):
    @unittest.skipUnless((SHARED / "vectors/wordpiece").exists(), "needs the reference vectors")
    def test_gives_the_ids_and_cases_of_the_reference_vectors(self):
        from mtltrain.wordpiece import WordPiece

        folder = SHARED / "vectors/wordpiece"
        pieces = WordPiece(folder / "vocab.txt")
        wrong = checked = 0
        with gzip.open(folder / "vectors.jsonl.gz", "rt", encoding="utf-8") as lines:
            for vector in map(json.loads, lines):
                if any(0xD800 <= ord(c) <= 0xDFFF for c in vector["text"]):
                    continue  # unpaired surrogates do not occur in decoded text
                checked += 1
                wrong += pieces.encode(vector["text"]) != (vector["ids"], vector["case"])
        self.assertGreater(checked, 8000)
        self.assertEqual(0, wrong)


if __name__ == "__main__":
    unittest.main()
