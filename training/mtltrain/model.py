"""One BERT-shaped encoder and a small head per task."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .quantize import round_activation, round_weight

TEXT_KINDS = ("single_label", "multi_label")
VECTOR_KINDS = ("vector", "reply_vectors")
TOKEN_KINDS = ("token_tags", "token_spans", "answer_span")


@dataclass(frozen=True)
class Task:
    """A head: what it is called, how its labels are read, and the labels in logit order; of vectors, how long they are."""

    name: str
    kind: str
    labels: tuple[str, ...] = ()
    size: int = 0

    @property
    def per_token(self) -> bool:
        return self.kind in TOKEN_KINDS


@dataclass
class Shape:
    """Sizes of the encoder. `positions` bounds the tokens of one text, special tokens included."""

    layers: int = 6
    hidden: int = 384
    heads: int = 12
    inner: int = 1536
    vocab: int = 30522
    positions: int = 256
    cases: int = 8  # a token's letter case, and 4 more in a question
    head_hidden: int = 224
    epsilon: float = 1e-12


class Matrix(nn.Linear):
    """A linear layer that can see its weight and its input as int8 would hold them."""

    quantized = False
    rounded: Tensor | None = None    # kept while nothing trains
    smoothing: Tensor | None = None  # [in], multiplied into the input; `quantize.smooth`
    span: tuple[float, float] | None = None  # of the input, as uint8 holds it; without it each text has its own. `quantize.fix_spans`

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        if self.smoothing is not None:
            x = x * self.smoothing.to(x.dtype)
        if not self.quantized:
            return F.linear(x, self.weight, self.bias)
        if torch.is_grad_enabled():
            return F.linear(round_activation(x, mask, self.span), round_weight(self.weight), self.bias)
        if self.rounded is None:
            self.rounded = round_weight(self.weight)
        return F.linear(round_activation(x, mask, self.span), self.rounded, self.bias)


class Layer(nn.Module):
    def __init__(self, shape: Shape):
        super().__init__()
        self.heads = shape.heads
        self.qkv = Matrix(shape.hidden, 3 * shape.hidden)
        self.out = Matrix(shape.hidden, shape.hidden)
        self.norm1 = nn.LayerNorm(shape.hidden, eps=shape.epsilon)
        self.ff1 = Matrix(shape.hidden, shape.inner)
        self.ff2 = Matrix(shape.inner, shape.hidden)
        self.norm2 = nn.LayerNorm(shape.hidden, eps=shape.epsilon)

    def forward(self, x: Tensor, mask: Tensor, bias: Tensor, dropout: float) -> Tensor:
        rows, columns, hidden = x.shape
        size = hidden // self.heads
        qkv = self.qkv(x, mask).view(rows, columns, 3, self.heads, size).permute(2, 0, 3, 1, 4)
        query, key, value = (part.reshape(rows * self.heads, columns, size) for part in qkv)
        scores = torch.bmm(query, key.transpose(1, 2)).view(rows, self.heads, columns, columns)
        weights = torch.softmax(scores.float() * (1 / math.sqrt(size)) + bias, dim=-1)
        context = torch.bmm(weights.view(rows * self.heads, columns, columns).to(value.dtype), value)
        context = context.view(rows, self.heads, columns, size).transpose(1, 2).reshape(rows, columns, hidden)
        x = self.norm1(x + F.dropout(self.out(context, mask).float(), dropout, self.training))
        inner = F.gelu(self.ff1(x, mask))
        return self.norm2(x + F.dropout(self.ff2(inner, mask).float(), dropout, self.training))


class Encoder(nn.Module):
    def __init__(self, shape: Shape):
        super().__init__()
        self.shape = shape
        self.words = nn.Embedding(shape.vocab, shape.hidden)
        self.positions = nn.Embedding(shape.positions, shape.hidden)
        self.cases = nn.Embedding(shape.cases, shape.hidden)
        self.norm = nn.LayerNorm(shape.hidden, eps=shape.epsilon)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))

    def forward(self, word_vectors: Tensor, cases: Tensor, mask: Tensor, dropout: float) -> Tensor:
        """Vectors of the words [rows, columns, hidden] and their letter cases -> hidden states, same shape."""
        columns = cases.shape[1]
        x = self.norm(word_vectors + self.positions.weight[:columns] + self.cases(cases))
        x = F.dropout(x, dropout, self.training)
        bias = (1.0 - mask)[:, None, None, :] * -10000.0
        for layer in self.layers:
            x = layer(x, mask, bias, dropout)
        return x


class TextHead(nn.Module):
    """Pools with its own attention over the tokens (it starts as the mean), then a small tanh layer."""

    def __init__(self, shape: Shape, labels: int):
        super().__init__()
        self.query = nn.Parameter(torch.zeros(shape.hidden))
        self.dense = Matrix(shape.hidden, shape.head_hidden)
        self.classify = Matrix(shape.head_hidden, labels)

    def forward(self, hidden: Tensor, mask: Tensor, dropout: float) -> Tensor:
        scores = hidden.float() @ self.query + (1.0 - mask) * -10000.0
        pooled = torch.einsum("rc,rch->rh", torch.softmax(scores, dim=1), hidden.float())
        inner = torch.tanh(self.dense(F.dropout(pooled, dropout, self.training)).float())
        return self.classify(F.dropout(inner, dropout, self.training)).float()


class TokenHead(nn.Module):
    def __init__(self, shape: Shape, labels: int):
        super().__init__()
        self.dense = Matrix(shape.hidden, shape.head_hidden)
        self.classify = Matrix(shape.head_hidden, labels)

    def forward(self, hidden: Tensor, mask: Tensor, dropout: float) -> Tensor:
        inner = torch.tanh(self.dense(F.dropout(hidden, dropout, self.training), mask).float())
        return self.classify(F.dropout(inner, dropout, self.training), mask).float()


class VectorHead(nn.Module):
    """Pools with its own attention (it starts as the mean) and projects: a vector of length 1."""

    def __init__(self, shape: Shape, size: int):
        super().__init__()
        self.query = nn.Parameter(torch.zeros(shape.hidden))
        self.project = Matrix(shape.hidden, size)
        with torch.no_grad():  # as near to the mean of the states as `size` allows
            nn.init.orthogonal_(self.project.weight) if size != shape.hidden else self.project.weight.copy_(torch.eye(size))
            self.project.bias.zero_()

    def forward(self, hidden: Tensor, mask: Tensor, dropout: float) -> Tensor:
        scores = hidden.float() @ self.query + (1.0 - mask) * -10000.0
        pooled = torch.einsum("rc,rch->rh", torch.softmax(scores, dim=1), hidden.float())
        return F.normalize(self.project(F.dropout(pooled, dropout, self.training)).float(), dim=-1)


class ReplyHead(nn.Module):
    """Two vectors of each text, as what was said and as what may be said next: [rows, 2, size]."""

    def __init__(self, shape: Shape, size: int):
        super().__init__()
        self.said, self.next = VectorHead(shape, size), VectorHead(shape, size)
        self.next.load_state_dict(self.said.state_dict())

    def forward(self, hidden: Tensor, mask: Tensor, dropout: float) -> Tensor:
        return torch.stack([self.said(hidden, mask, dropout), self.next(hidden, mask, dropout)], dim=1)


def pooling(task: Task) -> list[str]:
    """Parts of a task's head that pool, each with its query: "" for the head itself."""
    return [] if task.per_token else ["said", "next"] if task.kind == "reply_vectors" else [""]


