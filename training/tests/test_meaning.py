"""The tasks beside labels: answers, vectors, replies, what can be left out, languages, emoji."""

import gzip
import json
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "training"))

try:
    import numpy as np
    import torch
except ImportError:
    torch = None

VOCAB = ROOT / "models/mtlstream-en/vocab.txt"


def write(folder, name, rows):
    path = Path(folder) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))


def model(*names):
    from mtltrain.model import MultitaskModel, Shape, Task
    from mtltrain.tasks import TASKS

    torch.manual_seed(0)
    shape = Shape(layers=2, hidden=24, heads=2, inner=48, vocab=30522, positions=64, head_hidden=16)
    tasks = [Task(task.name, task.kind, task.labels, min(task.size, 24)) for task in TASKS if task.name in names]
    return MultitaskModel(shape, tasks)


@unittest.skipUnless(torch, "needs PyTorch")
class QuestionTest(unittest.TestCase):
    def setUp(self):
        from mtltrain import tokenizer

        self.pieces = tokenizer.of(VOCAB)

    def rows(self, text, question, answers, limit=64):
        from mtltrain import encoding
        from mtltrain.corpora import Example

        return encoding.encode(self.pieces, [Example(text=text, question=question, answers=answers)], limit)

    def test_a_question_stands_before_the_text_in_a_segment_of_its_own(self):
        from mtltrain.encoding import END, START
        from mtltrain.tokenizer import CLS, SEP

        text = "The Cat sat in Bonn."
        row, = self.rows(text, "Where?", [(15, 19)])

        self.assertEqual([CLS, SEP, SEP], [row.ids[0], row.ids[3], row.ids[-1]])
        self.assertEqual([0, 5, 4, 4, 1, 1, 0, 0, 1, 0, 0], row.cases.tolist())
        self.assertEqual([8], np.flatnonzero(row.labels["answer"] & START).tolist())
        self.assertEqual([8], np.flatnonzero(row.labels["answer"] & END).tolist())

    def test_an_answer_ends_with_the_last_piece_of_its_last_word(self):
        from mtltrain.encoding import END

        row, = self.rows("They overengineered it", "What?", [(5, 19)])
        last = int(np.flatnonzero(row.labels["answer"] & END)[0])

        self.assertEqual(last + 1, int(row.firsts[2]))
        self.assertGreater(last, int(row.firsts[1]))

    def test_a_long_text_is_read_in_windows_and_those_without_the_answer_say_none(self):
        from mtltrain.encoding import END, OVERLAP, START

        words = [f"w{i % 7}" for i in range(60)] + ["Bonn"]
        text = " ".join(words)
        rows = self.rows(text, "Where?", [(len(text) - 4, len(text))], limit=70)

        self.assertGreater(len(rows), 1)
        self.assertEqual(START | END, int(rows[0].labels["answer"][0]))
        self.assertEqual(0, int(rows[-1].labels["answer"][0]))
        self.assertEqual(2, sum((int(row.labels["answer"].max()) > 0) for row in rows[:1] + rows[-1:]))
        self.assertTrue(all(len(row) <= 70 for row in rows))
        self.assertGreater(OVERLAP, 0)

    def test_a_question_without_an_answer_points_at_the_first_token(self):
        from mtltrain.encoding import END, START

        row, = self.rows("The cat sat.", "Where?", [])

        self.assertEqual([0], np.flatnonzero(row.labels["answer"]).tolist())
        self.assertEqual(START | END, int(row.labels["answer"][0]))

    def test_what_the_head_says_becomes_text_again(self):
        from mtltrain import measures
        from mtltrain.corpora import Example

        example = Example(text="The cat sat in New Bonn.", question="Where?", answers=[(15, 23)])

        def predicted(_, rows, tasks):
            label = self.rows(example.text, example.question, example.answers)[0].labels["answer"]
            return {"answer": [np.stack([(label & bit > 0) * 9.0 for bit in (1, 2)], axis=1) for _ in rows]}

        with mock.patch.object(measures, "predict", predicted):
            self.assertEqual(["New Bonn"], measures.said(None, [example], self.pieces, 64))
            self.assertEqual([""], measures.said(None, [example], self.pieces, 64, margin=1000))
            example.answers = []
            self.assertEqual([""], measures.said(None, [example], self.pieces, 64))

    def test_f1_is_that_of_squad(self):
        from mtltrain.questions import f1

        self.assertEqual(1.0, f1("the Cat!", ["a cat"]))
        self.assertAlmostEqual(2 / 3, f1("big cat", ["cat", "dog"]))
        self.assertEqual([1.0, 0.0, 0.0], [f1("", []), f1("cat", []), f1("", ["cat"])])

    def test_words_of_a_treebank_are_joined_as_they_are_written(self):
        from mtltrain.questions import joined

        text, places = joined("He said `` hi '' -LRB- twice -RRB- , did n't he ?".split())

        self.assertEqual('He said "hi" (twice), didn\'t he?', text)
        self.assertEqual(["hi", "twice", "n't"], [text[slice(*places[i])] for i in (3, 6, 10)])

    def test_a_paragraph_is_in_one_part_alone_and_some_questions_are_asked_of_another(self):
        from mtltrain import questions

        with tempfile.TemporaryDirectory() as folder:
            for domain in questions.DOMAINS:
                write(folder, f"text_to_text/squadshifts_{domain}.jsonl.gz",
                      [{"text": f"{domain} {i} is in Bonn.", "question": f"Where is {i}, {k}?", "answers": [[len(f"{domain} {i} is in "), "Bonn"]]} for i in range(60) for k in range(4)])
            parts = {part: questions.answers(Path(folder), part) for part in ("train", "dev", "test")}

        texts = {part: {e.text for e in found} for part, found in parts.items()}
        self.assertFalse(texts["train"] & texts["test"] or texts["train"] & texts["dev"] or texts["dev"] & texts["test"])
        self.assertEqual("Bonn", next(e.text[slice(*e.answers[0])] for e in parts["train"] if e.answers))
        share = sum(not e.answers for e in parts["train"]) / sum(bool(e.answers) for e in parts["train"])
        self.assertAlmostEqual(questions.UNANSWERED, share, places=2)


