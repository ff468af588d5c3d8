"""Tasks beside those of a package, on layers of their own: the package's first layers stay as they are, and what they say enters a branch.

Nothing that the package has is trained, so every output that it had keeps its bits. A branch is left out of a graph whose tasks do not need it.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from . import dataset, evaluate, initial, measures, pretrained
from .encoding import END, QUESTION, Row
from .losses import losses
from .model import Layer, Matrix, MultitaskModel, Shape
from .sampling import CaseNoise, Corpus, Sampler, collate
from .tasks import TASKS

TASK_NAMES = ("answer", "compress", "summary", "reply")
SHARED = 3            # layers of the package that the branch begins after
INNER = (640, 448, 448)  # inner units of the branch's layers; the package's have 1,536
# Of the tokens that training sees.
TOKEN_SHARES = {"answers": 0.48, "qamr": 0.20, "replies": 0.18, "compression": 0.07, "abstracts": 0.04, "posts": 0.03}
FACTORS = {"compress": 0.7, "summary": 0.15}  # summary: a label for each word, and all words of a sentence have the same
EMPTY_WINDOWS = 0.4   # of the windows of an answered question that do not hold its answer
BETAS, EPSILON, DECAY, CLIP = (0.9, 0.98), 1e-8, 0.01, 2.0


@dataclass
class Settings:
    """Of one run; a rate that falls to nothing by `seconds`, whatever the machine does beside it."""

    seconds: float
    rate: float = 2.5e-4
    head_factor: float = 3.0
    warmup: float = 0.03      # of the time
    padded_tokens: int = 1024
    max_rows: int = 64
    micro_batches: int = 2
    rows_per_step: float = 64.0
    dropout: float = 0.05
    word_dropout: float = 0.02
    case_noise: float = 0.05
    seed: int = 71
    checkpoint_seconds: float = 180
    evaluate_seconds: float = 900
    dev_rows: int = 300


class Branch(MultitaskModel):
    """The package's encoder, of which the layers from `SHARED` on are the branch's own, and its heads."""

    def __init__(self, shape: Shape, names: tuple[str, ...] = TASK_NAMES, shared: int = SHARED, inner: tuple[int, ...] = INNER):
        super().__init__(shape, [task for task in TASKS if task.name in names])
        self.shared = shared
        for layer, units in zip(self.encoder.layers[shared:], inner):
            layer.ff1, layer.ff2 = Matrix(shape.hidden, units), Matrix(units, shape.hidden)
        self.segment = nn.Parameter(torch.zeros(shape.hidden))  # added to a question's tokens where the branch begins
        self.dropout = 0.0

    @property
    def own(self) -> list[tuple[str, nn.Parameter]]:
        """What is trained."""
        kept = tuple(f"encoder.layers.{i}." for i in range(self.shared)) + ("encoder.words", "encoder.positions", "encoder.cases", "encoder.norm")
        return [(name, p) for name, p in self.named_parameters() if not name.startswith(kept)]

    def trunk(self, word_vectors: Tensor, cases: Tensor, mask: Tensor) -> Tensor:
        """What the package's first layers say; a question reads as any text does."""
        encoder = self.encoder
        with torch.no_grad():
            x = encoder.norm(word_vectors + encoder.positions.weight[:cases.shape[1]] + encoder.cases(cases & (QUESTION - 1)))
            bias = (1.0 - mask)[:, None, None, :] * -10000.0
            for layer in encoder.layers[:self.shared]:
                x = layer(x, mask, bias, 0.0)
        return x.float()

    def encode(self, word_vectors: Tensor, cases: Tensor, mask: Tensor) -> Tensor:
        x = self.trunk(word_vectors, cases, mask)
        x = x + (cases >= QUESTION).float().unsqueeze(-1) * self.segment
        x = F.dropout(x, self.dropout, self.training)
        bias = (1.0 - mask)[:, None, None, :] * -10000.0
        for layer in self.encoder.layers[self.shared:]:
            x = layer(x, mask, bias, self.dropout)
        return x


