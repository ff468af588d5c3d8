import json
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "training"))

try:
    import numpy as np
except ImportError:
    np = None

CASES = json.loads((ROOT / "tests/metrics.json").read_text(encoding="utf-8"))
TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG")


def indices(line, labels):
    return [labels.index(label) for label in line.split()]


@unittest.skipUnless(np, "needs NumPy")
class MetricsTest(unittest.TestCase):
    """The cases that the program's metrics pass too (MetricsTests.cs)."""

    def test_spans(self):
        from mtltrain.metrics import spans

        for case in CASES["spans"]:
            self.assertEqual({tuple(span) for span in case["spans"]}, spans(indices(case["tags"], TAGS), TAGS), case["name"])

    def test_span_f1(self):
        from mtltrain.metrics import span_f1

        for case in CASES["spanF1"]:
            true, given = ([indices(line, TAGS) for line in case[side]] for side in ("true", "given"))
            self.assertAlmostEqual(case["f1"], span_f1(true, given, TAGS), 12, case["name"])

    def test_macro_scores_of_single_labels(self):
        from mtltrain.metrics import macro_f1, macro_recall

        for case in CASES["singleLabel"]:
            labels = case["labels"].split()
            true, given = (np.array(indices(case[side], labels)) for side in ("true", "given"))
            self.assertAlmostEqual(case["macroRecall"], macro_recall(true, given, len(labels)), 12, case["name"])
            self.assertAlmostEqual(case["macroF1"], macro_f1(true, given, len(labels)), 12, case["name"])

    def test_f1_of_several_labels(self):
        from mtltrain.metrics import f1_scores

        for case in CASES["multiLabel"]:
            labels = case["labels"].split()
            true, given = (np.array([[label in line.split() for label in labels] for line in case[side]], int) for side in ("true", "given"))
            found = f1_scores(true, given)
            self.assertTrue(np.allclose(case["f1"], found, atol=1e-12), case["name"])
            self.assertAlmostEqual(case["macroF1"], float(found.mean()), 12, case["name"])


if __name__ == "__main__":
    unittest.main()
