"""Trains a decoder over a package's encoder, whose states are kept in a file: it stays as it is, so they are made once."""

from __future__ import annotations

import json
import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from . import bytepairs, decoder, initial, parallel, pretrained, tokenizer
from .bytepairs import BytePairs
from .decoder import KEPT, PAD, STARTS, Sizes, Writer
from .encoding import row
from .model import Encoder, Shape
from .parallel import Pair

DEV_PAIRS = 300        # of each corpus and task
LONGEST_SOURCE = 96    # tokens that are read in training; the package reads more
ENCODED = 4096         # tokens of a call of the encoder
# Of the pieces that training writes.
SHARES = {"multi30k": 0.22, "tatoeba": 0.36, "news": 0.36, "arxiv": 0.06}


@dataclass
class Settings:
    """Of one run; a rate that falls to nothing by `seconds`, whatever the machine does beside it."""

    seconds: float
    rate: float = 1.2e-3
    warmup: float = 0.03   # of the time
    pieces_per_step: int = 2048
    dropout: float = 0.0   # hardly a pair is seen three times
    smoothing: float = 0.0
    clip: float = 1.0
    seed: int = 17
    checkpoint_seconds: float = 180
    evaluate_seconds: float = 600
    threads: int = 2
    most: int = 0          # pairs of each corpus and task that are learned from; 0: all


class States:
    """What the encoder says of texts, a byte a value with a scale a token; in files, which are made once."""

    def __init__(self, folder: Path, hidden: int):
        self.ids = np.load(folder / "ids.npy", mmap_mode="r")
        self.cases = np.load(folder / "cases.npy", mmap_mode="r")
        self.starts = np.load(folder / "starts.npy")
        self.scales = np.load(folder / "scales.npy", mmap_mode="r")
        self.values = np.memmap(folder / "values.i8", np.int8, "r", shape=(len(self.ids), len(KEPT), hidden))

    def length(self, text: int) -> int:
        return int(self.starts[text + 1] - self.starts[text])

    def batch(self, encoder: Encoder, texts: list[int]) -> tuple[Tensor, Tensor]:
        """States [rows, columns, 3 x hidden] and the mask of a few texts."""
        columns, hidden = max(self.length(text) for text in texts), self.values.shape[-1]
        ids, cases = (np.zeros((len(texts), columns), np.int64) for _ in range(2))
        mask, values = np.zeros((len(texts), columns), np.float32), np.zeros((len(texts), columns, len(KEPT), hidden), np.float32)
        for place, text in enumerate(texts):
            part = slice(self.starts[text], self.starts[text + 1])
            count = part.stop - part.start
            ids[place, :count], cases[place, :count], mask[place, :count] = self.ids[part], self.cases[part], 1
            values[place, :count] = self.values[part] * self.scales[part][:, :, None].astype(np.float32)
        with torch.no_grad():
            first = decoder.embedded(encoder, torch.from_numpy(ids), torch.from_numpy(cases))
        return torch.cat([first, torch.from_numpy(values).flatten(2)], dim=-1), torch.from_numpy(mask)


def encoder_of(package: Path, cache: Path) -> Encoder:
    """The package's encoder, for the vocabulary that training keeps whole."""
    vocab = pretrained.vocab(cache)
    encoder = Encoder(Shape(positions=128))
    encoder.load_state_dict(initial.encoder_of(package, vocab, encoder.shape.vocab, encoder.shape))
    return encoder.eval().requires_grad_(False)


