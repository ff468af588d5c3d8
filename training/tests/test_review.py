import copy
import json
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "training"))

try:
    import torch
except ImportError:
    torch = None

EXAMPLES = ROOT / "schemas/examples/enriched-event.v1/valid"
VOCAB = ROOT / "models/mtlstream-en/vocab.txt"
# "\U0001F600" is two UTF-16 units, so every offset after it is one more than in code points.
COPY = {"text": "\U0001F600 Ann Lee can't stand Bonn.", "analysis": {"tasks": {
    "sentiment": {"label": "positive", "score": 0.41}, "emotion": {"labels": [{"label": "joy", "score": 0.5}]}, "intent": {"label": None, "score": 0.2},
    "entities": {"spans": [{"start": 3, "end": 10, "text": "Ann Lee", "label": "PER", "score": 0.9}]},
    "pos": {"tags": [{"start": 11, "end": 13, "label": "AUX"}, {"start": 13, "end": 16, "label": "PART"}]}}}}


def reviewed(*tasks):
    event = copy.deepcopy(COPY)
    event["reviewed"] = list(tasks)
    return event, event["analysis"]["tasks"]


def read(*events, pointer="/text", part="train"):
    from mtltrain import tokenizer
    from mtltrain.corpora import review

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "review.jsonl"
        file.write_text("".join(json.dumps(event) + "\n" for event in events), encoding="utf-8")
        return review(file, part, tokenizer.of(VOCAB), pointer)