def begin(package: Path, vocab: Path, inner: tuple[int, ...] = INNER) -> Branch:
    """A branch whose layers are copies of the package's own, with those of their inner units that its weights use most, and whose heads are untrained."""
    torch.manual_seed(1)
    shape = Shape(layers=6, positions=128)
    model = Branch(shape, inner=(shape.inner,) * (shape.layers - SHARED))
    for head in model.heads.values():
        if hasattr(head, "classify"):
            nn.init.normal_(head.classify.weight, std=0.02)
            nn.init.zeros_(head.classify.bias)
    weights = initial.encoder_of(package, vocab, len(model.encoder.words.weight), model.shape)
    model.encoder.load_state_dict(weights)
    for layer, units in zip(model.encoder.layers[model.shared:], inner):
        narrow(layer, layer.ff1.weight.norm(dim=1) * layer.ff2.weight.norm(dim=0), units)
    return model


def narrow(layer: Layer, worth: Tensor, inner: int) -> None:
    """Leaves a layer the `inner` units of its feed-forward part that are worth most."""
    kept = worth.topk(min(inner, len(worth))).indices.sort().values
    first, second = Matrix(layer.ff1.in_features, len(kept)), Matrix(len(kept), layer.ff2.out_features)
    with torch.no_grad():
        first.weight.copy_(layer.ff1.weight[kept])
        first.bias.copy_(layer.ff1.bias[kept])
        second.weight.copy_(layer.ff2.weight[:, kept])
        second.bias.copy_(layer.ff2.bias)
    layer.ff1, layer.ff2 = first, second


def corpora(data: Path, cache: Path, vocab: Path, settings: Settings) -> Sampler:
    """Corpora drawn so that each has its share of the tokens."""
    members, weights = [], []
    for name, share in TOKEN_SHARES.items():
        rows = dataset.rows(data, cache, vocab, name, "train", 128 if name in ("answers", "qamr") else dataset.LONG)
        rows = _answered(rows) if name in ("answers", "qamr") else rows
        rows = [row for row in rows if len(row) > 2 and (row.reply is None or len(row.reply) <= 128)]
        members.append(Corpus(name, rows, 1.0, 128, settings.seed, apart=name == "replies"))
        length = np.mean([min(len(row), 128) + (len(row.reply) if row.reply else 0) for row in rows])
        weights.append(share / length)
        print(f"{name}: {len(rows)} rows of {length:.0f} tokens", flush=True)
    sampler = Sampler(members, 1.0, settings.padded_tokens, settings.max_rows, settings.seed)
    sampler.weights = weights
    return sampler


def _answered(rows: list[Row]) -> list[Row]:
    """Without most of the windows that do not hold the answer that their question has; `encoding.encode` makes neighbours of a text's windows."""
    draw, kept = random.Random(3), []
    for row in rows:
        if not row.labels["answer"][0] & END or draw.random() < EMPTY_WINDOWS:
            kept.append(row)
    return kept


