"""What a run's file may say, what is refused before training begins, and the loop around the steps."""

import json
import os
import signal
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "training"), str(ROOT / "training/tests")]

try:
    import torch
except ImportError:
    torch = None

from test_training import tiny  # noqa: E402


@unittest.skipUnless(torch, "needs PyTorch")
class MissingDataTest(unittest.TestCase):
    """Whoever lacks a file is told which, and where it is named."""

    def refusal(self, command, data):
        from mtltrain import __main__ as program

        arguments = ["mtltrain", command, str(ROOT / "training/runs/slices.toml"), "--data", str(data), "--cache", str(data / "cache")]
        with mock.patch.object(sys, "argv", arguments), self.assertRaises(SystemExit) as ended:
            program.main()
        return ended.exception.code

    def test_a_folder_that_is_not_there(self):
        self.assertEqual("--data /nowhere does not exist; expected the folder with the corpora, which training/data.md names", self.refusal("train", Path("/nowhere")))

    def test_a_corpus_that_is_not_there(self):
        with tempfile.TemporaryDirectory() as folder:
            from mtltrain import dataset

            lacking = FileNotFoundError(2, "No such file or directory", f"{folder}/banking77/train.csv")
            with mock.patch.object(dataset, "fingerprint", side_effect=lacking), mock.patch("mtltrain.train.train", side_effect=lacking):
                self.assertEqual(f"{folder}/banking77/train.csv does not exist; expected a file of a corpus that training/data.md names", self.refusal("all", Path(folder)))

    def test_weights_that_are_not_there(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertRegex(self.refusal("release", Path(folder)), "model.pt does not exist; `python3 -m mtltrain train .*slices.toml --data .*` makes it")


@unittest.skipUnless(torch, "needs PyTorch")
class RunFileTest(unittest.TestCase):
    def test_what_tweets_besides_are_read_as(self):
        from mtltrain import corpora

        with tempfile.TemporaryDirectory() as folder, mock.patch.object(corpora, "semeval", lambda *_: [corpora.Example(text="A scored tweet https://t.co/x")]):
            (data := Path(folder) / "tweet_sentiment_extraction").mkdir()
            data.joinpath("tweets.csv").write_text('textID,text,sentiment\n1,held out,neutral\n2," I`d go, really",positive\n3,@you a SCORED tweet,negative\n')
            self.assertEqual([("I'd go, really", 2)], [(e.text, e.labels["sentiment"]) for e in corpora.extraction(Path(folder), "train")])
            (data := Path(folder) / "tweeteval/datasets/emoji").mkdir(parents=True)
            for part, text in (("train", "home \ufe0f\n"), ("test", "a scored tweet\nnight &amp; day\n"), ("val", "held out\n")):
                data.joinpath(f"{part}_text.txt").write_text(text)
                data.joinpath(f"{part}_labels.txt").write_text("4\n" * text.count("\n"))
            self.assertEqual([("home", 4), ("night & day", 4)], [(e.text, e.labels["emoji"]) for e in corpora.emoji(Path(folder), "train")])
            self.assertEqual(["held out"], [e.text for e in corpora.emoji(Path(folder), "dev")])

    def test_what_a_run_names_besides_is_in_the_manifest(self):
        from mtltrain import package
        from mtltrain.run import Run

        named = lambda run, task: [entry["name"] for entry in package.manifest_data(run, task)]
        self.assertNotIn("TweetEval emoji, trained along", named(Run(), "sentiment"))
        more = Run(corpora={"semeval": {}, "extraction": {}, "emoji": {}, "review": {"path": "x"}})
        self.assertEqual(["SemEval-2017 task 4A", "Tweet Sentiment Extraction (Figure Eight, Emotion in Text)", "TweetEval emoji, trained along",
                          "events of the stream, labels checked by people"], named(more, "sentiment"), "and no film reviews")
        self.assertEqual(["events of the stream, labels checked by people"], named(more, "pos"))
        self.assertEqual(["UNER English-EWT"], named(Run(corpora={"ewt": {}}), "entities"))
        self.assertEqual(6, len(named(Run(corpora=more.corpora, initial="model"), "sentiment")) + len(named(Run(corpora={}, initial="model"), "pos")))

    def test_misspelt_keys_are_refused(self):
        from mtltrain.run import Run

        for given, message in (({"factors": {"entitites": 1.5}}, r"\[factors\]: unknown key \['entitites'\]"), ({"lexical": {"topics": 5}}, r"\[lexical\]: unknown key \['topics'\]"),
                               ({"corpora": {"ewt": {"bost": 2}}}, r"\[corpora.ewt\]: unknown key \['bost'\]"), ({"crop": 256}, "crop is 256, expected at most limit, 128"),
                               ({"lexical": {"pos": 5}}, "found pos, expected tasks of whole texts")):
            with self.assertRaisesRegex(ValueError, message):
                Run(**given)

    def test_weights_to_go_on_from_are_looked_for_before_teachers_are_trained(self):
        from mtltrain import __main__ as program

        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "teacher.toml").write_text('initial = "/nowhere/model.pt"')
            (Path(folder) / "run.toml").write_text('teachers = ["teacher.toml"]')
            with self.assertRaisesRegex(SystemExit, "teacher.toml: initial: /nowhere/model.pt does not exist"):
                program.missing_weights(Path(folder) / "run.toml")

    def test_a_metric_that_the_kind_of_task_does_not_have_is_refused(self):
        from mtltrain import __main__ as program, evaluate
        from mtltrain.run import Run

        with mock.patch.dict(evaluate.METRICS, intent="microF1"), self.assertRaisesRegex(SystemExit, "task intent: evaluate.METRICS: found microF1, a metric of single_label is accuracy or"):
            program.missing_descriptions(Run())

    def test_what_people_have_checked_since_is_labelled_anew(self):
        from mtltrain.dataset import review_checksum
        from mtltrain.run import Run

        with tempfile.TemporaryDirectory() as data, tempfile.TemporaryDirectory() as elsewhere:
            run = Run(corpora={"review": {"path": f"{elsewhere}/review.jsonl"}})
            (Path(elsewhere) / "review.jsonl").write_text("a\n")
            before = review_checksum(Path(data), run)
            (Path(elsewhere) / "review.jsonl").write_text("b\n")
            self.assertNotEqual(before, review_checksum(Path(data), run))
            self.assertEqual("", review_checksum(Path(data), Run()))

    def test_an_edited_corpus_is_read_again(self):
        from mtltrain import dataset

        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "data").mkdir()
            (Path(folder) / "downloaded").mkdir()
            (Path(folder) / "downloaded/part.tsv").write_text("a\tb\n")
            (Path(folder) / "data/corpus").symlink_to(Path(folder) / "downloaded")
            before = dataset.fingerprint.__wrapped__(Path(folder) / "data")
            self.assertEqual(before, dataset.fingerprint.__wrapped__(Path(folder) / "data"))
            (Path(folder) / "downloaded/part.tsv").write_text("a\tb\nc\td\n")
            self.assertNotEqual(before, dataset.fingerprint.__wrapped__(Path(folder) / "data"))

    def test_a_word_that_looks_like_a_comment_is_a_word(self):
        from mtltrain.corpora import _columns

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "a"
            path.write_text("No O\n# O\n1 O\n\n")
            self.assertEqual([[["No", "O"], ["#", "O"], ["1", "O"]]], list(_columns(path, None)))
            path.write_text("# id 1\nNo\tO\n\n")
            self.assertEqual([[["No", "O"]]], list(_columns(path)))

    def test_spans_are_read_by_the_labels_of_their_task(self):
        from mtltrain.metrics import span_f1, spans

        labels = ("O", "B-DRUG", "I-DRUG", "B-DOSE")
        self.assertEqual({(0, 2, "DRUG"), (2, 3, "DOSE")}, spans([1, 2, 3, 0], labels))
        self.assertEqual(0.5, span_f1([[1, 2, 3, 0]], [[1, 2, 0, 3]], labels))

    def test_what_a_package_is_made_of_is_computed_in_full_precision(self):
        import numpy as np

        from mtltrain import evaluate
        from mtltrain.encoding import Row
        from mtltrain.sampling import collate

        model = tiny(["sentiment"]).eval()
        row = Row(np.array([101, 5, 6, 7, 102], np.int32), np.zeros(5, np.int8), np.array([1, 2, 3], np.int32), {"sentiment": 1})
        batch = collate([row])
        with torch.no_grad():
            exact = model(batch.ids, batch.cases, batch.mask, ["sentiment"])["sentiment"][0].numpy()
        seen = []
        with mock.patch.object(evaluate, "labelled", lambda *_: [row]), mock.patch.object(evaluate, "score", lambda task, rows, logits, adjustment: seen.append(logits[0])):
            evaluate.scores(model, None, None, None, "test", ["sentiment"], 32)
            evaluate.scores(model, None, None, None, "dev", ["sentiment"], 32, amp=True)
        np.testing.assert_array_equal(exact, seen[0])
        self.assertGreater(np.abs(exact - seen[1]).max(), 0, "bf16 rounds")

    def test_uncertainty_weighs_tasks_by_their_loss_and_not_by_their_rows(self):
        from mtltrain.weighting import Uncertainty

        weighting = Uncertainty({})
        for _ in range(2000):
            weighting.observe({"noisy": 2.0, "clear": 0.5})
        self.assertAlmostEqual(2.0, float(torch.tensor(weighting.state()["noisy"]).exp()), places=2)
        self.assertAlmostEqual(0.5, float(torch.tensor(weighting.state()["clear"]).exp()), places=2)


