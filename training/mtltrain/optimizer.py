"""AdamW over one flat buffer, and over the rows of the word table that a batch uses. On the device that the model is on.

On CPU an ordinary AdamW over 22 million parameters costs as much as the pass over a batch. Here the word table (half of
them) is updated only where a batch touches it, and everything else in pieces that stay in cache.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .model import MultitaskModel

_PIECE = 1 << 17
_BETAS, _EPSILON = (0.9, 0.98), 1e-8


class Optimizer:
    def __init__(self, model: MultitaskModel, rate: float, head_factor: float, decay: float, clip: float):
        self.rate, self.decay, self.clip = rate, decay, clip
        self.table = model.encoder.words.weight.requires_grad_(False)
        groups: dict[tuple[bool, bool], list[torch.nn.Parameter]] = {(h, d): [] for h in (False, True) for d in (True, False)}
        for name, parameter in model.named_parameters():
            if parameter is not self.table:
                groups[name.startswith("heads."), parameter.dim() > 1].append(parameter)
        self.flat = torch.cat([p.detach().flatten() for group in groups.values() for p in group])
        on_cpu = self.flat.device.type == "cpu"
        if on_cpu:  # shared, so that worker processes see every update
            self.flat.share_memory_()
            self.table.data = self.table.data.share_memory_()
        piece = _PIECE if on_cpu else len(self.flat)
        self.parameters = [p for group in groups.values() for p in group]
        self.gradient = torch.zeros_like(self.flat)
        self.moments = [torch.zeros_like(self.flat), torch.zeros_like(self.flat)]
        self.row_moments = [torch.zeros_like(self.table), torch.zeros_like(self.table)]
        self.pieces: list[tuple[slice, float, float]] = []
        self.shared = 0
        at = 0
        for (head, decays), group in groups.items():
            start = at
            for parameter in group:
                stop = at + parameter.numel()
                parameter.data = self.flat[at:stop].view_as(parameter)
                at = stop
            self.shared = self.shared if head else at
            self.pieces += [(slice(i, min(i + piece, at)), head_factor if head else 1.0, decay if decays else 0.0)
                            for i in range(start, at, piece)]
        self.collect_in(self.gradient)
        self.steps = 0

    def collect_in(self, gradient: Tensor) -> None:
        """From now on `backward` adds to this flat buffer."""
        self.gradient, at = gradient, 0
        for parameter in self.parameters:
            parameter.grad = gradient[at:at + parameter.numel()].view_as(parameter)
            at += parameter.numel()

    def shared_gradient(self) -> Tensor:
        """The encoder's part of the gradient, word table apart."""
        return self.gradient[:self.shared]

    def word_vectors(self, ids: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(vectors [rows, columns, n], the distinct rows of the table as a leaf, their numbers)."""
        numbers, places = torch.unique(ids, return_inverse=True)
        rows = self.table[numbers].requires_grad_(True)
        return torch.nn.functional.embedding(places, rows), rows, numbers

    def step(self, scale: float, numbers: Tensor, row_gradient: Tensor) -> float:
        """One update at `rate` x `scale`, of the word table in the rows `numbers`. Clears the gradient.

        Returns the gradient's norm before clipping; a step whose gradient is not finite changes nothing.
        """
        self.steps += 1
        norm = math.sqrt(float(self.gradient.dot(self.gradient)) + float(row_gradient.pow(2).sum()))
        if not math.isfinite(norm):
            self.gradient.zero_()
            return norm
        shrink = min(1.0, self.clip / (norm + 1e-6))
        correction = math.sqrt(1 - _BETAS[1] ** self.steps) / (1 - _BETAS[0] ** self.steps)
        for piece, factor, decay in self.pieces:
            _update(self.flat[piece], self.gradient[piece].mul_(shrink), self.moments[0][piece], self.moments[1][piece],
                    self.rate * scale * factor, decay, correction)
        first, second = self.row_moments[0][numbers], self.row_moments[1][numbers]
        values = self.table[numbers]
        _update(values, row_gradient.mul_(shrink), first, second, self.rate * scale, 0.0, correction)
        self.table[numbers], self.row_moments[0][numbers], self.row_moments[1][numbers] = values, first, second
        self.gradient.zero_()
        return norm

    def state(self) -> dict:
        return {"steps": self.steps, "moments": self.moments, "row_moments": self.row_moments}

    def load(self, state: dict) -> None:
        self.steps = state["steps"]
        for mine, saved in zip(self.moments + self.row_moments, state["moments"] + state["row_moments"]):
            mine.copy_(saved)


def _update(values: Tensor, gradient: Tensor, first: Tensor, second: Tensor, rate: float, decay: float, correction: float) -> None:
    first.lerp_(gradient, 1 - _BETAS[0])
    second.mul_(_BETAS[1]).addcmul_(gradient, gradient, value=1 - _BETAS[1])
    if decay:
        values.mul_(1 - rate * decay)
    values.addcdiv_(first, second.sqrt().add_(_EPSILON), value=-rate * correction)
