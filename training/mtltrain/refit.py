"""The head of a task of texts anew, over an encoder that stays as it is: from its labels, from what it said, and from counter-examples.

What is pooled for the head stays too, so only its two matrices change.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from . import counterexamples, emoji, texts
from .calibrate import _temperature
from .corpora import Example
from .evaluate import softmax
from .metrics import macro_f1, macro_recall
from .model import MultitaskModel
from .quantize import to_int8
from .readers import CORPORA
from .sampling import collate, cut

EPOCHS, BATCH, RATE, DECAY, DROPOUT = 12, 256, 6e-4, 0.01, 0.1
SAID = 0.6          # of a labelled text's target is what the head said
SHARES = (0.1, 0.2, 0.4)  # of the whole weight, that counter-examples may have
OLD = 0.25          # of what is written is the head as it was: the mean of weights keeps more of what it knew
LOSS = 0.001        # of the score on dev that they may cost


@dataclass
class Texts:
    """Pooled [texts, hidden], and probabilities [texts, labels] that are to be said of each."""

    pooled: Tensor
    wanted: Tensor


class Pooled:
    """A package's encoder up to what a task's head pools; with the rows of emoji if there are any."""

    def __init__(self, package: Path, task: str, extended: Path | None = None, table: Tensor | None = None):
        self.model = emoji.load(package)
        self.reader = emoji.Reader(package / "vocab.txt", extended or package / "vocab.txt")
        self.task, self.table = task, table if table is not None else self.model.encoder.words.weight[:1]
        self.head = self.model.heads[task]

    def of(self, given: list[str]) -> Tensor:
        rows = self.reader.rows([emoji.plain(text) for text in given])
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
        result, at, head = torch.zeros(len(rows), self.model.shape.hidden), 0, self.head
        with torch.no_grad():
            for part in cut([rows[i] for i in order], 4096, 128):
                batch = collate(part)
                with torch.autocast("cpu", dtype=torch.bfloat16):
                    hidden = emoji.hidden(self.model, self.table, batch, self.reader.known).float()
                share = torch.softmax(hidden @ head.query + (1 - batch.mask) * -10000.0, 1)
                result[order[at:at + len(part)]] = torch.einsum("rc,rch->rh", share, hidden)
                at += len(part)
        return result


def logits(head: nn.Module, pooled: Tensor) -> Tensor:
    return head.classify(torch.tanh(head.dense(pooled)))


def fit(pooled: Pooled, data: Path, corpus: str, counter: dict[str, list[Example]], others: list[str], metric: str) -> dict[str, object]:
    """Of a head for each of `SHARES`, among those that keep the corpus's score on dev, the one that is right on most counter-examples.

    `counter`: of "train" and "dev"; `others`: texts of which it goes on to say what it said.
    """
    task, head = pooled.task, pooled.head
    labels = len(pooled.model.tasks[task].labels)
    given = {part: CORPORA[corpus](data, part) for part in ("train", "dev")}
    own = {part: pooled.of([e.text for e in found]) for part, found in given.items()}
    truth = {part: torch.tensor([e.labels[task] for e in found]) for part, found in given.items()}
    mine = {part: pooled.of([e.text for e in found]) for part, found in counter.items()}
    right = {part: torch.tensor([e.labels[task] for e in found]) for part, found in counter.items()}
    rest = pooled.of(others)
    with torch.no_grad():
        said = {part: torch.softmax(logits(head, x), 1) for part, x in own.items()}
        said_rest = torch.softmax(logits(head, rest), 1)
    score = macro_f1 if metric == "macroF1" else macro_recall
    base = score(truth["dev"].numpy(), said["dev"].argmax(1).numpy(), labels)
    with torch.no_grad():
        wrong = float((logits(head, mine["dev"]).argmax(1) != right["dev"]).float().mean())
    print(f"{task}: before, dev {base:.4f}, counter-examples wrong {wrong:.4f} of {len(right['dev'])}; train {len(own['train'])}, {len(mine['train'])}, {len(rest)}", flush=True)
    sets = [(own["train"], (1 - SAID) * F.one_hot(truth["train"], labels) + SAID * said["train"]), (rest, said_rest), (mine["train"], F.one_hot(right["train"], labels).float())]
    found = []
    for share in SHARES:
        new = _train(head, sets, share)
        with torch.no_grad():
            dev, opposed = logits(new, own["dev"]), logits(new, mine["dev"])
        kept = score(truth["dev"].numpy(), dev.argmax(1).numpy(), labels)
        wrong = float((opposed.argmax(1) != right["dev"]).float().mean())
        print(f"{task}: share {share}, dev {kept:.4f}, counter-examples wrong {wrong:.4f}", flush=True)
        found.append((share, new, kept, wrong))
    holds = [f for f in found if f[2] >= base - LOSS] or [max(found, key=lambda f: f[2])]
    share, new, kept, wrong = min(holds, key=lambda f: f[3])
    with torch.no_grad():
        for name, tensor in new.state_dict().items():
            tensor.mul_(1 - OLD).add_(head.state_dict()[name], alpha=OLD)
        temperature = _temperature(logits(new, own["dev"]).numpy(), truth["dev"].numpy())
    return {"head": new, "share": share, "dev": kept, "devBefore": base, "wrong": wrong, "temperature": temperature}


def offensive(package: Path, extended: Path, rows: Tensor, data: Path) -> dict[str, object]:
    """The head of `offensive`, for which being named is no offence. Texts of which it goes on to say what it said name none of the groups."""
    groups = {word.lower() for word in counterexamples.PEOPLE + counterexamples.MANY} | {"jews", "muslims", "gays"}
    stream = [row["text"] for row in texts.json_lines(data / "loadtest/short_text.jsonl.gz")]
    random.Random(9).shuffle(stream)
    others = [e.text for e in CORPORA["semeval"](data, "train")][::20] + stream[:2500]
    others = [text for text in others if not any(word.strip(".,!?#@'\"") in groups for word in text.lower().split())]
    counter = {part: counterexamples.read(data, part) for part in ("train", "dev")}
    return fit(Pooled(package, "offensive", extended, rows), data, "offensive", counter, others, "macroF1")


def _train(head: nn.Module, sets: list[tuple[Tensor, Tensor]], share: float) -> nn.Module:
    """`share` of the weight is that of the last of `sets`, whatever its size."""
    torch.manual_seed(1)
    new = nn.ModuleDict({"dense": nn.Linear(head.dense.in_features, head.dense.out_features), "classify": nn.Linear(head.classify.in_features, head.classify.out_features)})
    new.load_state_dict({name: tensor for name, tensor in head.state_dict().items() if name != "query"})
    x, wanted = torch.cat([pooled for pooled, _ in sets]), torch.cat([target for _, target in sets])
    first = sum(len(pooled) for pooled, _ in sets[:-1])
    weights = torch.cat([torch.full((first,), (1 - share) / first), torch.full((len(x) - first,), share / (len(x) - first))]) * len(x)
    optimizer = torch.optim.AdamW(new.parameters(), lr=RATE, weight_decay=DECAY)
    steps = EPOCHS * (len(x) // BATCH)
    for step in range(steps):
        if step % (len(x) // BATCH) == 0:
            order = torch.randperm(len(x))
        at = order[step * BATCH % (len(x) - BATCH + 1):][:BATCH]
        for group in optimizer.param_groups:
            group["lr"] = RATE * (1 - step / steps)
        inner = torch.tanh(new["dense"](F.dropout(x[at], DROPOUT)))
        loss = -(weights[at] * (wanted[at] * F.log_softmax(new["classify"](F.dropout(inner, DROPOUT)), 1)).sum(1)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    holder = _Head(new["dense"], new["classify"])
    return holder.eval()


class _Head(nn.Module):
    def __init__(self, dense: nn.Module, classify: nn.Module):
        super().__init__()
        self.dense, self.classify = dense, classify


def stored(task: str, head: nn.Module, scale: float, kept: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays of a head as a weight file holds them. `scale`: of the logits; `kept`: the file's own arrays, whose smoothing stays."""
    result: dict[str, np.ndarray] = {}
    for part, layer, factor in (("dense", head.dense, 1.0), ("classify", head.classify, scale)):
        name = f"{task}.{part}"
        weight = layer.weight.detach() * factor
        if f"{name}.smoothing" in kept:
            weight = weight / torch.from_numpy(kept[f"{name}.smoothing"].copy())
        values, scales = to_int8(weight)
        result |= {name: values.numpy().T, f"{name}.scales": scales.numpy().reshape(kept[f"{name}.scales"].shape), f"{name}.bias": (layer.bias.detach() * factor).numpy()}
    return result
