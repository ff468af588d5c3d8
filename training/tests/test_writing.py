"""A decoder over a package's encoder: pieces, scores, and that the program writes what PyTorch writes."""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "training"))

try:
    import torch
    from mtltrain import bleu, bytepairs, decoder, encoding, pretrained, tokenizer, writing, written
    from mtltrain.bytepairs import BytePairs
except ImportError:
    torch = None

PACKAGE = ROOT / "models/mtlstream-en"
SHARED = Path(os.environ.get("MTLSTREAM_SHARED") or ROOT.parent / "shared")


@unittest.skipUnless(torch, "needs PyTorch")
class PiecesTest(unittest.TestCase):
    def test_a_text_comes_back(self):
        texts = ["Der Kessel kam zerbrochen an.", "L'été, 12,5 % !", "naïve 😀 日本"] * 3
        pieces = bytepairs.learn(texts, 320, decoder.SPECIAL)
        self.assertLessEqual(len(pieces.tokens), 320)
        self.assertGreater(len(pieces.tokens), len(decoder.SPECIAL) + 256)
        for text in texts + ["never seen before: ß"]:
            self.assertEqual(pieces.decode(pieces.encode(text)), text)

    def test_files_say_the_same(self):
        pieces = bytepairs.learn(["the cat sat on the mat"] * 4, 280, decoder.SPECIAL)
        with tempfile.TemporaryDirectory() as folder:
            pieces.write(Path(folder))
            again = BytePairs.read(Path(folder), decoder.SPECIAL)
            self.assertEqual(json.loads(Path(folder, "vocab.json").read_text(encoding="utf-8")), again.ids)
        self.assertEqual(again.encode("the mat sat"), pieces.encode("the mat sat"))
        self.assertLess(len(pieces.encode("the cat")), len("the cat"))


@unittest.skipUnless(torch, "needs PyTorch")
class BleuTest(unittest.TestCase):
    def test_as_sacrebleu_counts(self):
        by_hand = 100 * (6 / 7 * 5 / 6 * 4 / 5 * 3 / 4) ** 0.25
        self.assertAlmostEqual(bleu.bleu(["the cat sat on the mat now"], ["the cat sat on the mat"]), by_hand, 6)
        self.assertAlmostEqual(bleu.bleu(["a b c d"], ["a b c d"]), 100, 6)
        self.assertEqual(bleu.bleu(["x"], ["y"]), 0)
        self.assertEqual(bleu.tokens('Hello, "world"! 3.5 %'), ["Hello", ",", '"', "world", '"', "!", "3.5", "%"])


@unittest.skipUnless(torch and os.environ.get("MTLTRAIN_SLICE") and (SHARED / "data").is_dir(), "needs PyTorch, the corpora and MTLTRAIN_SLICE=1")
class ServedTest(unittest.TestCase):
    def test_the_program_writes_what_pytorch_writes(self):
        cache, data = Path.home() / ".cache/mtltrain", SHARED / "data"
        with tempfile.TemporaryDirectory() as folder:
            out, package = Path(folder, "run"), Path(folder, "package")
            writing.DEV_PAIRS, written.FITTED = 20, 60  # in small
            writing.train(PACKAGE, data, cache, out, writing.Settings(seconds=8, most=60, pieces_per_step=512, threads=1))
            written.add(PACKAGE, out, data, cache, package, "0.0.1")
            completed = subprocess.run([*tokenizer.program(), "model", "import", str(package)], capture_output=True, text=True)
            self.assertEqual(completed.returncode, 0, completed.stderr)
            golden = json.loads((package / "golden.translate_de.json").read_text(encoding="utf-8"))["texts"]

            pieces = BytePairs.read(out, decoder.SPECIAL)
            model = decoder.Writer(decoder.Sizes(pieces=len(pieces.tokens)))
            model.load_state_dict(torch.load(out / "model.pt"))
            written.prepare(model.eval(), PACKAGE, data, cache, out, pieces)
            model.set_quantized(True)
            encoder = writing.encoder_of(PACKAGE, cache)
            for text, tokens in zip(golden, tokenizer.of(pretrained.vocab(cache)).texts(text["text"] for text in golden)):
                row = encoding.row(tokens, 128)
                ids, cases = (torch.from_numpy(part).long()[None] for part in (row.ids, row.cases))
                mask = torch.ones(ids.shape)
                states = torch.cat([decoder.embedded(encoder, ids, cases), *decoder.states_of(encoder, ids, cases, mask)], dim=-1)
                logits = model(states, mask, torch.tensor([[decoder.STARTS["translate_de"]]]), torch.ones(1, 1))[0, 0]
                best = logits.topk(2).indices.tolist()  # the encoder computes in int8 there, and in full precision here
                self.assertIn(text["ids"][0], best)
                self.assertEqual(len(text["source"]), len(row))


if __name__ == "__main__":
    unittest.main()
