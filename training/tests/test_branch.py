"""Tasks on layers of their own over a package, and the language by pieces alone."""

import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "training"))

try:
    import numpy as np
    import torch
except ImportError:
    torch = None


@unittest.skipUnless(torch, "needs PyTorch")
class BranchTest(unittest.TestCase):
    def setUp(self):
        from mtltrain.branch import Branch
        from mtltrain.model import Shape

        torch.manual_seed(0)
        self.model = Branch(Shape(layers=3, hidden=24, heads=2, inner=48, vocab=30, positions=16, head_hidden=16), ("answer",), shared=2)
        self.model.eval()
        self.ids = torch.tensor([[1, 5, 2, 7, 2]])
        self.mask = torch.ones(1, 5)

    def test_the_layers_of_the_package_see_a_question_as_any_text_and_are_not_trained(self):
        words = self.model.encoder.words(self.ids)
        plain, asked = torch.tensor([[0, 1, 0, 2, 0]]), torch.tensor([[0, 5, 4, 2, 0]])

        self.assertTrue(torch.equal(self.model.trunk(words, plain, self.mask), self.model.trunk(words, asked, self.mask)))
        self.assertFalse(self.model.trunk(words, asked, self.mask).requires_grad)
        trained = {name for name, _ in self.model.own}
        self.assertIn("encoder.layers.2.qkv.weight", trained)
        self.assertFalse([name for name in trained if name.startswith(("encoder.layers.0", "encoder.layers.1", "encoder.words"))])

    def test_the_branch_tells_a_question_from_a_text(self):
        words = self.model.encoder.words(self.ids)
        plain, asked = torch.tensor([[0, 1, 0, 2, 0]]), torch.tensor([[0, 5, 4, 2, 0]])
        with torch.no_grad():
            self.model.segment.fill_(0.5)
            self.assertFalse(torch.allclose(self.model.encode(words, plain, self.mask), self.model.encode(words, asked, self.mask)))

    def test_a_narrow_layer_keeps_the_units_that_are_worth_most(self):
        from mtltrain.branch import narrow

        layer = self.model.encoder.layers[0]
        first, second = layer.ff1.weight.detach().clone(), layer.ff2.weight.detach().clone()
        narrow(layer, torch.arange(48.0), 2)

        self.assertTrue(torch.equal(first[46:], layer.ff1.weight.detach()))
        self.assertTrue(torch.equal(second[:, 46:], layer.ff2.weight.detach()))

    def test_windows_without_the_answer_are_thinned_and_others_stay(self):
        from mtltrain.branch import _answered
        from mtltrain.encoding import END, START, Row

        def row(at):
            labels = np.zeros(4, np.int16)
            labels[at] = START | END
            return Row(np.zeros(4, np.int32), np.zeros(4, np.int8), np.zeros(0, np.int32), {"answer": labels})

        kept = _answered([row(i % 2) for i in range(200)])
        self.assertEqual(100, sum(not r.labels["answer"][0] for r in kept))
        self.assertTrue(20 < sum(bool(r.labels["answer"][0]) for r in kept) < 60)


@unittest.skipUnless(torch, "needs PyTorch")
class PiecesTest(unittest.TestCase):
    def test_pairs_tell_what_single_pieces_do_not(self):
        from unittest import mock

        from mtltrain import pieces
        from mtltrain.encoding import Row

        def row(ids):
            return Row(np.array([1, *ids, 2], np.int32), np.zeros(len(ids) + 2, np.int8), np.zeros(0, np.int32))

        rows = [row([10, 11, 12, 13]) if i % 2 else row([13, 12, 11, 10]) for i in range(512)]
        labels = np.array([i % 2 for i in range(512)])
        with mock.patch.object(pieces, "EPOCHS", 80), mock.patch.object(pieces, "SHORT", 0.0):
            found = pieces.rounded(pieces.fit(rows, labels, 20))

        self.assertTrue((found.logits(rows).argmax(1).numpy() == labels).all())
        self.assertEqual(3 * 6 - 1, len(pieces.features(rows[0].ids, rows[0].cases, 20)))


if __name__ == "__main__":
    unittest.main()
