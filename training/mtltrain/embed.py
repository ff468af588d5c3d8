"""A task of kind `vector` added to a package whose encoder stays as it is: gte-small's vectors out of the means of the layers.

Nothing that the package has is changed: the graphs get more nodes, weights.bin grows at its end. So the other tasks keep every bit of their outputs.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn
from torch.nn import functional as F

from . import encoding, initial, measures, sources, texts, tokenizer, vectors
from .model import MultitaskModel, Shape
from .package import dump
from .sampling import collate, cut
from .tasks import TASKS

NAME, SIZE, INNER = "embedding", 384, 1024
LEAST_LAYER = 2   # the first layer says least by itself
FEATURES = "taught/features"  # as `mtlstream teach` names them, which takes what is there
# Texts of each source, the first ones of `texts.sources`.
SHARES = {"queries": 8_000, "questions": 6_000, "paragraphs": 1_000, "tweets": 4_500, "comments": 5_000, "turns": 5_000, "stream": 14_000, "requests": 2_000,
          "reviews": 3_000, "posts": 700, "captions": 3_000, "abstracts": 1_200, "titles": 3_000, "news": 2_500, "sentences": 2_000}
EPOCHS, BATCH, RATE, DECAY, DROPOUT = 12, 256, 1e-3, 0.01, 0.05
DEV = 1_000


class Projection(nn.Module):
    """From standardised features to a vector of length 1: one hidden layer, and a way around it."""

    def __init__(self, features: int, inner: int = INNER, size: int = SIZE):
        super().__init__()
        self.hidden, self.out, self.around = nn.Linear(features, inner), nn.Linear(inner, size), nn.Linear(features, size)
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("deviation", torch.ones(features))

    def forward(self, features: Tensor) -> Tensor:
        x = (features - self.mean) / self.deviation
        inner = F.dropout(F.gelu(self.hidden(F.dropout(x, DROPOUT, self.training))), DROPOUT, self.training)
        return F.normalize((self.out(inner) + self.around(x)).float(), dim=-1)


def add(package: Path, data: Path, cache: Path, out: Path, version: str) -> None:
    """Trains the projection and writes the package with it."""
    found = texts.sources(data, "train")
    given = [text for name, most in SHARES.items() for text in found[name][:most]]
    projection, scores = fit(features(package, given), vectors.of_texts(given, cache))
    write(package, projection, out, version, scores)


def features(package: Path, given: list[str]) -> np.ndarray:
    """[texts, 384 x layers read], half precision: means over the tokens of the embeddings and of the layers from the second on."""
    manifest = json.loads((package / "model.json").read_text(encoding="utf-8"))
    limit = manifest["maxTokens"]
    names = {task["name"] for task in manifest["tasks"]}
    model = MultitaskModel(Shape(layers=manifest["encoder"]["layers"], positions=limit), [task for task in TASKS if task.name in names])
    initial.load(model, package, package / "vocab.txt")
    model.eval()
    rows = [encoding.row(tokens, limit) for tokens in tokenizer.of(package / "vocab.txt").texts(given)]
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    result, at = np.zeros((len(rows), SIZE * model.shape.layers), np.float16), 0
    with torch.no_grad():
        for part in cut([rows[i] for i in order], 4096, 128):
            result[order[at:at + len(part)]] = _means(model, collate(part))
            at += len(part)
    return result


def _means(model: MultitaskModel, batch) -> np.ndarray:
    encoder, columns = model.encoder, batch.cases.shape[1]
    bias = (1 - batch.mask)[:, None, None, :] * -10000.0
    with torch.autocast("cpu", dtype=torch.bfloat16):
        x = encoder.norm(encoder.words(batch.ids) + encoder.positions.weight[:columns] + encoder.cases(batch.cases))
        states = [x]
        for place, layer in enumerate(encoder.layers, 1):
            x = layer(x, batch.mask, bias, 0.0)
            if place >= LEAST_LAYER:
                states.append(x)
    share = (batch.mask / batch.mask.sum(1, keepdim=True))[:, :, None]
    return torch.cat([(state.float() * share).sum(1) for state in states], 1).numpy()


def fit(given: np.ndarray, wanted: np.ndarray) -> tuple[Projection, dict]:
    """`given` [texts, features], `wanted` [texts, 384]. Scores are on `DEV` texts left out."""
    torch.manual_seed(1)
    draw = np.random.RandomState(0)
    order = draw.permutation(len(given))
    dev, rest = order[:DEV], order[DEV:]
    projection = Projection(given.shape[1])
    sample = given[rest].astype(np.float32)
    projection.mean, projection.deviation = torch.from_numpy(sample.mean(0)), torch.from_numpy(sample.std(0) + 1e-3)
    steps = EPOCHS * (len(rest) // BATCH)
    optimizer = torch.optim.AdamW(projection.parameters(), lr=RATE, weight_decay=DECAY)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, steps, pct_start=0.05)
    for step in range(steps):
        if step % (len(rest) // BATCH) == 0:
            draw.shuffle(rest)
        rows = rest[step * BATCH % (len(rest) - BATCH):][:BATCH]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = projection(torch.from_numpy(given[rows].astype(np.float32)))
        loss = _loss(found, torch.from_numpy(wanted[rows].astype(np.float32)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rate.step()
        if (step + 1) % 200 == 0 or step + 1 == steps:
            print(f"{NAME} {step + 1}/{steps} loss {loss.item():.4f}", flush=True)
    projection.eval()
    with torch.no_grad():
        found = projection(torch.from_numpy(given[dev].astype(np.float32))).numpy()
    return projection, measures.agreement(found, F.normalize(torch.from_numpy(wanted[dev].astype(np.float32)), dim=-1).numpy())


def _loss(found: Tensor, wanted: Tensor) -> Tensor:
    """Each vector near its target, and the texts of the batch as like each other as their targets are."""
    alike = (found @ found.T - wanted @ wanted.T).square().sum() / (len(found) - 1)
    return (4 * (1 - (found * wanted).sum(-1)).sum() + 8 * alike) / len(found)


def write(package: Path, projection: Projection, out: Path, version: str, scores: dict) -> None:
    """The package with one more task."""
    if out.exists():
        raise SystemExit(f"{out} exists; expected a new folder")
    shutil.copytree(package, out)
    manifest = json.loads((out / "model.json").read_text(encoding="utf-8"))
    tensors = _tensors(projection)
    places = _append(out / "weights.bin", tensors)
    for graph in dict.fromkeys(manifest["graphs"].values()):
        model = onnx.load(str(out / graph), load_external_data=False)
        _extend(model.graph, tensors, places, manifest["inputs"]["mask"])
        onnx.save(model, str(out / graph))
    described = sources.SOURCES["texts"]
    manifest["version"] = version
    manifest["tasks"].append({
        "name": NAME, "kind": "vector", "size": SIZE, "outputs": {"vector": f"{NAME}.vector"},
        "data": [{"name": described.name, "license": described.licence, "url": described.url}],
        "scores": {metric: {"value": round(value, 5), "set": f"agreement with gte-small on {DEV} texts left out"} for metric, value in scores.items()}})
    _save(out, manifest)
    _add_golden(out, manifest)
    _save(out, manifest)


def _save(out: Path, manifest: dict) -> None:
    manifest["checksums"] = {file: "sha256:" + hashlib.sha256((out / file).read_bytes()).hexdigest() for file in manifest["checksums"]}
    dump(out / "model.json", manifest)


def _add_golden(out: Path, manifest: dict) -> None:
    """What the program says about the golden texts."""
    path = out / manifest["golden"]
    golden = json.loads(path.read_text(encoding="utf-8"))
    lines = "".join(json.dumps({"text": text["text"]}) + "\n" for text in golden["texts"])
    program = os.environ.get("MTLSTREAM_PROGRAM", str(Path(__file__).parents[2] / "mtlstream"))
    said = subprocess.run([program, "annotate", "-", "--model", str(out), "--tasks", NAME], input=lines, capture_output=True, text=True, check=True).stdout
    for text, line in zip(golden["texts"], said.splitlines(), strict=True):
        text["outputs"][f"{NAME}.vector"] = json.loads(line)["analysis"]["tasks"][NAME]["vector"]
    dump(path, golden)


def _tensors(projection: Projection) -> dict[str, np.ndarray]:
    """Matrices [in, out] as int8 with a scale for each column; the standardisation is worked into them."""
    result: dict[str, np.ndarray] = {}
    for name, layer, standardised in (("hidden", projection.hidden, True), ("out", projection.out, False), ("around", projection.around, True)):
        matrix, bias = layer.weight.detach().numpy().T.astype(np.float64), layer.bias.detach().numpy().astype(np.float64)
        if standardised:
            matrix = matrix / projection.deviation.numpy()[:, None]
        scales = np.abs(matrix).max(0) / 127
        whole = np.rint(matrix / scales).astype(np.int8)
        if standardised:
            bias = bias - projection.mean.numpy() @ (whole * scales)
        result |= {f"{NAME}.{name}": whole, f"{NAME}.{name}.scales": scales.astype(np.float32), f"{NAME}.{name}.bias": bias.astype(np.float32)}
    return result


def _append(weights: Path, tensors: dict[str, np.ndarray]) -> dict[str, tuple[int, int]]:
    places = {}
    with weights.open("ab") as file:
        for name, values in tensors.items():
            file.write(b"\0" * (-file.tell() % 64))
            places[name] = (file.tell(), values.nbytes)
            file.write(values.tobytes())
    return places


def _extend(graph: onnx.GraphProto, tensors: dict[str, np.ndarray], places: dict[str, tuple[int, int]], mask: str) -> None:
    for name, values in tensors.items():
        tensor = TensorProto(name=name, dims=values.shape, data_type=helper.np_dtype_to_tensor_dtype(values.dtype) if hasattr(helper, "np_dtype_to_tensor_dtype")
                             else onnx.mapping.NP_TYPE_TO_TENSOR_TYPE[values.dtype], data_location=TensorProto.EXTERNAL)
        for key, value in (("location", "weights.bin"), ("offset", places[name][0]), ("length", places[name][1])):
            tensor.external_data.add(key=key, value=str(value))
        graph.initializer.append(tensor)
    _add_features(graph, mask)
    constant = lambda name, value: graph.initializer.append(numpy_helper.from_array(np.array(value), f"{NAME}/{name}"))
    for name, value in (("root", np.float32(math.sqrt(2))), ("one", np.float32(1)), ("half", np.float32(0.5)), ("least", np.float32(1e-12))):
        constant(name, value)
    node = lambda op, inputs, output, **attributes: graph.node.append(helper.make_node(op, inputs, [f"{NAME}{output}"], name=f"{NAME}{output}", **attributes))
    for layer, given in (("hidden", FEATURES), ("around", FEATURES), ("out", f"{NAME}/gelu")):
        node("Cast", [f"{NAME}.{layer}"], f"/{layer}.float", to=TensorProto.FLOAT)
        node("Mul", [f"{NAME}/{layer}.float", f"{NAME}.{layer}.scales"], f"/{layer}.matrix")
        node("Gemm", [given, f"{NAME}/{layer}.matrix", f"{NAME}.{layer}.bias"], f"/{layer}")
        if layer == "hidden":
            node("Div", [f"{NAME}/hidden", f"{NAME}/root"], "/scaled")
            node("Erf", [f"{NAME}/scaled"], "/erf")
            node("Add", [f"{NAME}/erf", f"{NAME}/one"], "/more")
            node("Mul", [f"{NAME}/hidden", f"{NAME}/more"], "/twice")
            node("Mul", [f"{NAME}/twice", f"{NAME}/half"], "/gelu")
    node("Add", [f"{NAME}/out", f"{NAME}/around"], "/sum")
    node("ReduceL2", [f"{NAME}/sum"], "/length", axes=[1], keepdims=1)
    node("Max", [f"{NAME}/length", f"{NAME}/least"], "/divisor")
    node("Div", [f"{NAME}/sum", f"{NAME}/divisor"], ".vector")
    graph.output.append(helper.make_tensor_value_info(f"{NAME}.vector", TensorProto.FLOAT, [None, SIZE]))


def _add_features(graph: onnx.GraphProto, mask: str) -> None:
    """As src/MtlStream.Learning/Features/FeatureGraph.cs adds them."""
    norms = [node for node in graph.node if node.op_type in ("LayerNormalization", "SkipLayerNormalization")]
    layers = [norms[0], *norms[2::2][LEAST_LAYER - 1:]]
    floats = {tensor.name for tensor in graph.initializer if tensor.data_type == TensorProto.FLOAT}
    for name, value in (("taught/axis", 1), ("taught/place", 1)):
        graph.initializer.append(numpy_helper.from_array(np.array([value], np.int64), name))
    add = lambda op, inputs, output, **attributes: graph.node.append(helper.make_node(op, inputs, [output], name=output, **attributes))
    add("Cast", [mask], "taught/cast0", to=TensorProto.FLOAT)
    add("ReduceSum", ["taught/cast0", "taught/axis"], "taught/reducesum1")
    add("Div", ["taught/cast0", "taught/reducesum1"], "taught/div2")
    add("Unsqueeze", ["taught/div2", "taught/place"], "taught/unsqueeze3")
    means = []
    for place, layer in enumerate(layers):
        state = layer.output[0]
        scale = layer.input[1 if layer.op_type == "LayerNormalization" else 2]
        if scale not in floats:
            add("Cast", [state], f"taught/float{place}", to=TensorProto.FLOAT)
            state = f"taught/float{place}"
        means.append(f"taught/mean{place}")
        add("MatMul", ["taught/unsqueeze3", state], means[-1])
    add("Concat", means, "taught/joined", axis=2)
    add("Squeeze", ["taught/joined", "taught/place"], FEATURES)