@unittest.skipUnless(torch, "needs PyTorch")
class LossTest(unittest.TestCase):
    def batch(self, rows):
        from mtltrain.sampling import collate

        return collate(rows)

    @staticmethod
    def row(*ids, **more):
        from mtltrain.encoding import Row

        ids = np.array([101, *ids, 102], np.int32)
        return Row(ids, np.zeros(len(ids), np.int8), np.arange(1, len(ids) - 1), **more)

    def losses(self, trained, batch, **shares):
        from mtltrain.losses import losses

        hidden = trained.encode(trained.encoder.words(batch.ids), batch.cases, batch.mask)
        return losses(trained, batch, hidden, 1.0, **shares)

    def test_a_reply_is_told_from_the_others_of_its_batch_and_not_from_its_equals(self):
        rows = [self.row(200 + i, reply=self.row(300 + min(i, 2))) for i in range(4)]  # the last two are replied to alike
        batch = self.batch(rows)

        self.assertEqual([0, 1, 2, 3], batch.rows["reply"].tolist())
        self.assertEqual([4, 5, 6, 7], batch.labels["reply"].tolist())
        trained = model("reply").eval()
        trained.head_dropout = 0.0
        found = self.losses(trained, batch)["reply"]
        head = trained.heads["reply"]
        hidden = trained.encode(trained.encoder.words(batch.ids), batch.cases, batch.mask)
        scores = 20 * head.said(hidden[:4], batch.mask[:4], 0) @ head.next(hidden[4:], batch.mask[4:], 0).T
        scores[2, 3] = scores[3, 2] = -10000
        right = torch.arange(4)
        wanted = (torch.nn.functional.cross_entropy(scores, right, reduction="sum") + torch.nn.functional.cross_entropy(scores.T, right, reduction="sum")) / 2
        self.assertAlmostEqual(float(wanted), float(found), places=3)

    def test_a_vector_that_is_as_taught_costs_nothing(self):
        from mtltrain.losses import vector_loss

        target = torch.nn.functional.normalize(torch.randn(5, 8, generator=torch.Generator().manual_seed(1)), dim=-1)

        self.assertAlmostEqual(0.0, float(vector_loss(target, target * 3)), places=4)
        self.assertGreater(float(vector_loss(target.flip(0), target)), 1.0)

    def test_an_answer_costs_least_where_its_label_is(self):
        from mtltrain.losses import answer_loss

        labels, mask = torch.tensor([[0, 1, 2, 0], [3, 0, 0, 0]]), torch.tensor([[1.0, 1, 1, 1], [1, 1, 0, 0]])
        right = torch.full((2, 4, 2), -20.0)
        for row, column, side in ((0, 1, 0), (0, 2, 1), (1, 0, 0), (1, 0, 1)):
            right[row, column, side] = 20.0

        self.assertAlmostEqual(0.0, float(answer_loss(right, labels, mask)), places=4)
        self.assertGreater(float(answer_loss(right.flip(1), labels, mask)), 10)

    def test_a_row_that_no_teacher_has_seen_has_its_label_whole(self):
        trained = model("offensive").eval()
        soft = np.array([0.5, 0.5], np.float16)
        taught = self.row(200, labels={"offensive": 1}, soft={"offensive": soft})
        plain = self.row(201, labels={"offensive": 1})
        alone = {"offensive": float(self.losses(trained, self.batch([plain]))["offensive"])}
        mixed = float(self.losses(trained, self.batch([taught, plain]), teacher=0.6, others=0.2)["offensive"])
        first = float(self.losses(trained, self.batch([taught]), teacher=0.6, others=0.2)["offensive"])

        self.assertAlmostEqual(alone["offensive"] + first, mixed, places=4)

    def test_texts_lose_their_letter_case_and_keep_their_segment(self):
        from mtltrain.sampling import CaseNoise

        noise = CaseNoise(0.5, ["[PAD]", "cat", "##s", ".", "7"])
        ids, cases = np.array([[1, 2, 3, 4]] * 3), np.array([[1, 1, 0, 0], [5, 5, 4, 4], [1, 1, 0, 0]])

        found = noise.on(ids, cases, np.array([[0.1], [0.3], [0.9]]))

        self.assertEqual([[0, 0, 0, 0], [6, 6, 4, 4], [1, 1, 0, 0]], found.tolist())

    def test_questions_are_drawn_in_windows_that_are_not_cut_again(self):
        from mtltrain import dataset, tokenizer
        from mtltrain.corpora import Example
        from mtltrain.run import Run

        long = Example(text="So it is. " * 60 + "In Bonn.", question="Where is it?", answers=[(603, 607)])
        run = Run(tasks=["answer"], corpora={"answers": {}}, crop=64, limit=64)
        with tempfile.TemporaryDirectory() as folder, mock.patch.object(dataset, "_examples", lambda *_: [long]):
            corpus, = dataset.sampler(run, Path(folder), Path(folder), VOCAB).corpora
            drawn = [corpus.next() for _ in corpus.rows]

        self.assertTrue(all(len(row) <= 64 and [row.cases[0], row.cases[1], row.cases[4]] == [0, 5, 4] for row in drawn))
        self.assertTrue(any(row.labels["answer"][0] == 0 for row in drawn))

    def test_a_draw_goes_on_where_texts_have_been_tokenized_anew(self):
        from mtltrain.sampling import Corpus, Sampler

        def sampler(count, *names):
            return Sampler([Corpus(name, [self.row(200 + i) for i in range(count)], 1.0, 32, 1) for name in names], 0.75, 64, 64, 1)

        before = sampler(50, "a")
        before.next()
        after = sampler(20, "a", "b")

        after.load(before.state())

        self.assertTrue(all(i < 20 for i in after.corpora[0].left))
        self.assertEqual(4096, after.drawn["a"])
        self.assertTrue(after.next())

    def test_what_a_teacher_said_of_tokens_is_left_out_where_the_text_has_others(self):
        import pickle

        from mtltrain import dataset

        rows = [self.row(200, 201), self.row(200, 201, 202)]
        soft = {"pos": np.zeros((4, 17)), "topic": np.zeros(20)}
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "a.pickle").write_bytes(pickle.dumps([soft, soft]))
            dataset._attach(rows, Path(folder) / "a.pickle")

        self.assertEqual([{"pos", "topic"}, {"topic"}], [set(row.soft) for row in rows])

    def test_replies_are_batched_among_themselves(self):
        from mtltrain.sampling import Corpus, Sampler

        talk = Corpus("replies", [self.row(200 + i, reply=self.row(300, 301)) for i in range(50)], 1.0, 32, 1, apart=True)
        other = Corpus("other", [self.row(400 + i, labels={"topic": 1}) for i in range(50)], 1.0, 32, 1)
        sampler = Sampler([talk, other], 1.0, 64, 64, 1)

        kinds = [{bool(row.reply) for row in sampler.next()} for _ in range(40)]

        self.assertTrue(all(len(kind) == 1 for kind in kinds))
        self.assertEqual(2, len(set(map(tuple, kinds))))


