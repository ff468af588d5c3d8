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


def losses(model: MultitaskModel, batch: Batch, hidden: Tensor, rows_per_step: float, teacher: float = 0.0, others: float = 0.0) -> dict[str, Tensor]:
    """Sums over the rows, divided by a constant: every example weighs the same, whatever else is in its batch.

    Where a teacher has spoken, rows with a label take `teacher` of their target from it and the rest from the label; rows of other corpora, without
    a label, count `others` of a row.
    """
    result = {}
    for task, definition in model.tasks.items():
        if task not in batch.rows and task not in batch.soft_rows:
            continue
        taught = task in batch.soft_rows
        at = batch.soft_rows[task] if taught else batch.rows[task]
        whole = len(at) == len(hidden)
        logits = model.head(task, hidden if whole else hidden[at], batch.mask if whole else batch.mask[at])
        if not taught:
            result[task] = unit_loss(definition.kind, logits, batch.labels[task]) / rows_per_step
            continue
        labelled = torch.isin(at, batch.rows[task]) if task in batch.rows else torch.zeros(len(at), dtype=torch.bool, device=at.device)
        weights = others + (teacher - others) * labelled.float()
        loss = (soft_loss(definition.kind, logits, batch.soft[task]) * weights).sum()
        if task in batch.rows:
            if int(labelled.sum()) != len(batch.rows[task]):
                raise ValueError(f"{task}: the teacher has not seen every labelled row")
            loss = loss + (1 - teacher) * unit_loss(definition.kind, logits[labelled], batch.labels[task])
        result[task] = loss / rows_per_step
    return result


def unit_loss(kind: str, logits: Tensor, labels: Tensor) -> Tensor:
    if kind == "single_label":
        return F.cross_entropy(logits, labels, reduction="sum")
    if kind == "multi_label":
        target = torch.zeros_like(logits)
        target[:, :labels.shape[1]] = labels
        return F.binary_cross_entropy_with_logits(logits, target, reduction="sum") / EMOTIONS_PER_UNIT
    return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORED, reduction="sum") / WORDS_PER_UNIT


def soft_loss(kind: str, logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy against probabilities, per row, in the units of `unit_loss`."""
    if kind == "multi_label":
        return F.binary_cross_entropy_with_logits(logits, target, reduction="none").sum(-1) / EMOTIONS_PER_UNIT
    found = -(target * F.log_softmax(logits, dim=-1)).sum(-1)
    return found if kind == "single_label" else found.sum(-1) / WORDS_PER_UNIT
