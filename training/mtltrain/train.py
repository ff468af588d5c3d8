"""The training loop: one optimizer step per mixed batch, checkpoints, resume, progress with ETA."""

from __future__ import annotations

import hashlib
import json
import platform
import random
import signal
import subprocess
import threading
import time
from pathlib import Path

import numpy as np
import torch

from . import dataset, evaluate, initial, measures, pretrained
from .model import Matrix, MultitaskModel, Shape
from .optimizer import Optimizer
from .run import Run
from .sampling import CaseNoise, Sampler
from .tasks import AUXILIARY, TASKS
from .weighting import METHODS
from .workers import Gradients

# What a run may change from one call to the next and still be the same run.
OF_ONE_CALL = ("said", "steps", "evaluate_every", "checkpoint_every", "checkpoint_seconds", "dev_rows", "final_rows", "patience")


def build(run: Run, cache: Path, auxiliary: bool = False) -> MultitaskModel:
    """A model with the run's encoder and untrained heads, those of auxiliary tasks too where asked for."""
    torch.manual_seed(run.seed)
    shape = Shape(layers=len(run.layers), positions=run.limit)
    model = MultitaskModel(shape, [task for task in (*TASKS, *AUXILIARY) if task.name in (run.trained if auxiliary else run.tasks)])
    pretrained.load_into(model, run.source, cache, run.layers)
    for head in model.heads.values():
        if hasattr(head, "classify"):
            torch.nn.init.normal_(head.classify.weight, std=0.02)
            torch.nn.init.zeros_(head.classify.bias)
    model.dropout, model.head_dropout = run.dropout, run.head_dropout
    return model


def rate_scale(step: int, run: Run) -> float:
    """Linear up over the warm-up, linear down to zero."""
    warm = max(1, int(run.warmup * run.steps))
    return min((step + 1) / warm, max(0.0, (run.steps - step) / max(1, run.steps - warm)))


def train(run: Run, data: Path, cache: Path, out: Path, processes: int = 2, stop_after: int = 0, device: str = "cpu") -> tuple[MultitaskModel, dict]:
    """Trains, or goes on from `out/checkpoint.pt`. Writes `log.jsonl`, checkpoints and `model.pt` into `out`.

    With `patience`, `model.pt` holds the weights of the evaluation with the best score. SIGTERM and SIGINT end it after the step, with a checkpoint.
    `stop_after`: leave after this many steps of this call, with a checkpoint (for tests of resuming).
    """
    out.mkdir(parents=True, exist_ok=True)
    vocab = pretrained.vocab(cache)
    random.seed(run.seed)
    np.random.seed(run.seed)
    model = build(run, cache, auxiliary=True)
    new = list(model.tasks)
    if run.initial:
        new = initial.load(model, Path(run.initial), vocab)
        print(f"goes on from {run.initial}" + (f"; untrained: {', '.join(new)}" if new else ""), flush=True)
    model.to(device)
    optimizer = Optimizer(model, run.rate, run.head_factor, run.decay, run.clip)
    weighting = METHODS[run.weighting](run.factors)
    sampler = dataset.sampler(run, data, cache, vocab)
    _refuse_tasks_without_labels(run, sampler, new, data, cache, vocab)
    step, tokens, best, waited = 0, 0, 0.0, 0
    checkpoint = out / "checkpoint.pt"
    if checkpoint.exists():
        saved = torch.load(checkpoint, map_location="cpu")
        if other := [key for key, value in vars(run).items() if key not in OF_ONE_CALL and saved.get("run", {}).get(key, value) != value]:
            raise ValueError(f"{checkpoint} is of a run that differed in {', '.join(other)}: give the run another `name`, name another folder by --out, or remove it")
        model.load_state_dict(saved["model"])
        optimizer.load(saved["optimizer"])
        weighting.load(saved["weighting"])
        sampler.load(saved["sampler"])
        step, tokens, best, waited = saved["step"], saved["tokens"], saved["best"], saved.get("waited", 0)
        print(f"resumed at step {step}", flush=True)
    log = (out / "log.jsonl").open("a", encoding="utf-8")
    if step == 0:
        (out / "best.pt").unlink(missing_ok=True)
        _write(log, {"run": vars(run), "torch": torch.__version__, "machine": platform.processor() or platform.machine(), "device": device,
                     "commit": _commit(), "initialSha256": checksum(Path(run.initial)) if run.initial else None, "data": dataset.fingerprint(data), "processes": processes, "corpora": {c.name: len(c.rows) for c in sampler.corpora}})
    model.train()
    began, first, recent = time.time(), step, {}
    tokens_before, norms = tokens, []
    torch.set_num_threads(1)
    asked = _Asked()
    noise = CaseNoise(run.case_noise, vocab.read_text(encoding="utf-8").split("\n")) if run.case_noise else None
    gradients = Gradients(model, optimizer, weighting, run, processes, noise)
    leave, saved_at = False, time.time()
    while step < run.steps:
        quantized = step >= run.steps * (1 - run.quantized_share)
        batches = [sampler.next() for _ in range(run.micro_batches)]
        numbers, row_gradient, found, counts, used = gradients.step(step, batches, quantized)
        per_row = {task: value * run.rows_per_step / counts[task] for task, value in found.items()}
        weighting.observe(per_row)
        norms.append(optimizer.step(rate_scale(step, run), numbers, row_gradient))
        step += 1
        tokens += used
        for task, value in per_row.items():
            recent[task] = value if task not in recent else 0.97 * recent[task] + 0.03 * value
        if step % 25 == 0 or step == run.steps:
            speed = (time.time() - began) / (step - first)
            entry = {"step": step, "loss": {t: round(v, 4) for t, v in recent.items()}, "norm": round(float(np.mean(norms)), 3),
                     "tokens": tokens, "tokensPerSecond": round((tokens - tokens_before) / (time.time() - began)),
                     "eta": round(speed * (run.steps - step))}
            norms = []
            _write(log, entry)
            print(f"{run.name} {step}/{run.steps} eta {entry['eta'] // 60}m{entry['eta'] % 60:02d} "
                  f"{entry['tokensPerSecond']} tok/s norm {entry['norm']} " + " ".join(f"{t} {v:.3f}" for t, v in recent.items()), flush=True)
        leave = asked.to_end or stop_after and step - first >= stop_after
        if step % run.evaluate_every == 0 and step < run.steps or run.patience and step == run.steps:
            values = evaluate.scores(model, data, cache, vocab, "dev", run.tasks, run.limit, run.dev_rows, amp=True)
            total = evaluate.combined(values)
            waited = 0 if total > best else waited + 1
            if run.patience and total > best:
                torch.save(_weights(model), out / "best.pt")
            best = max(best, total)
            _write(log, {"step": step, "dev": {t: round(v, 4) for t, v in values.items()}, "combined": round(total, 4)})
            print(f"{run.name} {step} dev {total:.4f} " + " ".join(f"{t} {v:.4f}" for t, v in values.items()), flush=True)
            if run.patience and waited >= run.patience:
                break
        due = run.checkpoint_seconds and time.time() - saved_at >= run.checkpoint_seconds
        if step % run.checkpoint_every == 0 or due or leave:
            temporary = out / "checkpoint.tmp"
            torch.save({"run": vars(run), "model": model.state_dict(), "optimizer": optimizer.state(), "weighting": weighting.state(), "sampler": sampler.state(),
                        "step": step, "tokens": tokens, "best": best, "waited": waited}, temporary)
            temporary.replace(checkpoint)
            saved_at = time.time()
        if leave:
            break
    gradients.close()
    asked.close()
    torch.set_num_threads(processes)
    if leave and step < run.steps:
        return model, {}
    model.eval()
    if (out / "best.pt").exists():
        model.load_state_dict({**model.state_dict(), **torch.load(out / "best.pt")})
        for matrix in (m for m in model.modules() if isinstance(m, Matrix)):
            matrix.rounded = None  # of the last step's weights
    torch.save(_weights(model), out / "model.pt")
    values = evaluate.scores(model, data, cache, vocab, "dev", run.tasks, run.limit, run.final_rows, amp=True)
    summary = {"dev": {t: round(v, 4) for t, v in values.items()}, "combined": round(evaluate.combined(values), 4), "steps": step,
               "tokens": tokens, "seconds": round(time.time() - began), "drawn": sampler.drawn}
    _write(log, summary)
    log.close()
    print(json.dumps(summary), flush=True)
    return model, summary