@unittest.skipUnless(torch, "needs PyTorch")
class ReaderTest(unittest.TestCase):
    def test_the_words_that_a_short_form_keeps_are_found_in_order(self):
        from mtltrain.shortening import kept

        words = "The bank said on Monday that the bank will close .".split()

        self.assertEqual("the bank will close .".split(), [w for w, k in zip(words, kept(words, "The bank will close .".split())) if k])
        self.assertEqual([0, 0], kept(["a", "b"], ["c"]))

    def test_words_have_the_label_of_their_sentence(self):
        from mtltrain import encoding, tokenizer
        from mtltrain.corpora import IGNORED
        from mtltrain.shortening import sentences_of

        example = sentences_of(["One two.", "Three."], [0, 1])
        row, = encoding.encode(tokenizer.of(VOCAB), [example], 64)

        self.assertEqual([0, 0, 0, 1, 1], [int(label) for label in row.labels["summary"] if label != IGNORED])

    def test_rouge_counts_a_word_as_often_as_it_is_there(self):
        from mtltrain.shortening import rouge1

        self.assertEqual(1.0, rouge1("The cat", "the cat!"))
        self.assertAlmostEqual(2 * 1 / 5, rouge1("cat cat cat", "cat dog"))
        self.assertEqual(0.0, rouge1("", "cat"))

    def test_a_reply_stands_beside_one_turn_or_up_to_three(self):
        from mtltrain import dialogue

        with tempfile.TemporaryDirectory() as folder:
            write(folder, "text_to_text/self_dialogue.jsonl.gz", [{"topic": "x", "turns": [f"{i}-{k}" for k in range(9)]} for i in range(40)])
            found = dialogue.replies(Path(folder), "train")

        first = [e for e in found if e.reply.endswith("-3")][0]
        second = [e for e in found if e.reply.endswith("-7")][0]
        self.assertEqual((3, 1), (len(first.text.split()), len(second.text.split())))
        self.assertTrue(second.text.endswith("-6"))

    def test_a_language_that_is_not_among_the_labels_is_other(self):
        from mtltrain import languages
        from mtltrain.tasks import LANGUAGES

        with tempfile.TemporaryDirectory() as folder, mock.patch.object(languages, "_english", lambda _: ["hello there"]), mock.patch.object(languages, "_lines", lambda _: []):
            write(folder, "languages/languages.jsonl.gz", [{"language": code, "text": f"{code} {i}"} for code in ("cmn", "deu", "khm") for i in range(30)])
            found = {e.text.split()[0]: LANGUAGES[e.labels["language"]] for part in ("train", "dev", "test") for e in languages.read(Path(folder), part)}

        self.assertEqual({"cmn": "zho", "deu": "deu", "khm": "other", "hello": "eng"}, found)

    def test_counterexamples_name_every_group_in_both_parts_and_share_no_pattern(self):
        from mtltrain import counterexamples

        parts = {part: counterexamples.read(Path(), part) for part in ("train", "dev")}

        for part, found in parts.items():
            text = "\n".join(e.text for e in found)
            self.assertEqual({0, 1}, {e.labels["offensive"] for e in found})
            self.assertFalse([people for people in counterexamples.PEOPLE if people not in text], part)
        self.assertFalse({e.text for e in parts["train"]} & {e.text for e in parts["dev"]})
        self.assertFalse([e.text for e in parts["train"] if " a A" in e.text])

    def test_more_texts_begin_with_the_texts_there_were(self):
        from mtltrain import texts

        fewer, more = (texts._some((f"text {i}" for i in range(100)), most, "name") for most in (20, 60))

        self.assertEqual(fewer, more[:20])