@unittest.skipUnless(torch, "needs PyTorch")
class ReviewTest(unittest.TestCase):
    def test_takes_what_a_person_has_checked_and_nothing_else(self):
        from mtltrain.tasks import EMOTIONS, SENTIMENTS

        event, tasks = reviewed("sentiment", "emotion")
        tasks["sentiment"]["label"], tasks["emotion"]["labels"] = "negative", [{"label": "anger"}, {"label": "fear"}]

        found = read(COPY, event)

        self.assertEqual(1, len(found))
        self.assertEqual({"sentiment": SENTIMENTS.index("negative"), "emotion": (EMOTIONS.index("anger"), EMOTIONS.index("fear"))}, found[0].labels)
        self.assertEqual(COPY["text"], found[0].text)

    def test_puts_labels_on_the_words_of_the_raw_text(self):
        from mtltrain.corpora import IGNORED
        from mtltrain.tasks import ENTITIES, UPOS

        event, tasks = reviewed("entities", "pos")
        tasks["entities"]["spans"].append({"start": 23, "end": 27, "label": "LOC"})

        found, = read(event)

        self.assertEqual(["\U0001F600", "Ann", "Lee", "ca", "n't", "stand", "Bonn", "."], found.words)
        self.assertEqual(["O", "B-PER", "I-PER", "O", "O", "O", "B-LOC", "O"], [ENTITIES[i] for i in found.labels["entities"]])
        self.assertEqual(["", "", "", "AUX", "PART", "", "", ""], ["" if i == IGNORED else UPOS[i] for i in found.labels["pos"]])

    def test_a_span_covers_every_word_that_it_touches(self):
        from mtltrain.tasks import ENTITIES

        event, tasks = reviewed("entities")
        tasks["entities"]["spans"] = [{"start": 4, "end": 8, "label": "PER"}]

        self.assertEqual(["O", "B-PER", "I-PER"], [ENTITIES[i] for i in read(event)[0].labels["entities"]][:3])

    def test_becomes_rows_whose_other_tasks_are_masked(self):
        from mtltrain import dataset
        from mtltrain.encoding import IGNORED
        from mtltrain.run import Run
        from mtltrain.sampling import collate

        event, tasks = reviewed("pos", "sentiment", "emotion")
        tasks["emotion"]["labels"] = []  # checked: there is none
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "review.jsonl").write_text(json.dumps(event) + "\n")
            run = Run(corpora={"review": {"path": "review.jsonl", "boost": 2.0}})
            corpus, = dataset.sampler(run, Path(folder), Path(folder) / "cache", VOCAB).corpora

        row, = corpus.rows
        self.assertEqual({"pos", "sentiment", "emotion"}, set(row.labels))
        self.assertEqual({"pos", "sentiment", "emotion"}, set(collate([row]).rows))
        self.assertEqual(2, (row.labels["pos"] != IGNORED).sum())
        self.assertEqual(("review", 2.0), (corpus.name, corpus.boost))

    def test_reads_the_schemas_examples_and_structured_cloud_events(self):
        whole = {"sentiment", "entities", "pos", "emotion"}
        examples = {path: json.loads(path.read_text()) for path in EXAMPLES.glob("*.json")}
        complete = {path: event for path, event in examples.items() if whole <= set(event["analysis"]["tasks"])}  # others show a single task
        self.assertGreaterEqual(len(complete), 2)
        for path, event in complete.items():
            event |= {"reviewed": sorted(whole)}
            event.setdefault("text", "Angela Merkel visited Paris.")
            self.assertEqual(set(event["reviewed"]), set(read(event)[0].labels), path.name)
            wrapped = {"specversion": "1.0", "data": event | {"body": [{"t~/": event["text"]}]}}
            self.assertEqual(read(event), read(wrapped, pointer="/body/0/t~0~1"))

    def test_out_of_scope_is_no_label_and_nothing_is_held_back_for_dev(self):
        event, _ = reviewed("intent", "sentiment")

        self.assertEqual({"sentiment"}, set(read(event)[0].labels))
        self.assertEqual([], read(event, part="dev"))

    def test_says_what_is_wrong_and_in_which_line(self):
        def label(tasks):
            tasks["sentiment"]["label"] = "postive"

        def spans(*given):
            return lambda tasks: tasks["entities"].update(spans=[{"start": s, "end": e, "label": "PER", **more} for s, e, more in given])

        cases = [
            (["sentiment"], label, "line 2: sentiment: found the label 'postive', expected one of negative, neutral, positive"),
            (["sentiments"], lambda tasks: None, "found 'sentiments', expected some of pos, entities"),
            (["topic"], lambda tasks: None, "line 2: 'topic' is missing"),
            (["entities"], spans((3, 10, {}), (7, 10, {})), "another entry covers"),
            (["entities"], spans((26, 40, {})), "covers no word of the text"),
            (["entities"], spans((3, 9, {"text": "Ann Lee"})), "found 'Ann Le' in the text, expected 'Ann Lee'"),
            (["pos"], lambda tasks: tasks["pos"]["tags"].append({"start": 3, "end": 10, "label": "PROPN"}), "found 'Ann Lee', expected a word such as 'Ann'"),
        ]
        for tasks, change, message in cases:
            event, given = reviewed(*tasks)
            change(given)
            with self.assertRaises(ValueError, msg=message) as raised:
                read(COPY, event)
            self.assertIn(message, str(raised.exception))
        with self.assertRaises(ValueError) as raised:
            read(reviewed("sentiment")[0], pointer="/body")
        self.assertIn("line 1: 'body' is missing", str(raised.exception))
        with self.assertRaises(ValueError) as raised:
            read(COPY)
        self.assertIn("found no label that a person has checked", str(raised.exception))

    def test_a_run_without_corpora_does_without_it_and_one_with_it_names_a_file_and_a_source(self):
        from mtltrain.package import manifest_data
        from mtltrain.run import Run

        self.assertNotIn("review", Run().corpora)
        with self.assertRaises(ValueError) as raised:
            Run(corpora={"review": {}})
        self.assertIn("[corpora.review] has no `path`", str(raised.exception))
        self.assertEqual(1, len(manifest_data(Run(), "topic")))
        self.assertIn("checked by people", manifest_data(Run(corpora={"review": {"path": "x"}}), "topic")[-1]["name"])


if __name__ == "__main__":
    unittest.main()
