"""Makes the toy package beside this file: `python3 make.py` (needs `onnx` and `numpy`).

A model of the shape that the worker serves, small enough to reason about:
- an embedding of 64 tokens x 8, and of 4 letter cases x 8, summed; mean over the tokens;
- `mood` (single label, its matrix in dynamic int8, so that a text's scores depend on whoever shares its call),
  `traits` (multi label), `tags` and `names` (per token);
- token 13 has an infinite embedding: its text gets scores that are not finite. Token 14 has a very large one.
Ids of 64 and more are outside the embedding: the graph fails.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

HERE = Path(__file__).parent
random = np.random.default_rng(20)
MAX_TOKENS = 64
INFINITE, LARGE = 13, 14

words = random.normal(size=(64, 8)).astype(np.float32)
words[INFINITE] = np.inf
words[LARGE] *= 40
arrays = {
    "words": words,
    "cases": (random.normal(size=(4, 8)) * 0.5).astype(np.float32),
    "mood.weight": random.integers(-127, 128, size=(8, 3)).astype(np.int8),
    "traits.weight": random.normal(size=(8, 4)).astype(np.float32),
    "tags.weight": random.normal(size=(8, 3)).astype(np.float32),
    "names.weight": random.normal(size=(8, 3)).astype(np.float32),
}
types = {np.dtype("float32"): TensorProto.FLOAT, np.dtype("int8"): TensorProto.INT8}


def weights() -> tuple[bytes, list[TensorProto]]:
    data, tensors = b"", []
    for name, array in arrays.items():
        data += b"\0" * (-len(data) % 64)
        tensor = TensorProto(name=name, data_type=types[array.dtype], dims=array.shape, data_location=TensorProto.EXTERNAL)
        for key, value in (("location", "weights.bin"), ("offset", len(data)), ("length", array.nbytes)):
            tensor.external_data.add(key=key, value=str(value))
        tensors.append(tensor)
        data += array.tobytes()
    return data, tensors


def graph(tensors: list[TensorProto]) -> onnx.ModelProto:
    nodes = []

    def node(kind: str, inputs: list[str], *outputs: str, **attributes) -> str:
        nodes.append(helper.make_node(kind, inputs, list(outputs), **attributes))
        return outputs[0]

    constants = [helper.make_tensor("scale", TensorProto.FLOAT, [], [0.01]), helper.make_tensor("axis2", TensorProto.INT64, [1], [2]),
                 helper.make_tensor("axis1", TensorProto.INT64, [1], [1])]
    hidden = node("Add", [node("Gather", ["words", "input_ids"], "word"), node("Gather", ["cases", "token_type_ids"], "case")], "hidden")
    mask = node("Unsqueeze", [node("Cast", ["attention_mask"], "real", to=TensorProto.FLOAT), "axis2"], "mask")
    total = node("ReduceSum", [node("Mul", [hidden, mask], "masked"), "axis1"], "total", keepdims=0)
    pooled = node("Div", [total, node("ReduceSum", [mask, "axis1"], "count", keepdims=0)], "pooled")

    node("DynamicQuantizeLinear", [pooled], "q", "q.scale", "q.zero")
    product = node("Cast", [node("MatMulInteger", ["q", "mood.weight", "q.zero"], "int")], "product", to=TensorProto.FLOAT)
    logits = node("Mul", [product, node("Mul", ["q.scale", "scale"], "both")], "mood.logits")
    node("Softmax", [logits], "mood.probabilities", axis=-1)
    node("Sigmoid", [node("MatMul", [pooled, "traits.weight"], "traits.logits")], "traits.probabilities")
    outputs = [helper.make_tensor_value_info("mood.probabilities", TensorProto.FLOAT, ["rows", 3]),
               helper.make_tensor_value_info("traits.probabilities", TensorProto.FLOAT, ["rows", 4])]
    for task in ("tags", "names"):
        logits = node("MatMul", [hidden, f"{task}.weight"], f"{task}.logits")
        node("ReduceMax", [node("Softmax", [logits], f"{task}.all", axis=-1)], f"{task}.scores", axes=[-1], keepdims=0)
        node("Cast", [node("ArgMax", [logits], f"{task}.best", axis=-1, keepdims=0)], f"{task}.tags", to=TensorProto.INT32)
        outputs += [helper.make_tensor_value_info(f"{task}.tags", TensorProto.INT32, ["rows", "columns"]),
                    helper.make_tensor_value_info(f"{task}.scores", TensorProto.FLOAT, ["rows", "columns"])]
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["rows", "columns"])
              for name in ("input_ids", "attention_mask", "token_type_ids")]
    made = helper.make_model(helper.make_graph(nodes, "toy", inputs, outputs, constants + tensors), ir_version=8,
                             opset_imports=[helper.make_opsetid("", 17)])
    return made


VOCABULARY = ("[PAD] [UNK] [CLS] [SEP] [MASK] a b c d e f g h infinite large i j k l m n o p q r s t u v w x y z . , ! ? ' good bad cat dog "
              "the is was in anna paris 1 2 3 ##s ##ed ##ing ##er ##a ##b ##c ##d ##e ##n ##t ##o ##u").split()
assert len(VOCABULARY) == 64 and VOCABULARY[INFINITE] == "infinite" and VOCABULARY[LARGE] == "large"

data, tensors = weights()
(HERE / "weights.bin").write_bytes(data)
(HERE / "model.cpu.onnx").write_bytes(graph(tensors).SerializeToString())
(HERE / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n")


def checksum(name: str) -> str:
    return "sha256:" + hashlib.sha256((HERE / name).read_bytes()).hexdigest()


def text_task(name: str, kind: str, labels: list[str], **more) -> dict:
    return {"name": name, "kind": kind, "labels": labels, "outputs": {"probabilities": f"{name}.probabilities"}, "temperature": 1.0, **more,
            "data": [], "scores": {}}


def token_task(name: str, kind: str, labels: list[str]) -> dict:
    return {"name": name, "kind": kind, "labels": labels, "outputs": {"tags": f"{name}.tags", "scores": f"{name}.scores"}, "temperature": 1.0,
            "data": [{"name": "made up", "license": "Apache-2.0", "url": "make.py"}], "scores": {"accuracy": {"value": 0.5, "set": "made up"}}}


manifest = {
    "schema": "model-manifest.v1", "name": "toy", "version": "1.0.0", "encoder": {"base": "none"},
    "tokenizer": {"kind": "wordpiece", "files": {"vocab": "vocab.txt"}, "lowercase": True, "stripAccents": True, "caseIds": True, "words": True},
    "maxTokens": MAX_TOKENS, "window": {"overlap": 16}, "graphs": {"cpu": "model.cpu.onnx"},
    "inputs": {"ids": "input_ids", "mask": "attention_mask", "types": "token_type_ids"},
    "tasks": [
        text_task("mood", "single_label", ["low", "level", "high"], threshold=0.4),
        text_task("traits", "multi_label", ["red", "green", "blue", "grey"], thresholds=[0.5, 0.5, 0.6, 0.7]),
        token_task("tags", "token_tags", ["NOUN", "VERB", "X"]),
        token_task("names", "token_spans", ["O", "B-PER", "I-PER"]),
    ],
    "checksums": {name: checksum(name) for name in ("model.cpu.onnx", "weights.bin", "vocab.txt")},
}
(HERE / "model.json").write_text(json.dumps(manifest, indent=2) + "\n")
