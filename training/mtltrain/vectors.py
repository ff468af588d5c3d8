"""What a text means, as a vector: gte-small's, which the head `embedding` is taught."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import numpy as np
import torch

from . import pretrained, texts, tokenizer
from .encoding import Row, row
from .model import Encoder, MultitaskModel, Shape
from .sampling import collate, cut

LIMIT = 128      # tokens that the teacher reads, as many as the model does
CHUNK = 1000     # texts of a file; a run that was interrupted goes on at the next one


class Teacher:
    """All twelve layers of gte-small: the mean of the last layer's states, normalised."""

    def __init__(self, cache: Path):
        self.model = MultitaskModel(Shape(layers=12, positions=LIMIT), [])
        pretrained.load_into(self.model, "gte-small", cache, list(range(12)), emoji=False)
        self.model.eval()
        self.tokenizer = tokenizer.of(pretrained.original_vocab(cache), words=False)

    def vectors(self, texts: list[str]) -> np.ndarray:
        """[texts, 384], each of length 1."""
        rows = [plain(row(tokens, LIMIT)) for tokens in self.tokenizer.texts(texts)]
        return mean_vectors(self.model, rows)


def plain(found: Row) -> Row:
    """As BERT reads it: without the letter case."""
    return Row(found.ids, np.zeros_like(found.cases), found.firsts)


def mean_vectors(model: MultitaskModel, rows: list[Row]) -> np.ndarray:
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    out, at = np.zeros((len(rows), model.shape.hidden), np.float32), 0
    with torch.no_grad():
        for part in cut([rows[i] for i in order], 4096, 128):
            batch = collate(part)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                hidden = model.encode(model.encoder.words(batch.ids), batch.cases, batch.mask).float()
            mean = (hidden * batch.mask[:, :, None]).sum(1) / batch.mask.sum(1, keepdim=True)
            out[order[at:at + len(part)]] = torch.nn.functional.normalize(mean, dim=-1).numpy()
            at += len(part)
    return out


def targets(data: Path, part: str, cache: Path) -> np.ndarray:
    """gte-small's vectors of the texts of `texts.read`, in their order."""
    return np.concatenate([of_texts(found, cache) for found in texts.sources(data, part).values()])


def of_texts(given: list[str], cache: Path) -> np.ndarray:
    """gte-small's vectors [texts, 384] in half precision, kept in `cache`, chunk by chunk."""
    folder = cache / "vectors"
    folder.mkdir(parents=True, exist_ok=True)
    teacher, parts = None, []
    for start in range(0, len(given), CHUNK):
        chunk = given[start:start + CHUNK]
        path = folder / (hashlib.sha256("\0".join(chunk).encode("utf-8", "surrogatepass")).hexdigest()[:24] + ".npy")
        if not path.exists():
            teacher = teacher or Teacher(cache)
            began = time.time()
            unfinished = path.with_suffix(".part.npy")
            np.save(unfinished, teacher.vectors(chunk).astype(np.float16))
            unfinished.replace(path)
            print(f"gte-small has read {start + len(chunk)} of {len(given)} texts, the last {len(chunk)} in {time.time() - began:.0f} s", flush=True)
        parts.append(np.load(path))
    return np.concatenate(parts) if parts else np.zeros((0, 384), np.float16)
