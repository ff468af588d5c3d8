"""A decoder that writes about what a package's encoder says of a text; a start token says what. The encoder stays as it is.

Pre-norm (Xiong et al. 2020, arXiv 2002.04745); the rows that pieces have are also the columns that their logits come from.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .bytepairs import BytePairs
from .model import Encoder, Layer, Matrix, Shape

PAD, END, UNKNOWN = 0, 1, 2
STARTS = {"translate_de": 3, "translate_fr": 4, "title": 5}
SPECIAL = ["<pad>", "</s>", "<unk>", *(f"<{task}>" for task in STARTS)]
KEPT = (3, 6)  # layers of the encoder that the decoder reads, beside the vectors that the first one begins with


@dataclass
class Sizes:
    """`pieces`: of the decoder's vocabulary. `reader`: inner units of the layer between encoder and decoder."""

    pieces: int = 8192
    layers: int = 2
    hidden: int = 384
    heads: int = 6
    inner: int = 1024
    reader: int = 768
    positions: int = 128


class Attention(nn.Module):
    """Of tokens to what came before them, or to a source: `kv` says of what keys and values are made."""

    def __init__(self, hidden: int, heads: int):
        super().__init__()
        self.heads = heads
        self.q, self.kv, self.out = Matrix(hidden, hidden), Matrix(hidden, 2 * hidden), Matrix(hidden, hidden)

    def split(self, x: Tensor) -> Tensor:
        """[rows, columns, hidden] -> [rows, heads, columns, size]"""
        rows, columns, hidden = x.shape
        return x.view(rows, columns, self.heads, hidden // self.heads).transpose(1, 2)

    def forward(self, x: Tensor, of: Tensor, mask: Tensor, of_mask: Tensor, bias: Tensor) -> Tensor:
        """`bias` [rows or 1, 1, columns or 1, of] hides with large negative numbers."""
        query, (key, value) = self.split(self.q(x, mask)), (self.split(part) for part in self.kv(of, of_mask).chunk(2, dim=-1))
        scores = query @ key.transpose(2, 3) * (1 / math.sqrt(query.shape[-1]))
        context = torch.softmax(scores.float() + bias, dim=-1).to(value.dtype) @ value
        return self.out(context.transpose(1, 2).reshape(x.shape), mask)


class DecoderLayer(nn.Module):
    def __init__(self, sizes: Sizes):
        super().__init__()
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(sizes.hidden) for _ in range(3))
        self.own, self.cross = Attention(sizes.hidden, sizes.heads), Attention(sizes.hidden, sizes.heads)
        self.ff1, self.ff2 = Matrix(sizes.hidden, sizes.inner), Matrix(sizes.inner, sizes.hidden)

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor, source_mask: Tensor, biases: tuple[Tensor, Tensor], dropout: float) -> Tensor:
        drop = lambda y: F.dropout(y.float(), dropout, self.training)
        y = self.norm1(x)
        x = x + drop(self.own(y, y, mask, mask, biases[0]))
        x = x + drop(self.cross(self.norm2(x), memory, mask, source_mask, biases[1]))
        return x + drop(self.ff2(F.relu(self.ff1(self.norm3(x), mask)), mask))


