"""One loss per task over the rows that say anything about it; a missing label contributes nothing."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from .encoding import END, IGNORED, START
from .model import MultitaskModel, Task
from .sampling import Batch

WORDS_PER_UNIT = 5.0     # this many words weigh as much as one text-level label
EMOTIONS_PER_UNIT = 2.0  # binary losses are summed over the labels and divided by this
VECTOR_UNITS = 8.0       # of 1 - cosine between a vector and what it is taught to be
LIKENESS_UNITS = 40.0    # of the squared error of the cosines between the texts of a batch
REPLY_SCALE = 20.0       # cosines are multiplied by it before they compete


def losses(model: MultitaskModel, batch: Batch, hidden: Tensor, rows_per_step: float, teacher: float = 0.0, others: float = 0.0) -> dict[str, Tensor]:
    """Sums over the rows, divided by a constant: every example weighs the same, whatever else is in its batch.

    Where a teacher has spoken, rows with a label take `teacher` of their target from it and the rest from the label; rows of other corpora, without
    a label, count `others` of a row.
    """
    result = {}
    for name, task in model.tasks.items():
        if name in batch.rows or name in batch.soft_rows:
            result[name] = _loss(model, task, batch, hidden, teacher, others) / rows_per_step
    return result


def _loss(model: MultitaskModel, task: Task, batch: Batch, hidden: Tensor, teacher: float, others: float) -> Tensor:
    name = task.name
    if task.kind == "reply_vectors":
        return reply_loss(model, batch, hidden)
    at = batch.places(name)
    whole = len(at) == len(hidden)
    logits = model.head(name, hidden if whole else hidden[at], batch.mask if whole else batch.mask[at])
    if task.kind == "vector":
        return vector_loss(logits, batch.soft[name])
    if task.kind == "answer_span":
        return answer_loss(logits, batch.labels[name], batch.mask[at])
    labelled, taught = (_among(at, rows.get(name)) for rows in (batch.rows, batch.soft_rows))
    loss = logits.new_zeros(())
    if name in batch.soft_rows:
        weights = others + (teacher - others) * labelled[taught].float()
        loss = (soft_loss(task.kind, logits[taught], batch.soft[name]) * weights).sum()
    if name in batch.rows:
        shares = 1 - teacher * taught[labelled].float()  # the whole target where no teacher has seen the row
        loss = loss + (unit_losses(task.kind, logits[labelled], batch.labels[name]) * shares).sum()
    return loss


def _among(at: Tensor, rows: Tensor | None) -> Tensor:
    return torch.zeros(len(at), dtype=torch.bool, device=at.device) if rows is None else torch.isin(at, rows)


def unit_losses(kind: str, logits: Tensor, labels: Tensor) -> Tensor:
    """Of each row."""
    if kind == "single_label":
        return F.cross_entropy(logits, labels, reduction="none")
    if kind == "multi_label":
        target = torch.zeros_like(logits)
        target[:, :labels.shape[1]] = labels
        return F.binary_cross_entropy_with_logits(logits, target, reduction="none").sum(-1) / EMOTIONS_PER_UNIT
    found = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORED, reduction="none")
    return found.view(labels.shape).sum(-1) / WORDS_PER_UNIT


def soft_loss(kind: str, logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy against probabilities, per row, in the units of `unit_losses`."""
    if kind == "multi_label":
        return F.binary_cross_entropy_with_logits(logits, target, reduction="none").sum(-1) / EMOTIONS_PER_UNIT
    found = -(target * F.log_softmax(logits, dim=-1)).sum(-1)
    return found if kind == "single_label" else found.sum(-1) / WORDS_PER_UNIT


def vector_loss(vectors: Tensor, target: Tensor) -> Tensor:
    """Each vector near its target, and the texts of the batch as like each other as their targets are."""
    target = F.normalize(target, dim=-1)
    loss = VECTOR_UNITS * (1 - (vectors * target).sum(-1)).sum()
    if len(vectors) > 1:
        wrong = (vectors @ vectors.T - target @ target.T).square()
        loss = loss + LIKENESS_UNITS * wrong.sum() / (len(vectors) - 1)
    return loss


def answer_loss(logits: Tensor, labels: Tensor, mask: Tensor) -> Tensor:
    """[rows, columns, 2]: where an answer begins and where it ends, among all tokens of the row."""
    logits = logits + (mask.unsqueeze(-1) - 1) * 10000.0
    first, last = (((labels.clamp_min(0) & bit) > 0).float().argmax(1) for bit in (START, END))
    return (F.cross_entropy(logits[:, :, 0], first, reduction="sum") + F.cross_entropy(logits[:, :, 1], last, reduction="sum")) / 2


def reply_loss(model: MultitaskModel, batch: Batch, hidden: Tensor) -> Tensor:
    """What was said next, among the replies of the whole batch; the same reply elsewhere counts neither for nor against."""
    said, next_ = batch.rows["reply"], batch.labels["reply"]
    first = model.heads["reply"].said(hidden[said], batch.mask[said], model.head_dropout)
    second = model.heads["reply"].next(hidden[next_], batch.mask[next_], model.head_dropout)
    scores = first @ second.T * REPLY_SCALE
    ids = batch.ids[next_]
    same = (ids[:, None] == ids[None]).all(-1) & ~torch.eye(len(ids), dtype=torch.bool, device=ids.device)
    scores = scores.masked_fill(same, -10000.0)
    right = torch.arange(len(scores), device=scores.device)
    return (F.cross_entropy(scores, right, reduction="sum") + F.cross_entropy(scores.T, right, reduction="sum")) / 2