@unittest.skipUnless(torch, "needs PyTorch")
class EmojiTest(unittest.TestCase):
    def test_emoji_stand_where_the_vocabulary_keeps_tokens_free(self):
        from mtltrain import pretrained

        with tempfile.TemporaryDirectory() as folder:
            original = Path(folder) / "original.txt"
            original.write_text("[PAD]\n[unused0]\nface\n[unused1]\n", encoding="utf-8")
            with mock.patch.object(pretrained, "original_vocab", lambda _: original), mock.patch.object(pretrained, "_emoji", lambda: ["\U0001F600"]):
                tokens = pretrained.vocab(Path(folder)).read_text(encoding="utf-8").split("\n")[:-1]
                words = torch.tensor([[0.0], [5.0], [3.0], [6.0]])
                pretrained.name_emoji(words, tokens)

        self.assertEqual(["[PAD]", "\U0001F600", "face", "[unused1]"], tokens)
        self.assertEqual([0.0, 3.0, 3.0, 6.0], words.flatten().tolist())

    def test_the_program_reads_an_emoji_as_a_token(self):
        from mtltrain import pretrained, tokenizer

        with tempfile.TemporaryDirectory() as folder:
            vocab = Path(folder) / "vocab.txt"
            vocab.write_text(VOCAB.read_text(encoding="utf-8") + "\n".join(pretrained._emoji()) + "\n", encoding="utf-8")
            names = vocab.read_text(encoding="utf-8").split("\n")
            pieces = tokenizer.Tokenizer(vocab)
            self.addCleanup(pieces.close)
            found = [names[i] for i in pieces.texts(["so good \U0001F602\U0001F602 \U0001F44D\U0001F3FD \U0001F1FA\U0001F1F8"])[0].ids]

        self.assertEqual(["so", "good", "\U0001F602", "\U0001F602", "\U0001F44D", "##\U0001F3FD", "\U0001F1FA\U0001F1F8"], found)


if __name__ == "__main__":
    unittest.main()
