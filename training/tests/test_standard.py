import json
import sys
import tempfile
import unittest
from functools import reduce
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
try:
    import onnx
    import torch
    from onnx import TensorProto, helper, numpy_helper
except ImportError:
    torch = None


@unittest.skipUnless(torch, "needs PyTorch and onnx")
class StandardGraphs(unittest.TestCase):
    def setUp(self):
        from mtltrain import graphs
        from mtltrain.model import Lexical, Matrix
        from mtltrain.quantize import fix_spans, smooth
        from mtltrain.tasks import USUAL
        from test_training import tiny

        torch.manual_seed(7)
        self.model = tiny([*USUAL, "embedding", "answer", "reply"]).eval()
        with torch.no_grad():
            for parameter in self.model.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.2)
        self.ids = torch.randint(5, 200, (4, 12))
        self.cases = torch.randint(0, 4, (4, 12))
        self.mask = (torch.arange(12) < torch.tensor([12, 7, 3, 1])[:, None]).float()
        self.ids *= self.mask.long()
        run = lambda: self.model(self.ids, self.cases, self.mask)
        smooth([layer.ff2 for layer in self.model.encoder.layers], run)
        fix_spans([m for m in self.model.modules() if isinstance(m, Matrix)], run)
        places = torch.arange(self.model.shape.vocab) % 9 + 1
        places[0] = 0
        table = torch.rand(10, 21)
        table[0] = 0
        self.model.lexical["topic"] = Lexical(places, table)
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.package = Path(self.folder.name) / "package"
        self.package.mkdir()
        graphs.write(self.model, self.package, {})

    def test_a_graph_of_standard_operators_says_what_the_model_says(self):
        from mtltrain import standard

        fused = onnx.load(str(self.package / "model.cuda.onnx"), load_external_data=False)
        made = standard.rewritten(fused)

        (self.package / standard.FILE).write_bytes(made.SerializeToString())
        onnx.checker.check_model(str(self.package / standard.FILE))
        self.assertEqual({""}, {node.domain for node in made.graph.node})
        self.assertEqual([""], [opset.domain for opset in made.opset_import])
        self.assertEqual([(o.name, o.type) for o in fused.graph.output], [(o.name, o.type) for o in made.graph.output])
        short = {t.name for t in made.graph.initializer if t.data_type in (TensorProto.INT8, TensorProto.INT16)}
        self.assertEqual({"Cast"}, {node.op_type for node in made.graph.node if short & set(node.input)}, "what TensorRT does not look up")
        found = self.computed(made)
        with torch.no_grad():
            wanted = self.model(self.ids, self.cases, self.mask)
        real = self.mask.bool()
        for task in self.model.tasks.values():
            values = wanted[task.name]
            if task.kind == "vector":
                self.assertLess(float((found[f"{task.name}.vector"] - values).abs().max()), 0.03, task.name)
            elif task.kind == "reply_vectors":
                for at, part in enumerate(("said", "next")):
                    self.assertLess(float((found[f"{task.name}.{part}"] - values[:, at]).abs().max()), 0.03, task.name)
            elif task.kind == "answer_span":
                scores = torch.log_softmax(values + (self.mask - 1)[:, :, None] * 10000, 1)
                self.assertLess(float((found[f"{task.name}.scores"] - scores)[real].abs().max()), 0.03, task.name)
            elif task.per_token:
                scores = torch.softmax(wanted[task.name], -1).amax(-1)
                self.assertLess(float((found[f"{task.name}.scores"] - scores)[real].abs().max()), 0.03, task.name)
            else:
                values = torch.sigmoid(wanted[task.name]) if task.kind == "multi_label" else torch.softmax(wanted[task.name], -1)
                self.assertLess(float((found[f"{task.name}.probabilities"] - values).abs().max()), 0.03, task.name)

    def test_a_package_gets_the_graph_and_its_checksum_and_loses_nothing(self):
        from mtltrain import package, standard

        manifest = {"schema": "model-manifest.v1", "graphs": {"cpu": "model.cpu.onnx", "cuda": "model.cuda.onnx"}, "tasks": [{"name": "pos"}], "checksums": {"weights.bin": "sha256:0"}}
        package.dump(self.package / "model.json", manifest)
        out = Path(self.folder.name) / "out"

        standard.add(self.package, out)

        made = json.loads((out / "model.json").read_text())
        self.assertEqual(manifest["graphs"] | {"tensorrt": "model.tensorrt.onnx"}, made["graphs"])
        self.assertEqual(["weights.bin", "model.tensorrt.onnx"], list(made["checksums"]))
        self.assertEqual((manifest["schema"], manifest["tasks"]), (made["schema"], made["tasks"]))
        self.assertEqual((self.package / "weights.bin").read_bytes(), (out / "weights.bin").read_bytes())
        with self.assertRaisesRegex(SystemExit, "exists"):
            standard.add(self.package, out)

    def test_an_operator_that_is_not_known_is_named(self):
        from mtltrain import standard

        fused = onnx.load(str(self.package / "model.cuda.onnx"), load_external_data=False)
        fused.graph.node.append(helper.make_node("FusedMatMul", ["a", "b"], ["c"], name="node/c", domain="com.microsoft"))

        with self.assertRaisesRegex(ValueError, "node/c: FusedMatMul of com.microsoft"):
            standard.rewritten(fused)

    def computed(self, model):
        """The graph's outputs for the batch: a few operators as the standard defines them, in fp32."""
        values = {t.name: torch.from_numpy(numpy_helper.to_array(t, str(self.package)).copy()) for t in model.graph.initializer}
        values |= {"input_ids": self.ids, "attention_mask": self.mask.long(), "token_type_ids": self.cases}
        for node in model.graph.node:
            given = [values[name] for name in node.input]
            a = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
            result = OPERATORS[node.op_type](a, *[x.float() if x.dtype == torch.float16 else x for x in given])
            for name, value in zip(node.output, result if isinstance(result, (tuple, list)) else [result]):
                values[name] = value
        return values


