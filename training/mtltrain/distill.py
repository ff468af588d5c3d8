"""What a teacher says about every training text: the labels that a corpus has, softened, and those of other tasks that it lacks.

Several teachers: the mean of those that know the task. Distillation with the teacher's share falling as training goes on follows Clark et al. 2019, "BAM! Born-again multi-task networks" (arXiv 1907.04829).
"""

from __future__ import annotations

import pickle
import time
from pathlib import Path

import numpy as np

from . import dataset
from .encoding import Row
from .evaluate import predict, sigmoid, softmax
from .model import MultitaskModel
from .readers import UNTAUGHT
from .run import Run

# Tasks whose labels mean something on any text; `topic` and `intent` know only the groups and commands of their own corpora.
EVERYWHERE = ("pos", "entities", "sentiment", "emotion", "offensive")
WINDOWS = 1  # of a long text that the teacher reads


def label(model: MultitaskModel, rows: list[Row], crop: int) -> list[dict[str, np.ndarray]]:
    """The teacher's probabilities per row and task, in half precision; a long text's are those of its first windows, averaged."""
    windows = [_windows(row, crop) for row in rows]
    flat = [window for found in windows for window in found]
    logits = predict(model, flat, list(model.tasks), amp=True)
    result, at = [], 0
    for row, found in zip(rows, windows):
        soft = {}
        for task in sorted({*row.labels, *EVERYWHERE} & set(model.tasks)):
            values = logits[task][at:at + len(found)]
            probabilities = [sigmoid(v) if model.tasks[task].kind == "multi_label" else softmax(v) for v in values]
            soft[task] = (_tokens(row, probabilities) if model.tasks[task].per_token else np.mean(probabilities, axis=0)).astype(np.float16)
        at += len(found)
        result.append(soft)
    return result


def _windows(row: Row, crop: int) -> list[Row]:
    if len(row) <= crop:
        return [row]
    inner = crop - 2
    join = lambda a, start: np.concatenate([a[:1], a[start:min(start + inner, len(row) - 1)], a[-1:]])
    starts = range(1, min(1 + WINDOWS * inner, len(row) - 1), inner)
    return [Row(join(row.ids, s), join(row.cases, s), row.firsts) for s in starts]


def _tokens(row: Row, windows: list[np.ndarray]) -> np.ndarray:
    """Of the windows' tokens, special ones left out, those where a word begins; the rest of the row stays zero."""
    read = np.concatenate([w[1:-1] for w in windows])
    out = np.zeros((len(row), read.shape[1]), np.float32)
    firsts = row.firsts[(row.firsts > 0) & (row.firsts < 1 + len(read))]
    out[firsts] = read[firsts - 1]
    return out


def write(models: list[MultitaskModel], run: Run, data: Path, cache: Path, vocab: Path, folder: Path) -> None:
    """Labels every training corpus of the run into `folder`; those already there are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, options in run.corpora.items():
        if name in UNTAUGHT:
            continue
        path = folder / f"{name}.pickle"
        if path.exists():
            continue
        rows = dataset.rows(data, cache, vocab, name, "train", dataset.LONG, run.corpus_rows, options)
        began = time.time()
        temporary = path.with_suffix(".tmp")
        said = [label(model, rows, run.crop) for model in models]
        temporary.write_bytes(pickle.dumps([_mean(of_row) for of_row in zip(*said)]))
        temporary.replace(path)
        print(f"{len(models)} teachers of {run.name} have read {name}: {len(rows)} texts in {time.time() - began:.0f} s", flush=True)


def _mean(said: tuple[dict[str, np.ndarray], ...]) -> dict[str, np.ndarray]:
    found: dict[str, list[np.ndarray]] = {}
    for soft in said:
        for task, probabilities in soft.items():
            found.setdefault(task, []).append(probabilities)
    return {task: np.mean(values, axis=0, dtype=np.float32).astype(np.float16) for task, values in found.items()}
