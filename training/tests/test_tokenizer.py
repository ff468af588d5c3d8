import os
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "training"))

try:
    import numpy as np
except ImportError:
    np = None

VOCAB = ROOT / "models/mtlstream-en/vocab.txt"


@unittest.skipUnless(np, "needs NumPy")
class TokenizerTest(unittest.TestCase):
    def setUp(self):
        from mtltrain import tokenizer

        self.module, self.tokenizer = tokenizer, tokenizer.of(VOCAB)
        self.names = VOCAB.read_text(encoding="utf-8").split("\n")

    def pieces(self, tokens):
        return [self.names[i] for i in tokens.ids]

    def test_a_text_is_split_into_the_words_that_are_served(self):
        text = "I can't. \U0001F600 Bonn!"

        tokens = self.tokenizer.texts([text])[0]

        self.assertEqual(["I", "ca", "n't", ".", "\U0001F600", "Bonn", "!"], [text[a:b] for a, b in tokens.words])
        self.assertEqual(["i", "ca", "n", "'", "t", "."], self.pieces(tokens)[:6])
        self.assertEqual([0, 1, 2, 5], tokens.firsts[:4].tolist())
        self.assertEqual(len(tokens.ids), len(tokens.cases))
        self.assertEqual(1, tokens.cases[0])

    def test_words_that_are_given_stay_as_they_are(self):
        tokens = self.tokenizer.words([["can't", "\0", "Bonn"]])[0]

        self.assertEqual(["can", "'", "t", "bonn"], self.pieces(tokens))
        self.assertEqual([0, -1, 3], tokens.firsts.tolist())
        self.assertEqual([(0, 5), (6, 7), (8, 12)], tokens.words)

    def test_more_lines_than_both_pipes_hold_come_back_in_order(self):
        texts = [f"line {i} of many" + " and more" * 40 for i in range(3000)]

        found = self.tokenizer.texts(texts)

        self.assertEqual([str(i) for i in range(3000)], [text[slice(*tokens.words[1])] for text, tokens in zip(texts, found)])

    def test_a_program_that_ends_is_an_error_and_no_wait(self):
        with tempfile.TemporaryDirectory() as folder:
            broken = self.module.Tokenizer(Path(folder) / "none.txt")
            self.addCleanup(broken.close)

            with self.assertRaisesRegex(ValueError, "ended with code [0-9]+ at line 1 of 1"):
                broken.texts(["a"])

    def test_the_fingerprint_changes_with_the_sources_and_with_the_vocabulary(self):
        with tempfile.TemporaryDirectory() as folder, mock.patch.object(self.module, "SOURCES", Path(folder)):
            vocab, source = Path(folder) / "vocab.txt", Path(folder) / "Splitter.cs"
            vocab.write_text("[PAD]\n")
            source.write_text("class A;")
            first = self.module.fingerprint(vocab)
            source.write_text("class B;")
            second = self.module.fingerprint(vocab)
            vocab.write_text("[PAD]\na\n")

            self.assertEqual(3, len({first, second, self.module.fingerprint(vocab)}))


@unittest.skipUnless(np, "needs NumPy")
class EncodingTest(unittest.TestCase):
    def test_labels_of_words_fall_on_first_tokens_and_those_beyond_the_limit_are_left_out(self):
        from mtltrain import encoding, tokenizer
        from mtltrain.corpora import IGNORED, Example

        example = Example(words=["Bonn", "\0", "overengineered", "x"], labels={"pos": [1, 2, 3, 4], "topic": 7})

        row = encoding.encode(tokenizer.of(VOCAB), [example, Example(text="x")], 5)[0]

        self.assertEqual([tokenizer.CLS, tokenizer.SEP], [row.ids[0], row.ids[-1]])
        self.assertEqual([1, -1, 2, -1], row.firsts.tolist())
        self.assertEqual([IGNORED, 1, 3, IGNORED, IGNORED], row.labels["pos"].tolist())
        self.assertEqual(7, row.labels["topic"])


if __name__ == "__main__":
    unittest.main()
