"""One loss per task over the rows that carry its labels; a missing label contributes nothing."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from .encoding import IGNORED
from .model import MultitaskModel
from .sampling import Batch

WORDS_PER_UNIT = 5.0     # this many words weigh as much as one text-level label
EMOTIONS_PER_UNIT = 2.0  # binary losses are summed over the labels and divided by this


def losses(model: MultitaskModel, batch: Batch, hidden: Tensor, rows_per_step: float) -> dict[str, Tensor]:
    """Sums over the rows, divided by a constant: every example weighs the same, whatever else is in its batch."""
    result = {}
    for task, at in batch.rows.items():
        if task not in model.tasks:
            continue
        whole = len(at) == len(hidden)
        logits = model.head(task, hidden if whole else hidden[at], batch.mask if whole else batch.mask[at])
        result[task] = unit_loss(model.tasks[task].kind, logits, batch.labels[task]) / rows_per_step
    return result


def unit_loss(kind: str, logits: Tensor, labels: Tensor) -> Tensor:
    if kind == "single_label":
        return F.cross_entropy(logits, labels, reduction="sum")
    if kind == "multi_label":
        target = torch.zeros_like(logits)
        target[:, :labels.shape[1]] = labels
        return F.binary_cross_entropy_with_logits(logits, target, reduction="sum") / EMOTIONS_PER_UNIT
    return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORED, reduction="sum") / WORDS_PER_UNIT