def reshaped(a, x, shape):
    return x.reshape([x.shape[i] if n == 0 else n for i, n in enumerate(shape.tolist())])


OPERATORS = torch and {
    "Add": lambda a, x, y: x + y, "Sub": lambda a, x, y: x - y, "Mul": lambda a, x, y: x * y, "Div": lambda a, x, y: x / y,
    "Sqrt": lambda a, x: x.sqrt(), "Erf": lambda a, x: x.erf(), "Tanh": lambda a, x: x.tanh(), "Sigmoid": lambda a, x: x.sigmoid(),
    "LogSoftmax": lambda a, x: x.log_softmax(a.get("axis", -1)), "Max": lambda a, x, y: torch.maximum(x, y),
    "Softmax": lambda a, x: x.softmax(a.get("axis", -1)), "MatMul": lambda a, x, y: x @ y,
    "Cast": lambda a, x: x.float() if a["to"] in (TensorProto.FLOAT, TensorProto.FLOAT16) else x.long(),
    "Gather": lambda a, x, i: x[i.long()] if a.get("axis", 0) == 0 else x.select(a["axis"], int(i)),
    "Shape": lambda a, x: torch.tensor(x.shape[a.get("start", 0):a.get("end")]),
    "Slice": lambda a, x, start, end, axes: x[int(start):int(end)],
    "Reshape": reshaped, "Transpose": lambda a, x: x.permute(*a["perm"]),
    "Split": lambda a, x, parts: x.split(parts.tolist(), a["axis"]),
    "Unsqueeze": lambda a, x, axes: reduce(torch.unsqueeze, axes.tolist(), x),
    "ReduceSum": lambda a, x, axes: x.sum(int(axes), keepdim=bool(a.get("keepdims", 1))), "ReduceMax": lambda a, x: x.amax(a["axes"][0]), "ArgMax": lambda a, x: x.argmax(a["axis"]),
    "LayerNormalization": lambda a, x, weight, bias: torch.nn.functional.layer_norm(x, x.shape[-1:], weight, bias, a["epsilon"]),
}


if __name__ == "__main__":
    unittest.main()
