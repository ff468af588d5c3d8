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
except ImportError:
    torch = None

SHARED = Path(os.environ.get("MTLSTREAM_SHARED", ROOT / "../shared"))
CACHE = Path(os.environ.get("MTLTRAIN_CACHE", Path.home() / ".cache/mtltrain"))


def tiny(tasks=None):
    from mtltrain.model import MultitaskModel, Shape
    from mtltrain.tasks import AUXILIARY, TASKS, USUAL

    torch.manual_seed(0)
    shape = Shape(layers=2, hidden=24, heads=2, inner=48, vocab=200, positions=32, cases=4, head_hidden=16)
    return MultitaskModel(shape, [task for task in (*TASKS, *AUXILIARY) if task.name in (USUAL if tasks is None else tasks)])


@unittest.skipUnless(torch, "needs PyTorch")
class ModelTest(unittest.TestCase):
    def test_padding_does_not_change_a_row(self):
        model = tiny().eval()
        ids, cases = torch.tensor([[101, 7, 9, 102]]), torch.tensor([[0, 1, 2, 0]])
        padded = torch.nn.functional.pad(ids, (0, 5)), torch.nn.functional.pad(cases, (0, 5))
        with torch.no_grad():
            alone = model(ids, cases, torch.ones(1, 4))
            beside = model(*padded, torch.tensor([[1.0] * 4 + [0.0] * 5]))
        for task, values in alone.items():
            found = beside[task][:, :4] if model.tasks[task].per_token else beside[task]
            self.assertTrue(torch.allclose(values, found, atol=1e-5), task)

    def test_a_missing_label_contributes_nothing(self):
        import numpy as np

        from mtltrain.encoding import Row
        from mtltrain.losses import losses
        from mtltrain.sampling import collate

        def row(**labels):
            return Row(np.array([101, 5, 6, 102], np.int32), np.zeros(4, np.int8), np.array([1, 2], np.int32), labels)

        model = tiny().eval()
        def of(rows):
            batch = collate(rows)
            return losses(model, batch, model.encode(model.encoder.words(batch.ids), batch.cases, batch.mask), 1.0)

        both = of([row(sentiment=1), row(topic=3)])
        self.assertEqual({"sentiment", "topic"}, set(both))
        self.assertAlmostEqual(float(of([row(sentiment=1)])["sentiment"]), float(both["sentiment"]), places=4)

    def test_texts_that_keep_their_entity_labels_are_drawn_as_often_as_if_all_had(self):
        import numpy as np

        from mtltrain.dataset import _fewer_entities
        from mtltrain.encoding import Row
        from mtltrain.run import Run
        from mtltrain.sampling import Corpus, Sampler

        tags = np.zeros(4, np.int8)
        row = lambda labels: Row(np.array([101, 5, 6, 102], np.int32), tags, np.array([1, 2], np.int32), labels)
        for labels, others in (({"entities": tags}, 0), ({"entities": tags, "pos": tags}, 90)):
            found = [row(labels) for _ in range(100)]
            kept, rest = _fewer_entities(found, 0.1, Run())
            self.assertEqual((10, others), (len(kept), len(rest)))
            self.assertTrue(all("entities" in r.labels for r in kept) and not any("entities" in r.labels for r in rest))
            few, all_of_them = (Sampler([Corpus("c", rows, 2.0, 128, 1, 100)], 0.75, 256, 8, 1) for rows in (kept, found))
            self.assertEqual(all_of_them.weights, few.weights)

    def test_class_biases_are_kept_where_they_hold_on_rows_that_they_were_not_fitted_on(self):
        import numpy as np

        from mtltrain.calibrate import _biases_hold

        generator = np.random.default_rng(1)
        truth = (generator.random(600) < 0.3).astype(int)
        values = np.stack([np.zeros(600), 2.0 * truth + generator.normal(0, 1, 600)], axis=1)
        self.assertTrue(_biases_hold(values - [0, 2.5], truth, "macroF1"), "all of these are too low")
        self.assertFalse(_biases_hold(values - [0, 1.0], truth, "macroRecall"), "these are where they should be")

    def test_a_teacher_shares_the_target_of_labelled_rows_and_speaks_for_the_others(self):
        import numpy as np

        from mtltrain.encoding import Row
        from mtltrain.losses import losses, soft_loss, unit_losses
        from mtltrain.sampling import collate

        def row(words, labels, soft):
            ids = np.array([101, *words, 102], np.int32)
            return Row(ids, np.zeros(len(ids), np.int8), np.arange(1, 1 + len(words)), labels, soft)

        certain = np.array([0.0, 0.0, 1.0], np.float16)
        tags = np.zeros((4, 17), np.float16)
        tags[1, 5] = tags[2, 7] = 1
        model = tiny().eval()
        batch = collate([row([5, 6], {"sentiment": 1}, {"sentiment": certain}), row([7, 8], {}, {"sentiment": certain, "pos": tags}), row([9], {"topic": 2}, {"topic": np.eye(20, dtype=np.float16)[3]})])
        hidden = model.encode(model.encoder.words(batch.ids), batch.cases, batch.mask)
        found = losses(model, batch, hidden, 1.0, teacher=0.25, others=0.5)

        logits = model.head("sentiment", hidden[:2], batch.mask[:2])
        by_hand = 0.75 * unit_losses("single_label", logits[:1], torch.tensor([1])).sum() + (0.25 * unit_losses("single_label", logits[:1], torch.tensor([2])).sum()
                  + 0.5 * unit_losses("single_label", logits[1:], torch.tensor([2])).sum())
        self.assertAlmostEqual(float(by_hand), float(found["sentiment"]), places=4)
        # Certain probabilities cost what labels cost, and the row's end and its special tokens cost nothing.
        gold = torch.tensor([[-100, 5, 7, -100]])
        logits = model.head("pos", hidden[1:2], batch.mask[1:2])
        self.assertAlmostEqual(float(unit_losses("token_tags", logits, gold).sum()), float(soft_loss("token_tags", logits, batch.soft["pos"]).sum()), places=4)
        self.assertAlmostEqual(0.5 * float(unit_losses("token_tags", logits, gold).sum()), float(found["pos"]), places=4)
        self.assertEqual({"sentiment", "pos", "topic"}, set(found))
        # Each task by its own rows alone, as PCGrad has it, is the same.
        for task, value in found.items():
            at, part = batch.only(task)
            self.assertLess(len(at), 3)
            alone = losses(model, part, hidden[at], 1.0, teacher=0.25, others=0.5)
            self.assertEqual([task], list(alone))
            self.assertAlmostEqual(float(value), float(alone[task]), places=5)

    def test_pcgrad_leaves_no_part_against_the_other_task(self):
        from mtltrain.optimizer import Optimizer
        from mtltrain.weighting import PCGrad

        model = tiny(["sentiment", "topic"])
        optimizer = Optimizer(model, 1e-3, 1.0, 0.0, 1e9)
        words = torch.zeros(1, 24, requires_grad=True)
        weight = model.encoder.layers[0].ff1.weight
        losses = {"sentiment": weight[0, 0] * 2 + words.sum() * 0, "topic": -weight[0, 0] + weight[0, 1] + words.sum() * 0}

        PCGrad({}).backward(losses, optimizer, words)

        # g1 = (2, 0), g2 = (-1, 1): projected (1, 1) and (0, 1).
        self.assertTrue(torch.allclose(weight.grad[0, :2], torch.tensor([1.0, 2.0])))

    def test_both_graphs_read_one_weight_file_and_fit_their_bytes(self):
        import onnx

        from mtltrain import graphs
        from mtltrain.model import Lexical, Matrix
        from mtltrain.quantize import fix_spans, smooth

        model = tiny().eval()
        plain = model.encoder.layers[0].ff2.weight.detach().clone()
        smooth([layer.ff2 for layer in model.encoder.layers], lambda: model(*self.batch()))
        with self.assertRaisesRegex(ValueError, "layer0.qkv: the bounds of its input are not set"):
            graphs.write(model, Path(os.devnull), {})
        fix_spans([m for m in model.modules() if isinstance(m, Matrix)], lambda: model(*self.batch()))
        model.lexical["topic"] = Lexical(torch.arange(200).clamp_max(9), torch.rand(10, 21))
        with tempfile.TemporaryDirectory() as folder:
            graphs.write(model, Path(folder), {})
            length = (Path(folder) / "weights.bin").stat().st_size
            entries = {}
            for device in ("cpu", "cuda"):
                proto = onnx.load(f"{folder}/model.{device}.onnx", load_external_data=False)
                for tensor in proto.graph.initializer:
                    where = {e.key: e.value for e in tensor.external_data}
                    if where:
                        place = (int(where["offset"]), int(where["length"]))
                        self.assertLessEqual(sum(place), length)
                        self.assertEqual(place, entries.setdefault(tensor.name, place))
            self.assertGreater(len(entries), 50)
            # On CUDA the weights take smoothing back, on CPU the input takes it.
            self.assertTrue(torch.allclose(self.constant(proto, "layer0.ff2/half", folder).T, plain, atol=float(plain.abs().max()) / 100))
            cpu = {o: n for n in onnx.load(f"{folder}/model.cpu.onnx", load_external_data=False).graph.node for o in n.output}
            rounded = cpu[cpu["layer0.ff2/y"].input[0]]
            self.assertEqual("QuantizeLinear", rounded.op_type)
            self.assertEqual(["layer0.gelu", "layer0.ff2.smoothing"], list(cpu[rounded.input[0]].input))
            attention = cpu["layer0.context"]
            self.assertEqual(["QuantizeLinear", "layer0.qkv", "mask/int"], [cpu[attention.input[0]].op_type, attention.input[1], attention.input[5]])
            self.assertEqual("Add", cpu["topic/both"].op_type)
            # The residual and its norm: apart on a CPU, where the fused operator is the slower one; fused on CUDA.
            norm = cpu["layer0.norm1"]
            self.assertEqual(["LayerNormalization", "Add"], [norm.op_type, cpu[norm.input[0]].op_type])
            self.assertEqual(["layer0.out/y", "embedded"], list(cpu[norm.input[0]].input))
            self.assertEqual("layer0.out.bias", cpu["layer0.out/y"].input[6])
            self.assertEqual({"SkipLayerNormalization"}, {n.op_type for n in proto.graph.node if "layer0.norm1" in n.output})

    def constant(self, proto, name, folder):
        """What a value computed from constants alone comes to, as ONNX Runtime folds it."""
        from onnx import numpy_helper

        node = next((n for n in proto.graph.node if name in n.output), None)
        if node is None:
            tensor = next(t for t in proto.graph.initializer if t.name == name)
            return torch.from_numpy(numpy_helper.to_array(tensor, folder).copy())
        inputs = [self.constant(proto, i, folder) for i in node.input]
        return {"Cast": lambda x: x.float(), "Mul": lambda x, y: x * y, "Unsqueeze": lambda x, axes: x.unsqueeze(int(axes[0]))}[node.op_type](*inputs)

    @staticmethod
    def batch():
        ids = torch.randint(5, 200, (16, 12), generator=torch.Generator().manual_seed(1))
        return ids, torch.zeros_like(ids), torch.ones(16, 12)

    def test_smoothing_changes_nothing_but_what_int8_loses_to_a_channel_that_is_too_large(self):
        from unittest import mock

        from mtltrain import quantize

        model = tiny().eval()
        with torch.no_grad(), mock.patch.object(quantize, "EQUAL_SHARE", 0.98):  # of 48 channels all but one
            for layer in model.encoder.layers:
                layer.ff1.weight[3] *= 60  # what enters ff2 by this channel dwarfs the rest

            def outputs(quantized):
                model.set_quantized(quantized)
                return model(*self.batch())

            wanted, before = outputs(False), outputs(True)
            model.set_quantized(False)
            quantize.smooth([layer.ff2 for layer in model.encoder.layers], lambda: model(*self.batch()))
            exact, after = outputs(False), outputs(True)
        for layer in model.encoder.layers:
            self.assertEqual(int(layer.ff2.smoothing.argmin()), 3)
            self.assertLess(int((layer.ff2.smoothing < 1).sum()), 0.05 * len(layer.ff2.smoothing), "most channels stay")
        for task, values in wanted.items():
            self.assertTrue(torch.allclose(values, exact[task], atol=1e-4), task)
            self.assertLess(float((after[task] - values).abs().mean()), 0.8 * float((before[task] - values).abs().mean()), task)

    def test_a_package_can_be_gone_on_from_and_a_task_added(self):
        from mtltrain import graphs, initial, package
        from mtltrain.model import Matrix
        from mtltrain.quantize import fix_spans, smooth

        names = ["pos", "sentiment", "topic", "embedding", "answer", "reply"]
        model = tiny(names).eval()
        with torch.no_grad():
            model.heads["topic"].query.uniform_(-1, 1)
            model.heads["reply"].next.query.uniform_(-1, 1)
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.01)
            wanted = model(*self.batch())
            smooth([layer.ff1 for layer in model.encoder.layers], lambda: model(*self.batch()))
            fix_spans([m for m in model.modules() if isinstance(m, Matrix)], lambda: model(*self.batch()))
        with tempfile.TemporaryDirectory() as folder:
            vocab, packed = Path(folder) / "all.txt", Path(folder) / "vocab.txt"
            vocab.write_text("".join(("[unused%d]\n" if i in (1, 20) else "t%d\n") % i for i in range(model.shape.vocab)))
            places = package._leave_out_placeholders(model, vocab, packed)
            self.assertEqual((-1, 1, 18, -1, 19), (places[1], places[2], places[19], places[20], places[21]))
            self.assertEqual(["t0", "t2", "t3"], packed.read_text().split("\n")[:3])
            graphs.write(model, Path(folder), {})
            manifest = {"graphs": {"cpu": "model.cpu.onnx"}, "tasks": [{"name": t.name, "kind": t.kind, "labels": list(t.labels)} for t in model.tasks.values()]}
            (Path(folder) / "model.json").write_text(json.dumps(manifest))
            again, more = tiny(names).eval(), tiny([*names, "intent"])
            untrained = more.heads["intent"].dense.weight.detach().clone()
            self.assertEqual([], initial.load(again, Path(folder), vocab))
            self.assertEqual(["intent"], initial.load(more, Path(folder), vocab))
            self.assertTrue(torch.equal(untrained, more.heads["intent"].dense.weight))
            with torch.no_grad():
                for task, values in again(*self.batch()).items():
                    self.assertLess(float((values - wanted[task]).abs().max()), 0.05 * float(wanted[task].abs().max()) + 1e-3, task)
            torch.save(again.state_dict(), f"{folder}/model.pt")
            self.assertEqual(["intent"], initial.load(more, Path(folder) / "model.pt", vocab))
            wider = tiny(names)
            wider.heads["topic"].classify = torch.nn.Linear(16, 3)
            with self.assertRaisesRegex(ValueError, r"heads.topic.classify.weight: found \[20, 16\], expected \[3, 16\]"):
                initial.load(wider, Path(folder), vocab)
            labels = manifest["tasks"][1]["labels"]
            labels[0], labels[2] = labels[2], labels[0]
            (Path(folder) / "model.json").write_text(json.dumps(manifest))
            with self.assertRaisesRegex(ValueError, "task sentiment: found label positive, expected negative"):
                initial.load(tiny(names), Path(folder), vocab)

    def test_with_fixed_bounds_no_text_changes_what_int8_makes_of_another(self):
        from mtltrain.model import Matrix
        from mtltrain.quantize import fix_spans

        model = tiny().eval()
        ids, cases, mask = self.batch()
        mask[0, 6:] = 0
        matrices = [m for m in model.modules() if isinstance(m, Matrix)]

        def with_neighbour(factor):
            """The first text's logits beside one whose vectors are `factor` times as large."""
            vectors = model.encoder.words(ids)
            vectors[1] = vectors[1] * factor
            hidden = model.encode(vectors, cases, mask)
            return torch.cat([model.head(task, hidden, mask)[0].flatten() for task in ("topic", "sentiment")])

        with torch.no_grad():
            wanted = with_neighbour(1.0)
            fix_spans(matrices, lambda: model(ids, cases, mask))
            self.assertTrue(all(m.span[0] <= 0 < m.span[1] for m in matrices))
            model.set_quantized(True)
            found = with_neighbour(1.0)
            self.assertTrue(torch.equal(found, with_neighbour(50.0)))
        self.assertFalse(torch.equal(wanted, found))
        self.assertLess(float((wanted - found).abs().max()), 0.05 * float(wanted.abs().max()))

    def test_a_table_of_pieces_tells_texts_apart_that_the_head_does_not(self):
        import numpy as np

        from mtltrain import lexical
        from mtltrain.encoding import Row

        generator, model = np.random.default_rng(3), tiny().eval()

        def texts(count):
            """Topic k has piece 20 + k among pieces that say nothing."""
            for _ in range(count):
                topic = int(generator.integers(20))
                words = np.concatenate([generator.integers(100, 200, size=generator.integers(3, 9)), [20 + topic]])
                yield Row(np.array([5, *generator.permutation(words), 6], np.int32), np.zeros(len(words) + 2, np.int8), np.array([1]), {"topic": topic})

        train, dev = list(texts(800)), list(texts(200))
        silent = [np.zeros(20, np.float32)] * len(dev)
        gain = lexical.add(model, "topic", train, dev, silent, pieces=30)
        part, truth = model.lexical["topic"], [row.labels["topic"] for row in dev]
        self.assertGreater(gain, 0)
        self.assertEqual((32, 21), tuple(part.table.shape))
        ids = [torch.from_numpy(row.ids.astype(np.int64))[None] for row in dev]
        self.assertGreater(np.mean([int(part(i).argmax()) == t for i, t in zip(ids, truth)]), 0.95)
        self.assertTrue(torch.equal(torch.zeros(1, 20), part(torch.zeros(1, 8, dtype=torch.int64))), "padding alone")
        padded = torch.nn.functional.pad(ids[0], (0, 7))
        self.assertTrue(torch.equal(part(ids[0]), part(padded)))
        with torch.no_grad():
            cases, mask = torch.zeros_like(ids[0]), torch.ones(ids[0].shape)
            both = model(ids[0], cases, mask)["topic"]
            alone = model.head("topic", model.encode(model.encoder.words(ids[0]), cases, mask), mask)
        self.assertTrue(torch.allclose(both, alone + part(ids[0])))
        # A head that knows all already wants no help.
        knows = [20 * np.eye(20, dtype=np.float32)[t] for t in truth]
        self.assertEqual(0, lexical.add(model, "topic", train, dev, knows, pieces=30))

    def test_a_table_of_pieces_tells_labels_that_come_together(self):
        import numpy as np

        from mtltrain import lexical
        from mtltrain.encoding import Row

        generator, model = np.random.default_rng(4), tiny().eval()

        def texts(count):
            """Emotion k has piece 20 + k; a text has one or two of the first four."""
            for _ in range(count):
                emotions = sorted(generator.choice(4, size=generator.integers(1, 3), replace=False).tolist())
                words = generator.permutation([*generator.integers(100, 200, size=6), *(20 + e for e in emotions)])
                yield Row(np.array([5, *words, 6], np.int32), np.zeros(len(words) + 2, np.int8), np.array([1]), {"emotion": emotions})

        train, dev = list(texts(600)), list(texts(200))
        self.assertGreater(lexical.add(model, "emotion", train, dev, [generator.normal(size=28).astype(np.float32) for _ in dev], pieces=10), 0)
        found = torch.cat([model.lexical["emotion"](torch.from_numpy(row.ids.astype(np.int64))[None]) for row in dev]).numpy()
        for emotion in range(4):
            has = np.array([emotion in row.labels["emotion"] for row in dev])
            self.assertGreater(found[has, emotion].min(), found[~has, emotion].max(), emotion)

    def test_what_the_release_will_need_is_asked_for_before_training(self):
        from mtltrain import __main__ as program, sources
        from mtltrain.run import Run

        known, sources.TESTED_ON = sources.TESTED_ON, {}
        try:
            with self.assertRaisesRegex(SystemExit, "task pos: sources.TESTED_ON"):
                program.missing_descriptions(Run())
        finally:
            sources.TESTED_ON = known
        program.missing_descriptions(Run())

    def test_rounding_to_int8_is_within_half_a_step(self):
        from mtltrain.quantize import round_weight, to_int8

        weight = torch.randn(8, 32)
        values, scales = to_int8(weight)
        self.assertTrue(bool(((weight - values * scales).abs() <= scales / 2 + 1e-6).all()))
        self.assertTrue(torch.allclose(values * scales, round_weight(weight)))


