"""What is written about results from before a task was added."""

import json
import shutil
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "training"))

try:
    import onnx
    import torch
except ImportError:
    torch = None

ADDED = "offensive"  # as if the results of the repository were from before it


def without(value):
    """Drops the added task from every object, and lines that are about it alone."""
    if isinstance(value, dict):
        return {key: without(v) for key, v in value.items() if key != ADDED}
    return [without(v) for v in value] if isinstance(value, list) else value


def scored_before(record):
    """What a release says of its scores, without the added task."""
    return {key: without(value) if key in ("test", "served", "flips") else value for key, value in record.items()}


def cells(page, heading, task):
    """The row of a task in the tables under a heading."""
    rows = [line for line in page.split(heading)[1].split("\n## ")[0].splitlines() if line.startswith(f"| `{task}`")]
    return [cell.strip() for cell in rows[0].split("|")[1:-1]]


@unittest.skipUnless(torch, "needs PyTorch and onnx")
class ResultsFromBeforeATaskTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.results = Path(shutil.copytree(ROOT / "training/results", self.folder / "results"))

    def report(self):
        from mtltrain import report

        with mock.patch.object(report, "FOLDER", self.folder):
            report.main()
        return (self.folder / "REPORT.md").read_text(encoding="utf-8")

    def test_the_report_is_what_the_results_of_the_repository_say(self):
        self.assertEqual((ROOT / "training/REPORT.md").read_text(encoding="utf-8"), self.report())
        self.assertEqual((ROOT / "training/results/affinity.svg").read_text(), (self.results / "affinity.svg").read_text())

    def test_the_report_leaves_the_cells_of_the_added_task_empty_and_no_others(self):
        before = self.report()
        for path in (self.results / "experiments").glob("*.jsonl"):
            lines = [json.loads(line) for line in path.read_text().splitlines()]
            path.write_text("".join(json.dumps(without(line)) + "\n" for line in lines if line.get("task") != ADDED))
        for path in self.results.glob("scores-*.json"):
            path.write_text(json.dumps(scored_before(json.loads(path.read_text()))))

        page = self.report()

        self.assertEqual(["-", "-", "-", "0"], cells(page, "## One model for all tasks", ADDED)[1:])
        self.assertEqual(["-"] * 4, cells(page, "## What int8 costs", ADDED)[1:])
        self.assertEqual(["-"] * 7, cells(page, "## Which task helps which", ADDED)[1:])
        self.assertEqual([*cells(before, "## Which task helps which", "pos")[:-1], "-"], cells(page, "## Which task helps which", "pos"))
        for heading in ("## One model for all tasks", "## What int8 costs"):
            self.assertEqual(cells(before, heading, "pos"), cells(page, heading, "pos"))
        self.assertRegex(page.split("## Weighting the losses")[1], r"\| equal \|( \d[^|]*\|){6} - \| \d")
        self.assertNotIn("nan", page + (self.results / "affinity.svg").read_text())

    def test_a_package_is_stamped_with_the_scores_that_there_are(self):
        from mtltrain import stamp

        package = self.folder / "package"
        package.mkdir()
        manifest = json.loads((ROOT / "models/mtlstream-en/model.json").read_text())
        (package / "model.json").write_text(json.dumps(manifest))
        named = f"{manifest['name']}-{manifest['version']}"
        record = json.loads((self.results / f"scores-{named}.json").read_text())
        served = record["served"]
        (self.results / f"scores-{named}.json").write_text(json.dumps(scored_before(record)))
        for given, name in ((without(served), "served.json"), (without(record["test"]["fp32"]), "wide.json")):
            (self.folder / name).write_text(json.dumps({"name": manifest["name"], "version": manifest["version"], "tasks": given}))

        with mock.patch.object(sys, "argv", ["stamp", str(self.folder / "served.json"), "--fp32", str(self.folder / "wide.json"),
                                             "--package", str(package), "--results", str(self.results)]):
            stamp.main()

        card = (package / "README.md").read_text(encoding="utf-8")
        self.assertEqual(["-", "-"], cells(card, "## Scores", ADDED)[1:3])
        self.assertEqual([f"{100 * served['pos']['accuracy']:.2f} accuracy", f"{100 * record['test']['fp32']['pos']['accuracy']:.2f}"], cells(card, "## Scores", "pos")[1:3])


if __name__ == "__main__":
    unittest.main()
