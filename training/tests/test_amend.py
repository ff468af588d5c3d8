"""Rows for emoji, heads anew, and a package that is changed in place."""

import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "training"))

try:
    import numpy as np
    import onnx
    import torch
    from onnx import TensorProto, helper
except ImportError:
    torch = None


@unittest.skipUnless(torch, "needs PyTorch and onnx")
class AmendTest(unittest.TestCase):
    def graph(self, folder):
        from mtltrain.graphs import WeightFile

        weights = WeightFile(Path(folder) / "weights.bin")
        tensors = [weights.add("words", np.arange(6, dtype=np.int8).reshape(3, 2)), weights.add("table", np.arange(3, dtype=np.float32))]
        weights.write()
        nodes = [helper.make_node("Gather", ["words", "ids"], ["words/rows"]), helper.make_node("Gather", ["table", "ids"], ["beside"])]
        outputs = [helper.make_tensor_value_info("words/rows", TensorProto.INT8, [None, 2]), helper.make_tensor_value_info("beside", TensorProto.FLOAT, [None])]
        made = helper.make_model(helper.make_graph(nodes, "g", [helper.make_tensor_value_info("ids", TensorProto.INT64, [None])], outputs, tensors))
        (Path(folder) / "model.onnx").write_bytes(made.SerializeToString())

    def test_a_longer_table_leaves_the_other_arrays_as_they_were(self):
        from mtltrain import amend

        with tempfile.TemporaryDirectory() as folder:
            self.graph(folder)
            longer = np.arange(200, dtype=np.int8).reshape(100, 2)
            amend.change(Path(folder), ["model.onnx"], {"words": longer})
            found = amend.arrays(onnx.load(str(Path(folder) / "model.onnx"), load_external_data=False).graph, Path(folder))

        self.assertTrue((found["words"] == longer).all())
        self.assertEqual([0.0, 1.0, 2.0], found["table"].tolist())

    def test_what_is_beside_the_words_reads_new_ids_as_an_unknown_word(self):
        from mtltrain import amend

        with tempfile.TemporaryDirectory() as folder:
            self.graph(folder)
            graph = onnx.load(str(Path(folder) / "model.onnx"), load_external_data=False).graph
            amend.hide(graph, "ids", known=3, unknown=1)

        inputs = {node.output[0]: list(node.input) for node in graph.node}
        self.assertEqual(["words", "ids"], inputs["words/rows"])
        self.assertEqual(["table", "known/ids"], inputs["beside"])
        self.assertEqual(["known/are", "ids", "known/unknown"], inputs["known/ids"])

    def test_a_head_is_stored_so_that_smoothing_gives_it_back(self):
        from mtltrain import refit

        torch.manual_seed(0)
        head = refit._Head(torch.nn.Linear(4, 3), torch.nn.Linear(3, 2))
        smoothing = np.array([1, 0.5, 1, 1], np.float32)
        kept = {"t.dense.smoothing": smoothing, "t.dense.scales": np.zeros(3, np.float32), "t.classify.scales": np.zeros(2, np.float32)}
        stored = refit.stored("t", head, 2.0, kept)

        dense = stored["t.dense"] * stored["t.dense.scales"] * smoothing[:, None]
        classify = stored["t.classify"] * stored["t.classify.scales"]
        self.assertTrue(np.allclose(dense.T, head.dense.weight.detach().numpy(), atol=0.01))
        self.assertTrue(np.allclose(classify.T, 2 * head.classify.weight.detach().numpy(), atol=0.02))
        self.assertTrue(np.allclose(stored["t.classify.bias"], 2 * head.classify.bias.detach().numpy()))

    def test_a_head_learns_from_few_examples_beside_many(self):
        from mtltrain import refit

        torch.manual_seed(0)
        old = torch.nn.ModuleDict({"dense": torch.nn.Linear(8, 6), "classify": torch.nn.Linear(6, 2)})
        many, few = torch.randn(2000, 8), torch.randn(60, 8) + torch.tensor([6.0] + [0.0] * 7)
        with torch.no_grad():
            old["classify"].weight.mul_(20)
            said = torch.softmax(refit.logits(refit._Head(*old.values()), many), 1)
        with mock.patch.object(refit, "RATE", 2e-2), mock.patch.object(refit, "EPOCHS", 40):
            new = refit._train(refit._Head(*old.values()), [(many, said), (few, torch.tensor([[0.0, 1.0]]).repeat(60, 1))], 0.3)

        self.assertTrue((refit.logits(new, few).argmax(1) == 1).float().mean() > 0.9)
        self.assertTrue((refit.logits(new, many).argmax(1) == said.argmax(1)).float().mean() > 0.9)


@unittest.skipUnless(torch, "needs PyTorch")
class EmojiRowsTest(unittest.TestCase):
    def test_variants_are_read_as_the_program_reads_them(self):
        from mtltrain import emoji

        self.assertEqual("ok \U0001F44D \u2764 \U0001F469", emoji.plain("ok \U0001F44D\U0001F3FD \u2764\ufe0f \U0001F469\u200d\U0001F680"))

    def test_the_rows_are_of_different_emoji_whole_flags_among_them(self):
        from mtltrain import emoji

        found = emoji.tokens()
        self.assertEqual((emoji.TAKEN, emoji.TAKEN), (len(found), len(set(found))))
        self.assertIn("\U0001F1FA\U0001F1F8", found)
        self.assertNotIn("\U0001F1FA", found)

    def test_an_emoji_speaks_for_the_labels_of_its_texts(self):
        from mtltrain import emoji

        logits = np.array([[2.0, -2.0]] * 50 + [[-2.0, 2.0]] * 50, np.float32)
        said = emoji.evidence({"offensive": logits}, [["a"]] * 50 + [["b"]] * 50)["offensive"]

        self.assertTrue(said["a"][0] > 0.3 > -0.3 > said["a"][1])
        self.assertAlmostEqual(said["a"][0], said["b"][1], 5)

    def test_a_pleasant_emoji_speaks_for_a_positive_text(self):
        from mtltrain import emoji

        said = emoji.evidence({"sentiment": np.zeros((2, 3), np.float32)}, [["\U0001F389"], ["\U0001F621"]])["sentiment"]

        self.assertTrue(said["\U0001F389"][2] > 0 > said["\U0001F389"][0])
        self.assertTrue(said["\U0001F621"][0] > 0 > said["\U0001F621"][2])


if __name__ == "__main__":
    unittest.main()