@unittest.skipUnless(torch and (SHARED / "data/ud_english-ewt").exists() and os.environ.get("MTLTRAIN_SLICE") == "1",
                     "needs PyTorch, the corpora and MTLTRAIN_SLICE=1, for it takes minutes and fetches the encoder's weights")
class SliceTest(unittest.TestCase):
    def test_a_slice_trains_resumes_and_exports(self):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "mtltrain", "all", "runs/mtlstream-en.toml", "--data", str(SHARED / "data"), "--cache", str(CACHE),
                       "--out", folder, "--slice"]
            environment = {**os.environ, "OMP_NUM_THREADS": "1"}
            if "avx512f" in Path("/proc/cpuinfo").read_text():
                environment["OPENBLAS_CORETYPE"] = "SKYLAKEX"
            for steps in ("2", "4"):  # the second goes on where the first stopped
                done = subprocess.run(command + [steps], cwd=ROOT / "training", env=environment, capture_output=True, text=True)
                self.assertEqual(0, done.returncode, done.stderr)
            self.assertIn("resumed at step 2", done.stdout)
            other = Path(folder) / "other.toml"
            other.write_text((ROOT / "training/runs/mtlstream-en.toml").read_text().replace('version = "', 'version = "9'))
            refused = subprocess.run([str(other) if a.endswith(".toml") else a for a in command] + ["6"], cwd=ROOT / "training", env=environment, capture_output=True, text=True)
            self.assertIn("checkpoint.pt is of a run that differed in version", refused.stderr)
            averaged = subprocess.run([sys.executable, "-m", "mtltrain", "average", "runs/mtlstream-en.toml", f"{folder}/model.pt=0.5", f"{folder}/package=0.5",
                                       "--cache", str(CACHE), "--out", f"{folder}/both"], cwd=ROOT / "training", env=environment, capture_output=True, text=True)
            self.assertEqual(0, averaged.returncode, averaged.stderr)
            one, both = (torch.load(f"{folder}/{name}")["encoder.layers.0.ff1.weight"] for name in ("model.pt", "both/model.pt"))
            self.assertLess(float((one - both).abs().max()), 0.01 * float(one.abs().max()), "the package holds the same weights, rounded")
            manifest = json.loads((Path(folder) / "package/model.json").read_text())
            self.assertEqual(["pos", "entities", "sentiment", "emotion", "topic", "intent", "offensive"], [t["name"] for t in manifest["tasks"]])
            size = sum(f.stat().st_size for f in (Path(folder) / "package").iterdir())
            self.assertLess(size, 28_000_000)


if __name__ == "__main__":
    unittest.main()
