"""The model card of the repository is the generated one."""

import json
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "models/mtlstream-en"
sys.path.insert(0, str(ROOT / "training"))

from mtltrain import card


class CardTest(unittest.TestCase):
    def written(self, **changes):
        with tempfile.TemporaryDirectory() as folder:
            for file in PACKAGE.iterdir():
                if file.name not in ("README.md", "model.json"):
                    (Path(folder) / file.name).symlink_to(file)
            (Path(folder) / "model.json").write_text(json.dumps(json.loads((PACKAGE / "model.json").read_text()) | changes, ensure_ascii=False))
            record = ROOT / "training/results" / f"scores-mtlstream-en-{json.loads((PACKAGE / 'model.json').read_text())['version']}.json"
            results = Path(folder) / "results"
            results.mkdir()
            (results / record.name.replace("mtlstream-en", changes.get("name", "mtlstream-en"))).write_text(record.read_text())
            card.write(Path(folder), results)
            return (Path(folder) / "README.md").read_text(encoding="utf-8")

    def test_the_card_is_what_manifest_and_scores_say(self):
        self.assertEqual((PACKAGE / "README.md").read_text(encoding="utf-8"), self.written())

    def test_what_the_model_cannot_do_is_said(self):
        for limit in ("any other is an unknown word", "Words of identity stand in insults", "`topic` is null below a score of 0.3"):
            self.assertIn(limit, self.written())

    def test_the_licence_is_stated_for_the_shipped_weights_alone(self):
        licence = "The weights are under the licence of MtlStream itself, Apache-2.0."
        self.assertIn(licence, self.written())
        self.assertNotIn(licence, self.written(name="another"))


if __name__ == "__main__":
    unittest.main()