def encode(encoder: Encoder, texts: list[str], cache: Path, folder: Path) -> None:
    """Writes what the encoder says of texts into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [row(tokens, LONGEST_SOURCE) for tokens in tokenizer.of(pretrained.vocab(cache)).texts(texts)]
    starts = np.concatenate([[0], np.cumsum([len(r) for r in rows])])
    hidden, total = encoder.shape.hidden, int(starts[-1])
    values = np.memmap(folder / "values.i8", np.int8, "w+", shape=(total, len(KEPT), hidden))
    scales = np.zeros((total, len(KEPT)), np.float16)
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    done, told = 0, time.time()
    while done < len(order):
        count = max(1, ENCODED // len(rows[order[min(done + 64, len(order) - 1)]]))
        batch = order[done:done + count]
        columns = max(len(rows[i]) for i in batch)
        ids, cases, mask = (torch.zeros(len(batch), columns, dtype=kind) for kind in (torch.long, torch.long, torch.float32))
        for place, i in enumerate(batch):
            count_of = len(rows[i])
            ids[place, :count_of], cases[place, :count_of] = torch.from_numpy(rows[i].ids).long(), torch.from_numpy(rows[i].cases).long()
            mask[place, :count_of] = 1
        with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
            found = torch.stack([x.float() for x in decoder.states_of(encoder, ids, cases, mask)], dim=2)
        scale = found.abs().amax(-1) / 127
        rounded = torch.round(found / scale[..., None]).to(torch.int8).numpy()
        for place, i in enumerate(batch):
            part = slice(starts[i], starts[i + 1])
            values[part], scales[part] = rounded[place, :len(rows[i])], scale[place, :len(rows[i])].numpy()
        done += len(batch)
        if time.time() - told > 20:
            told = time.time()
            print(f"encoded {done} of {len(rows)} texts", flush=True)
    values.flush()
    np.save(folder / "scales.npy", scales)
    np.save(folder / "ids.npy", np.concatenate([r.ids for r in rows]))
    np.save(folder / "cases.npy", np.concatenate([r.cases for r in rows]))
    np.save(folder / "starts.npy", starts)


@dataclass
class Material:
    """Examples by corpus: the number of a text, its start, and the pieces to write."""

    states: States
    examples: dict[str, list[tuple[int, int, list[int]]]]


def prepare(package: Path, data: Path, cache: Path, out: Path, part: str, pieces: BytePairs | None, most: int = 0) -> tuple[Material, BytePairs]:
    """Pairs of a part, their sources encoded; what is there is read again. `most`: of each corpus and task, evenly drawn."""
    found = parallel.pairs(data, part)
    if most:
        found = list(_thinned(found, most))
    if pieces is None:
        pieces = _pieces(found, out)
    texts = list(dict.fromkeys(pair.source for pair in found))
    folder = out / f"states-{part}"
    if not (folder / "starts.npy").exists():
        encode(encoder_of(package, cache), texts, cache, folder)
    numbers = {text: number for number, text in enumerate(texts)}
    examples: dict[str, list[tuple[int, int, list[int]]]] = {}
    for pair in found:
        target = decoder.pieces_of(pieces, pair.target, Sizes.positions - 1)
        examples.setdefault(pair.corpus, []).append((numbers[pair.source], STARTS[pair.task], target))
    return Material(States(folder, 384), examples), pieces


def _thinned(found: list[Pair], most: int) -> Iterator[Pair]:
    groups: dict[tuple[str, str], list[Pair]] = {}
    for pair in found:
        groups.setdefault((pair.corpus, pair.task), []).append(pair)
    for group in groups.values():
        yield from group[::max(1, len(group) // most)][:most]


def _pieces(found: list[Pair], out: Path) -> BytePairs:
    if not (out / "merges.txt").exists():
        bytepairs.learn((pair.target for pair in found), Sizes.pieces, decoder.SPECIAL).write(out)
    return BytePairs.read(out, decoder.SPECIAL)


def batches(material: Material, settings: Settings, draw: random.Random) -> Iterator[list[tuple[int, int, list[int]]]]:
    """Examples of like length, so that each corpus has its share of the pieces; without end."""
    names = [name for name in SHARES if name in material.examples]
    weights = [SHARES[name] / np.mean([len(target) for _, _, target in material.examples[name]]) for name in names]
    while True:
        pool = [draw.choice(material.examples[name]) for name in draw.choices(names, weights, k=12_000)]
        pool.sort(key=lambda example: (len(example[2]) // 3, material.states.length(example[0])))
        found, batch, longest = [], [], 0
        for example in pool:
            longest = max(longest, len(example[2]))
            if batch and (len(batch) + 1) * longest > settings.pieces_per_step:
                found.append(batch)
                batch, longest = [], len(example[2])
            batch.append(example)
        draw.shuffle(found)
        yield from found


def loss_of(model: Writer, encoder: Encoder, states: States, batch: list[tuple[int, int, list[int]]], smoothing: float, amp: bool = True) -> tuple[Tensor, int]:
    """Mean over pieces, and how many there are."""
    read, source_mask = states.batch(encoder, [text for text, _, _ in batch])
    columns = max(len(target) for _, _, target in batch)
    written, wanted = (torch.zeros(len(batch), columns, dtype=torch.long) for _ in range(2))
    for place, (_, start, target) in enumerate(batch):
        written[place, :len(target)] = torch.tensor([start, *target[:-1]])
        wanted[place, :len(target)] = torch.tensor(target)
    mask = (wanted != PAD).float()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=amp):
        logits = model(read, source_mask, written, mask)
    kept = mask.bool()
    return F.cross_entropy(logits[kept].float(), wanted[kept], label_smoothing=smoothing), int(mask.sum())


def train(package: Path, data: Path, cache: Path, out: Path, settings: Settings) -> Writer:
    """Trains, or goes on from `out/checkpoint.pt`; writes `log.txt` and `model.pt` into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(settings.seed)
    torch.set_num_threads(settings.threads)
    material, pieces = prepare(package, data, cache, out, "train", None, settings.most)
    dev, _ = prepare(package, data, cache, out, "dev", pieces, DEV_PAIRS)
    encoder, model = encoder_of(package, cache), Writer(Sizes(pieces=len(pieces.tokens)))
    decays = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() <= 1]
    optimizer = torch.optim.AdamW([{"params": decays, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}], lr=settings.rate, betas=(0.9, 0.98), foreach=True)
    step, written, before, checkpoint = 0, 0, 0.0, out / "checkpoint.pt"
    if checkpoint.exists():
        saved = torch.load(checkpoint, map_location="cpu")
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        step, written, before = saved["step"], saved["written"], saved["seconds"]
    else:
        aligned = [(material.states.ids[material.states.starts[text] + 1:material.states.starts[text + 1] - 1].tolist(), target)
                   for name in ("tatoeba", "multi30k") for text, _, target in material.examples.get(name, [])]
        decoder.align(model, encoder, aligned)
    draw = random.Random(settings.seed + step)
    model.dropout = settings.dropout
    model.train()
    log = (out / "log.txt").open("a", encoding="utf-8")
    began = saved_at = evaluated_at = told_at = time.time()
    told, recent = written, 0.0

    def say(line: str) -> None:
        print(line, flush=True)
        log.write(line + "\n")
        log.flush()

    def save() -> None:
        torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step, "written": written, "seconds": before + time.time() - began},
                   out / "checkpoint.tmp")
        (out / "checkpoint.tmp").replace(checkpoint)

    for batch in batches(material, settings, draw):
        progress = (before + time.time() - began) / settings.seconds
        if progress >= 1 or (out / "stop").exists():
            break
        for group in optimizer.param_groups:
            group["lr"] = settings.rate * min(1.0, (progress + 1e-3) / settings.warmup) * (1 - progress)
        loss, count = loss_of(model, encoder, material.states, batch, settings.smoothing)
        loss.backward()
        if np.isfinite(float(nn.utils.clip_grad_norm_(model.parameters(), settings.clip))):
            optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step, written = step + 1, written + count
        recent = float(loss) if not recent else 0.98 * recent + 0.02 * float(loss)
        now = time.time()
        if step % 100 == 0:
            say(f"{step} {progress:.3f} {(written - told) / (now - told_at):.0f} pieces/s {written} loss {recent:.3f}")
            told_at, told = now, written
        if now - evaluated_at > settings.evaluate_seconds:
            say(f"{step} dev {json.dumps(dev_losses(model, encoder, dev))}")
            evaluated_at = told_at = time.time()
            model.train()
        if now - saved_at > settings.checkpoint_seconds:
            save()
            saved_at = time.time()
    save()
    torch.save(model.state_dict(), out / "model.pt")
    say(f"{step} dev {json.dumps(dev_losses(model, encoder, dev))}")
    log.close()
    return model


@torch.no_grad()
def dev_losses(model: Writer, encoder: Encoder, dev: Material) -> dict[str, float]:
    """Nats a piece, by corpus and start."""
    model.eval()
    found: dict[str, float] = {}
    for name, examples in dev.examples.items():
        for task, start in STARTS.items():
            chosen = sorted((e for e in examples if e[1] == start), key=lambda e: len(e[2]))
            total = pieces = 0.0
            for place in range(0, len(chosen), 50):
                loss, count = loss_of(model, encoder, dev.states, chosen[place:place + 50], 0.0)
                total, pieces = total + float(loss) * count, pieces + count
            if pieces:
                found[f"{name} {task}"] = round(total / pieces, 3)
    return found