def train(package: Path, data: Path, cache: Path, out: Path, settings: Settings) -> Branch:
    """Trains, or goes on from `out/checkpoint.pt`; writes checkpoints, `log.txt` and `model.pt` into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    vocab = pretrained.vocab(cache)
    model = begin(package, vocab)
    trained = model.own
    names = {name for name, _ in trained}
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in names)
    groups = [{"params": [p for n, p in trained if n.startswith("heads.") == head and (p.dim() > 1) == decays], "factor": settings.head_factor if head else 1.0,
               "weight_decay": DECAY if decays else 0.0} for head in (False, True) for decays in (False, True)]
    optimizer = torch.optim.AdamW(groups, lr=settings.rate, betas=BETAS, eps=EPSILON, foreach=True)
    sampler = corpora(data, cache, vocab, settings)
    noise = CaseNoise(settings.case_noise, vocab.read_text(encoding="utf-8").split("\n"))
    step, tokens, before, checkpoint = 0, 0, 0.0, out / "checkpoint.pt"
    if checkpoint.exists():
        saved = torch.load(checkpoint, map_location="cpu")
        model.load_state_dict(saved["model"])
        if "optimizer" in saved:
            optimizer.load_state_dict(saved["optimizer"])
        sampler.load(saved["sampler"])
        step, tokens, before = saved["step"], saved["tokens"], saved["seconds"]
        print(f"resumed at step {step}, {before:.0f} of {settings.seconds:.0f} s", flush=True)
    model.dropout = settings.dropout
    model.train()
    log = (out / "log.txt").open("a", encoding="utf-8")
    began = saved_at = evaluated_at = told_at = time.time()
    recent: dict[str, float] = {}
    told_tokens = tokens

    def say(line: str) -> None:
        print(line, flush=True)
        log.write(line + "\n")
        log.flush()

    def save() -> None:
        torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "sampler": sampler.state(), "step": step, "tokens": tokens,
                    "seconds": before + time.time() - began, "settings": vars(settings)}, out / "checkpoint.tmp")
        (out / "checkpoint.tmp").replace(checkpoint)

    while (progress := (before + time.time() - began) / settings.seconds) < 1 and not (out / "stop").exists():
        scale = min(1.0, (progress + 1e-3) / settings.warmup) * (1 - progress)
        for group in optimizer.param_groups:
            group["lr"] = settings.rate * group["factor"] * scale
        found: dict[str, float] = {}
        counts: dict[str, int] = {}
        for index in range(settings.micro_batches):
            batch = collate(sampler.next(), random.Random(settings.seed * 1_000_003 + step * 16 + index), settings.word_dropout, noise)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                hidden = model.encode(model.encoder.words(batch.ids), batch.cases, batch.mask)
                parts = losses(model, batch, hidden, settings.rows_per_step)
            sum(value * FACTORS.get(task, 1.0) for task, value in parts.items()).backward()
            tokens += batch.tokens
            for task, value in parts.items():
                found[task] = found.get(task, 0.0) + float(value)
                counts[task] = counts.get(task, 0) + batch.count(task)
        norm = float(nn.utils.clip_grad_norm_([p for _, p in trained], CLIP))
        if np.isfinite(norm):
            optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step += 1
        for task, value in found.items():
            value = value * settings.rows_per_step / counts[task]
            recent[task] = value if task not in recent else 0.97 * recent[task] + 0.03 * value
        now = time.time()
        if step % 50 == 0:
            say(f"{step} {progress:.3f} {(tokens - told_tokens) / (now - told_at):.0f} tok/s {tokens} norm {norm:.2f} " + " ".join(f"{t} {v:.3f}" for t, v in recent.items()))
            told_at, told_tokens = now, tokens
        if now - evaluated_at > settings.evaluate_seconds:
            save()
            say(f"{step} dev " + str(scores(model, data, cache, vocab, "dev", settings.dev_rows, amp=True)))
            evaluated_at = saved_at = told_at = time.time()
            told_tokens = tokens
            model.train()
        elif now - saved_at > settings.checkpoint_seconds:
            save()
            saved_at = time.time()
    save()
    model.eval()
    torch.save(model.state_dict(), out / "model.pt")
    say(f"{step} dev " + str(scores(model, data, cache, vocab, "dev", 0, amp=True)))
    return model


def scores(model: Branch, data: Path, cache: Path, vocab: Path, part: str, most: int = 0, amp: bool = False) -> dict:
    result: dict = {}
    model.eval()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=amp):
        for task in model.tasks:
            if task in measures.OWN:
                result[task] = measures.own(model, task, data, cache, vocab, part, 128, most)
            else:
                rows = evaluate.labelled(data, cache, vocab, task, part, 128, most)
                result[task] = round(evaluate.score(model.tasks[task], rows, evaluate.predict(model, rows, [task])[task]), 4)
    return result