class Writer(nn.Module):
    """States of the encoder [rows, columns, 3 x hidden] and pieces written so far -> logits of the next one."""

    def __init__(self, sizes: Sizes):
        super().__init__()
        self.sizes = sizes
        shape = Shape(hidden=sizes.hidden, inner=sizes.reader)
        self.project = Matrix((len(KEPT) + 1) * sizes.hidden, sizes.hidden)
        self.norm = nn.LayerNorm(sizes.hidden)
        self.reader = Layer(shape)
        self.pieces = nn.Embedding(sizes.pieces, sizes.hidden, padding_idx=PAD)
        self.positions = nn.Embedding(sizes.positions, sizes.hidden)
        self.layers = nn.ModuleList(DecoderLayer(sizes) for _ in range(sizes.layers))
        self.last = nn.LayerNorm(sizes.hidden)
        self.logits = Matrix(sizes.hidden, sizes.pieces)
        self.logits.weight = self.pieces.weight
        self.dropout = 0.0
        nn.init.normal_(self.pieces.weight, std=0.04)
        nn.init.normal_(self.positions.weight, std=0.02)
        nn.init.zeros_(self.logits.bias)

    def read(self, states: Tensor, source_mask: Tensor) -> Tensor:
        """What the decoder attends to: [rows, columns, hidden]."""
        x = self.norm(self.project(states, source_mask).float())
        return self.reader(F.dropout(x, self.dropout, self.training), source_mask, hiding(source_mask), self.dropout)

    def write(self, memory: Tensor, source_mask: Tensor, written: Tensor, mask: Tensor) -> Tensor:
        columns = written.shape[1]
        x = F.dropout(self.pieces(written) + self.positions.weight[:columns], self.dropout, self.training)
        later = torch.full((columns, columns), -10000.0).triu(1)[None, None]
        for layer in self.layers:
            x = layer(x, memory, mask, source_mask, (later, hiding(source_mask)), self.dropout)
        return self.logits(self.last(x), mask)

    def forward(self, states: Tensor, source_mask: Tensor, written: Tensor, mask: Tensor) -> Tensor:
        return self.write(self.read(states, source_mask), source_mask, written, mask)

    def set_quantized(self, on: bool) -> None:
        """From now on every matrix computes with int8 weights and uint8 activations (simulated)."""
        for module in self.modules():
            if isinstance(module, Matrix):
                module.quantized, module.rounded = on, None


def hiding(mask: Tensor) -> Tensor:
    """[rows, columns] -> [rows, 1, 1, columns], large and negative where there is padding."""
    return (1.0 - mask)[:, None, None, :] * -10000.0


def embedded(encoder: Encoder, ids: Tensor, cases: Tensor) -> Tensor:
    """What the encoder's first layer begins with."""
    return encoder.norm(encoder.words(ids) + encoder.positions.weight[:ids.shape[1]] + encoder.cases(cases))


def states_of(encoder: Encoder, ids: Tensor, cases: Tensor, mask: Tensor) -> list[Tensor]:
    """What the layers `KEPT` say, each [rows, columns, hidden]."""
    x, bias, found = embedded(encoder, ids, cases), hiding(mask), []
    for number, layer in enumerate(encoder.layers, 1):
        x = layer(x, mask, bias, 0.0)
        if number in KEPT:
            found.append(x)
    return found


@torch.no_grad()
def greedy(model: Writer, states: Tensor, source_mask: Tensor, starts: list[int], most: int) -> list[list[int]]:
    """The likeliest piece after each other one; without a cache."""
    memory = model.read(states, source_mask)
    written = torch.tensor(starts)[:, None]
    done = torch.zeros(len(starts), dtype=torch.bool)
    for _ in range(most):
        best = model.write(memory, source_mask, written, torch.ones(written.shape))[:, -1].argmax(-1)
        best = torch.where(done, torch.full_like(best, PAD), best)
        written = torch.cat([written, best[:, None]], dim=1)
        done |= best == END
        if bool(done.all()):
            break
    return [[piece for piece in row[1:] if piece not in (PAD, END)] for row in written.tolist()]


def align(model: Writer, encoder: Encoder, examples: list[tuple[list[int], list[int]]]) -> None:
    """Begins each piece with the row of the source tokens that it comes with most (Dice's coefficient)."""
    together: dict[int, dict[int, int]] = {}
    sources: dict[int, int] = {}
    targets: dict[int, int] = {}
    for source, target in examples:
        for token in set(source):
            sources[token] = sources.get(token, 0) + 1
        for piece in set(target):
            targets[piece] = targets.get(piece, 0) + 1
            row = together.setdefault(piece, {})
            for token in set(source):
                row[token] = row.get(token, 0) + 1
    words = encoder.words.weight.detach()
    scale = model.pieces.weight.std() / words.std()
    with torch.no_grad():
        for piece, row in together.items():
            best = sorted(((2 * n / (sources[token] + targets[piece]), token) for token, n in row.items() if n > 1), reverse=True)[:3]
            if best and best[0][0] > 0.1:
                weights = torch.tensor([score for score, _ in best])
                mixed = (weights[:, None] * words[[token for _, token in best]]).sum(0) / weights.sum() * scale
                model.pieces.weight[piece] = 0.7 * mixed + 0.3 * model.pieces.weight[piece]


def pieces_of(pairs: BytePairs, text: str, most: int) -> list[int]:
    """A target without its start: its pieces and the end, cut where it is longer than the decoder can write."""
    return [*pairs.encode(text)[:most - 1], END]