class _Asked:
    """Whether a signal has asked this process to end, so that it ends with a checkpoint; where it may not listen to signals, never."""

    def __init__(self):
        self.to_end, self._before = False, {}
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._end) for number in (signal.SIGTERM, signal.SIGINT)}

    def close(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _end(self, number: int, frame) -> None:
        self.to_end = True


def _refuse_tasks_without_labels(run: Run, sampler: Sampler, untrained: list[str], data: Path, cache: Path, vocab: Path) -> None:
    """A head that nothing teaches would be exported all the same, and a task without dev rows could not be scored, hours later."""
    taught = {task for corpus in sampler.corpora for row in corpus.rows for task in (*row.labels, *row.soft, *(["reply"] if row.reply else []))}
    if lacking := [task for task in run.trained if task in untrained and task not in taught]:
        raise ValueError(f"run {run.name}: no row of its corpora ({', '.join(run.corpora)}) has labels of {', '.join(lacking)}; add a corpus, or name the other tasks in `tasks`")
    for task in run.tasks:
        if task not in measures.OWN and not evaluate.labelled(data, cache, vocab, task, "dev", run.limit):
            raise ValueError(f"run {run.name}: task {task}: found no dev rows in {', '.join(evaluate.SETS[task])} (evaluate.SETS); it could not be scored")


def _weights(model: MultitaskModel) -> dict:
    """Without the heads of auxiliary tasks, which end with the training."""
    left_out = tuple(f"heads.{task.name}." for task in AUXILIARY)
    return {name: tensor.cpu() for name, tensor in model.state_dict().items() if not name.startswith(left_out)}


def checksum(path: Path) -> str:
    return hashlib.sha256((path / "weights.bin" if path.is_dir() else path).read_bytes()).hexdigest()


def _commit() -> str:
    """Of the code, where it is known."""
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True)
    return done.stdout.strip()


def _write(log, entry: dict) -> None:
    log.write(json.dumps(entry) + "\n")
    log.flush()