@unittest.skipUnless(torch, "needs PyTorch")
class LoopTest(unittest.TestCase):
    """`train` on a tiny model and made-up rows."""

    def run_of(self, folder, dev, patience=1, device="cpu", labels="topic", **more):
        """Trains with the dev scores `dev`, one for each evaluation; returns the weights that each was asked for, by then and at the end."""
        import numpy as np

        from mtltrain import train
        from mtltrain.encoding import Row
        from mtltrain.run import Run
        from mtltrain.sampling import Corpus, Sampler

        generator = np.random.default_rng(1)
        rows = [Row(np.array([101, *generator.integers(110, 190, 6), 102], np.int32), np.zeros(8, np.int8), np.array([1]), {label: i % 3 for label in (labels, *more.get("auxiliary", ()))}) for i in range(60)]
        run = Run(tasks=["topic"], corpora={"newsgroups": {}}, steps=8, evaluate_every=2, patience=patience, rate=1e-2, limit=32, crop=32, layers=[0, 1], rows_per_step=16, padded_tokens=64, **more)
        seen, scores = [], dev

        def evaluated(model, *_, amp):
            self.assertTrue(amp, "while training only weights are compared")
            seen.append(model.heads["topic"].classify.weight.detach().cpu().clone())
            return {"topic": scores.pop(0)}

        def sampler(*_):
            return Sampler([Corpus("newsgroups", rows, 1.0, 32, 1)], 0.75, 64, 16, 1)

        with mock.patch.object(train, "build", lambda *_, auxiliary: tiny(run.trained if auxiliary else run.tasks)), mock.patch.object(train.pretrained, "vocab", lambda _: None), \
                mock.patch.object(train.dataset, "sampler", sampler), mock.patch.object(train.evaluate, "scores", evaluated), mock.patch.object(train.evaluate, "labelled", lambda *_: rows[:1]):
            train.train(run, Path(folder), Path(folder), Path(folder) / "out", processes=1, device=device)
        return seen

    def test_early_stopping_ends_with_the_weights_of_the_best_evaluation(self):
        with tempfile.TemporaryDirectory() as folder:
            seen = self.run_of(folder, [0.5, 0.7, 0.6, 0.7])
            kept = torch.load(Path(folder) / "out/model.pt")["heads.topic.classify.weight"]
            self.assertEqual(4, len(seen))  # after 2, 4 and 6 steps, where patience ends, and once more at the end
            self.assertTrue(torch.equal(kept, seen[1]))
            self.assertFalse(torch.equal(kept, seen[2]))
            self.assertTrue(torch.equal(kept, seen[3]), "the summary is of the weights that are kept")

    def test_asked_to_end_it_leaves_a_checkpoint_and_goes_on_from_there(self):
        class Dev(list):
            def pop(self, _):
                os.kill(os.getpid(), signal.SIGTERM)
                return 0.5

        before = signal.getsignal(signal.SIGTERM)
        with tempfile.TemporaryDirectory() as folder:
            self.run_of(folder, Dev([0.5]), patience=0)
            out = Path(folder) / "out"
            self.assertEqual((3, False), (torch.load(out / "checkpoint.pt")["step"], (out / "model.pt").exists()))

            self.run_of(folder, [0.5, 0.5, 0.5], patience=0)

            self.assertEqual(8, json.loads((out / "log.jsonl").read_text().splitlines()[-1])["steps"])
            self.assertEqual(before, signal.getsignal(signal.SIGTERM))

    def test_a_checkpoint_is_written_when_its_time_has_come(self):
        with tempfile.TemporaryDirectory() as folder:
            self.run_of(folder, [0.5] * 4, patience=0, checkpoint_every=1000)
            self.assertFalse((Path(folder) / "out/checkpoint.pt").exists())

            self.run_of(folder, [0.5] * 4, patience=0, checkpoint_every=1000, checkpoint_seconds=1e-9)

            self.assertEqual(8, torch.load(Path(folder) / "out/checkpoint.pt")["step"])

    def test_without_patience_the_last_weights_stay(self):
        with tempfile.TemporaryDirectory() as folder:
            seen = self.run_of(folder, [0.5, 0.7, 0.6, 0.4], patience=0)
            self.assertFalse((Path(folder) / "out/best.pt").exists())
            self.assertTrue(torch.equal(torch.load(Path(folder) / "out/model.pt")["heads.topic.classify.weight"], seen[-1]))

    def test_a_task_that_no_row_teaches_is_refused_before_training(self):
        with tempfile.TemporaryDirectory() as folder, self.assertRaisesRegex(ValueError, r"no row of its corpora \(newsgroups\) has labels of topic"):
            self.run_of(folder, [], labels="intent")

    def test_an_auxiliary_task_is_trained_along_and_left_out_of_the_weights(self):
        with tempfile.TemporaryDirectory() as folder:
            self.run_of(folder, [0.5, 0.7, 0.6, 0.7], patience=0, auxiliary=["emoji"])
            lines = [json.loads(line) for line in (Path(folder) / "out/log.jsonl").read_text().splitlines()]
            self.assertIn("emoji", next(line for line in lines if "loss" in line)["loss"])
            names = list(torch.load(Path(folder) / "out/model.pt"))
            self.assertTrue(any(name.startswith("heads.topic.") for name in names))
            self.assertFalse([name for name in names if name.startswith("heads.emoji.")])

    def test_the_log_begins_with_where_the_run_comes_from(self):
        with tempfile.TemporaryDirectory() as folder:
            self.run_of(folder, [0.5, 0.6, 0.7, 0.8], patience=0)
            first = json.loads((Path(folder) / "out/log.jsonl").read_text().splitlines()[0])
            self.assertEqual(["cpu", 8, None], [first["device"], first["run"]["steps"], first["initialSha256"]])
            self.assertEqual(64, len(first["data"]))

    @unittest.skipUnless(torch and torch.cuda.is_available(), "needs a GPU")
    def test_a_gpu_trains_what_a_cpu_does(self):
        with tempfile.TemporaryDirectory() as here, tempfile.TemporaryDirectory() as there:
            cpu, gpu = self.run_of(here, [0.5] * 4, patience=0), self.run_of(there, [0.5] * 4, patience=0, device="cuda")
            self.assertTrue(torch.allclose(cpu[-1], gpu[-1], atol=0.02))


if __name__ == "__main__":
    unittest.main()
