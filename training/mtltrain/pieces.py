"""Which language a text is in, by its word pieces alone: a linear classifier over a small vector for each piece, each pair of neighbours and each piece in its letter case.

After fastText (Joulin et al. 2017, arXiv 1607.01759): pairs and cases share hashed rows. It needs nothing of the encoder, so a package gets it without a change of what it has.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from onnx import GraphProto, TensorProto, helper
from torch import Tensor, nn
from torch.nn import functional as F

from . import encoding, languages, tokenizer
from .calibrate import _temperature as temperature_of
from .encoding import Row
from .tasks import LANGUAGES

NAME = "language"
BUCKETS, SIZE = 1 << 15, 24
PAIR, CASE = (7919, 104729), (31, 65537)  # of the hashes; in int64 nothing overflows
EPOCHS, BATCH, RATE, SHORT = 16, 256, 0.02, 0.35
LIMIT = 128


@dataclass
class Pieces:
    """The classifier, over the ids of a package's vocabulary."""

    vectors: Tensor   # [vocabulary + BUCKETS, SIZE]
    weight: Tensor    # [SIZE, labels]
    bias: Tensor      # [labels]
    temperature: float = 1.0

    def logits(self, rows: list[Row]) -> Tensor:
        size = len(self.vectors) - BUCKETS
        found = [features(row.ids, row.cases, size) for row in rows]
        flat, offsets = _flat(found)
        return F.embedding_bag(flat, self.vectors, offsets, mode="sum") / torch.tensor([len(row) for row in rows])[:, None] @ self.weight + self.bias


def features(ids: np.ndarray, cases: np.ndarray, vocabulary: int) -> np.ndarray:
    """Rows of the table: each piece, each pair of neighbours, each piece in its letter case."""
    ids, cases = ids.astype(np.int64), cases.astype(np.int64)
    pairs = (ids[:-1] * PAIR[0] + ids[1:] * PAIR[1]) % BUCKETS
    cased = (ids * CASE[0] + cases * CASE[1]) % BUCKETS
    return np.concatenate([ids, vocabulary + pairs, vocabulary + cased])


def _flat(found: list[np.ndarray]) -> tuple[Tensor, Tensor]:
    lengths = np.array([len(f) for f in found])
    return torch.from_numpy(np.concatenate(found)), torch.from_numpy(np.concatenate([[0], lengths.cumsum()[:-1]]))


def examples(data: Path, vocab: Path, part: str) -> tuple[list[Row], np.ndarray, list[int]]:
    """Rows in a package's vocabulary, their labels, and the characters of each text."""
    found = languages.read(data, part)
    return numbered([e.text for e in found], vocab), np.array([e.labels[NAME] for e in found]), [len(e.text) for e in found]


def numbered(given: list[str], vocab: Path) -> list[Row]:
    """Texts as rows of a package's token numbers."""
    known = vocab.read_text(encoding="utf-8").split("\n")
    cls, sep = known.index("[CLS]"), known.index("[SEP]")
    rows = [encoding.row(tokens, LIMIT) for tokens in tokenizer.of(vocab).texts(given)]
    for row in rows:
        row.ids[0], row.ids[-1] = cls, sep
    return rows


def of(data: Path, vocab: Path) -> Pieces:
    """Fitted on train, its temperature on dev."""
    rows, labels, _ = examples(data, vocab, "train")
    found = fit(rows, labels, len(vocab.read_text(encoding="utf-8").rstrip("\n").split("\n")))
    dev, truth, _ = examples(data, vocab, "dev")
    found.temperature = temperature_of(found.logits(dev).numpy(), truth)
    return found