def head(task: Task, shape: Shape) -> nn.Module:
    if task.kind == "vector":
        return VectorHead(shape, task.size)
    if task.kind == "reply_vectors":
        return ReplyHead(shape, task.size)
    return (TokenHead if task.per_token else TextHead)(shape, len(task.labels))


class Lexical:
    """Logits from the pieces of a text alone; `lexical.py` fits it. Not trained further."""

    FLOOR = 1e-6  # of the norm's square: a text of padding alone has none

    def __init__(self, places: Tensor, table: Tensor):
        """`places` [vocabulary]: each piece's row of `table` [rows, labels + 1], whose last column holds the squares of the text's norm; row 0 is padding."""
        self.places, self.table = places, table

    def __call__(self, ids: Tensor) -> Tensor:
        """[rows, columns] -> [rows, labels]"""
        found = self.table[self.places[ids]].sum(1)
        return found[:, :-1] / (found[:, -1:] + self.FLOOR).sqrt()


class MultitaskModel(nn.Module):
    def __init__(self, shape: Shape, tasks: list[Task]):
        super().__init__()
        self.shape, self.tasks = shape, {task.name: task for task in tasks}
        self.encoder = Encoder(shape)
        self.heads = nn.ModuleDict({task.name: head(task, shape) for task in tasks})
        self.lexical: dict[str, Lexical] = {}
        self.dropout, self.head_dropout = 0.0, 0.1

    @property
    def device(self) -> torch.device:
        return self.encoder.words.weight.device

    def encode(self, word_vectors: Tensor, cases: Tensor, mask: Tensor) -> Tensor:
        return self.encoder(word_vectors, cases, mask, self.dropout)

    def head(self, task: str, hidden: Tensor, mask: Tensor) -> Tensor:
        """Logits: [rows, labels] of a text-level task, [rows, columns, labels] of a token-level one; vectors [rows, size], of replies [rows, 2, size]."""
        return self.heads[task](hidden, mask, self.head_dropout)

    def forward(self, ids: Tensor, cases: Tensor, mask: Tensor, tasks: list[str] | None = None) -> dict[str, Tensor]:
        hidden = self.encode(self.encoder.words(ids), cases, mask)
        logits = {name: self.head(name, hidden, mask) for name in tasks or self.heads}
        return {name: found + self.lexical[name](ids) if name in self.lexical else found for name, found in logits.items()}

    def set_quantized(self, on: bool) -> None:
        """From now on every matrix computes with int8 weights and uint8 activations (simulated). Call it again when weights changed."""
        for module in self.modules():
            if isinstance(module, Matrix):
                module.quantized, module.rounded = on, None