def fit(rows: list[Row], labels: np.ndarray, vocabulary: int, seed: int = 1) -> Pieces:
    """Half of the texts are cut short each time, and some lose their letter case: streams are short, and careless."""
    torch.manual_seed(seed)
    draw = np.random.default_rng(seed)
    table = nn.EmbeddingBag(vocabulary + BUCKETS, SIZE, mode="sum", sparse=True)
    nn.init.normal_(table.weight, std=0.05)
    classify = nn.Linear(SIZE, len(LANGUAGES))
    optimizers = [torch.optim.SparseAdam(table.parameters(), lr=RATE), torch.optim.Adam(classify.parameters(), lr=RATE / 3)]
    steps, step = EPOCHS * (len(rows) // BATCH), 0
    for _ in range(EPOCHS):
        order = draw.permutation(len(rows))
        for start in range(0, len(rows) - BATCH + 1, BATCH):
            for optimizer, rate in zip(optimizers, (RATE, RATE / 3)):
                optimizer.param_groups[0]["lr"] = rate * max(0.02, 1 - step / steps)
            chosen = order[start:start + BATCH]
            parts = [_noised(rows[i], draw) for i in chosen]
            flat, offsets = _flat([features(ids, cases, vocabulary) for ids, cases in parts])
            logits = classify(table(flat, offsets) / torch.tensor([len(ids) for ids, _ in parts])[:, None])
            loss = F.cross_entropy(logits, torch.from_numpy(labels[chosen]))
            for optimizer in optimizers:
                optimizer.zero_grad()
            loss.backward()
            for optimizer in optimizers:
                optimizer.step()
            step += 1
        print(f"{NAME}: {step} of {steps} steps, loss {loss.item():.3f}", flush=True)
    return Pieces(table.weight.detach(), classify.weight.detach().T.contiguous(), classify.bias.detach())


def _noised(row: Row, draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    ids, cases = row.ids, row.cases
    inner = len(ids) - 2
    if inner > 3 and draw.random() < SHORT:
        count = int(draw.integers(3, inner + 1))
        first = int(draw.integers(1, inner - count + 2))
        join = lambda a: np.concatenate([a[:1], a[first:first + count], a[-1:]])
        ids, cases = join(ids), join(cases)
    noise = draw.random()
    return ids, np.zeros_like(cases) if noise < 0.1 else np.full_like(cases, 2) if noise < 0.13 else cases


def rounded(found: Pieces) -> Pieces:
    """As int8 with a scale for each column holds it."""
    scales = found.vectors.abs().amax(0) / 127
    return Pieces(torch.round(found.vectors / scales) * scales, found.weight, found.bias, found.temperature)


def add(graph: GraphProto, found: Pieces, store, inputs: dict[str, str]) -> None:
    """Adds the classifier's nodes and its output `language.probabilities` to a graph.

    `store(name, array)` puts an array into the weight file and returns its initializer. Sums of int8 are whole numbers, so exact.
    """
    p = NAME
    scales = (found.vectors.abs().amax(0) / 127).numpy()
    graph.initializer.append(store(f"{p}.pieces", torch.round(found.vectors / torch.from_numpy(scales)).to(torch.int8).numpy()))
    graph.initializer.append(store(f"{p}.classify", (scales[:, None] * found.weight.numpy() / found.temperature).astype(np.float32)))
    graph.initializer.append(store(f"{p}.classify.bias", (found.bias.numpy() / found.temperature).astype(np.float32)))
    constant = lambda name, values: graph.initializer.append(helper.make_tensor(f"{p}/{name}", TensorProto.INT64, [] if np.isscalar(values) else [len(values)], [values] if np.isscalar(values) else values))
    node = lambda kind, given, name, **attributes: graph.node.append(helper.make_node(kind, given, [name if name.startswith(f"{p}.") else f"{p}/{name}"], name=f"{p}/node/{name}", **attributes))
    for name, value in (("left", PAIR[0]), ("right", PAIR[1]), ("piece", CASE[0]), ("case", CASE[1]), ("buckets", BUCKETS), ("vocabulary", len(found.vectors) - BUCKETS),
                        ("zero", [0]), ("one", [1]), ("last", [-1]), ("end", [2 ** 31])):
        constant(name, value)
    ids, mask, types = inputs["ids"], inputs["mask"], inputs["types"]
    node("Slice", [ids, f"{p}/zero", f"{p}/last", f"{p}/one"], "before")
    node("Slice", [ids, f"{p}/one", f"{p}/end", f"{p}/one"], "behind")
    node("Slice", [mask, f"{p}/one", f"{p}/end", f"{p}/one"], "paired")
    node("Mul", [f"{p}/before", f"{p}/left"], "pair0")
    node("Mul", [f"{p}/behind", f"{p}/right"], "pair1")
    node("Add", [f"{p}/pair0", f"{p}/pair1"], "pair2")
    node("Mul", [ids, f"{p}/piece"], "case0")
    node("Mul", [types, f"{p}/case"], "case1")
    node("Add", [f"{p}/case0", f"{p}/case1"], "case2")
    for kind in ("pair", "case"):
        node("Mod", [f"{p}/{kind}2", f"{p}/buckets"], f"{kind}3")
        node("Add", [f"{p}/{kind}3", f"{p}/vocabulary"], f"{kind}4")
    node("Concat", [ids, f"{p}/pair4", f"{p}/case4"], "places", axis=1)
    node("Concat", [mask, f"{p}/paired", mask], "real", axis=1)
    node("Gather", [f"{p}.pieces", f"{p}/places"], "rows")
    node("Cast", [f"{p}/rows"], "wide", to=TensorProto.FLOAT)
    node("Cast", [f"{p}/real"], "share", to=TensorProto.FLOAT)
    node("Unsqueeze", [f"{p}/share", f"{p}/one"], "shares")
    node("MatMul", [f"{p}/shares", f"{p}/wide"], "sums")
    node("Squeeze", [f"{p}/sums", f"{p}/one"], "sum")
    node("Cast", [mask], "count", to=TensorProto.FLOAT)
    node("ReduceSum", [f"{p}/count", f"{p}/one"], "counts", keepdims=1)
    node("Div", [f"{p}/sum", f"{p}/counts"], "mean")
    node("Gemm", [f"{p}/mean", f"{p}.classify", f"{p}.classify.bias"], "logits")
    node("Softmax", [f"{p}/logits"], f"{p}.probabilities", axis=-1)
    graph.output.append(helper.make_tensor_value_info(f"{p}.probabilities", TensorProto.FLOAT, ["rows", len(LANGUAGES)]))
