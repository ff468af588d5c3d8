"""How the tasks' losses become one gradient.

`backward` turns the losses of one micro-batch into gradients and changes no state: it runs in several processes.
`observe` sees the mean loss of each task's rows in the step, in one process, and adapts; `state` travels to the others with the next step.
"""

from __future__ import annotations

import math
import random

import torch
from torch import Tensor

from .optimizer import Optimizer


class Equal:
    """The sum, with fixed factors from the run's file (1 unless said)."""

    separate = False  # whether each task's loss must come of a pass over its own rows alone

    def __init__(self, factors: dict[str, float]):
        self.factors = factors

    def backward(self, losses: dict[str, Tensor], optimizer: Optimizer, words: Tensor) -> None:
        sum(self.factors.get(task, 1.0) * loss for task, loss in losses.items()).backward()

    def observe(self, losses: dict[str, float]) -> None:
        pass

    def state(self) -> dict:
        return {}

    def load(self, state: dict) -> None:
        pass


class Uncertainty(Equal):
    """Kendall, Gal, Cipolla 2018 (arXiv 1705.07115): loss / (2 s^2) + log s, with log s^2 learned per task."""

    def __init__(self, factors: dict[str, float], rate: float = 0.02):
        super().__init__(factors)
        self.rate, self.log_variance = rate, {}

    def backward(self, losses, optimizer, words):
        total = 0
        for task, loss in losses.items():
            s = self.log_variance.get(task, 0.0)
            total = total + math.exp(-s) * self.factors.get(task, 1.0) * loss
        total.backward()

    def observe(self, losses):
        for task, loss in losses.items():
            s = self.log_variance.get(task, 0.0)
            gradient = 0.5 - 0.5 * math.exp(-s) * loss
            self.log_variance[task] = s - self.rate * max(-1.0, min(1.0, gradient))

    def state(self):
        return dict(self.log_variance)

    def load(self, state):
        self.log_variance = dict(state)


class DynamicAverage(Equal):
    """DWA, Liu, Johns, Davison 2019 (arXiv 1803.10704): tasks whose loss falls slower weigh more; windows of steps."""

    def __init__(self, factors: dict[str, float], window: int = 50, temperature: float = 2.0):
        super().__init__(factors)
        self.window, self.temperature = window, temperature
        self.sums: dict[str, list[float]] = {}
        self.means: list[dict[str, float]] = []
        self.weights: dict[str, float] = {}
        self.steps = 0

    def backward(self, losses, optimizer, words):
        sum(self.weights.get(t, 1.0) * self.factors.get(t, 1.0) * loss for t, loss in losses.items()).backward()

    def observe(self, losses):
        for task, loss in losses.items():
            self.sums.setdefault(task, []).append(loss)
        self.steps += 1
        if self.steps % self.window == 0:
            self.means = (self.means + [{t: sum(v) / len(v) for t, v in self.sums.items()}])[-2:]
            self.sums = {}
            if len(self.means) == 2:
                ratio = {t: math.exp(self.means[1][t] / max(self.means[0].get(t, 1e-9), 1e-9) / self.temperature) for t in self.means[1]}
                self.weights = {t: len(ratio) * r / sum(ratio.values()) for t, r in ratio.items()}

    def state(self):
        return {"means": self.means, "weights": self.weights, "steps": self.steps}

    def load(self, state):
        self.means, self.weights, self.steps = state["means"], state["weights"], state["steps"]


class PCGrad(Equal):
    """Yu et al. 2020 (arXiv 2001.06782): a task's gradient loses its part against another's, in the shared encoder.

    A backward pass per task; each goes through the rows of its task only, and most rows carry the labels of one.
    """

    separate = True

    def __init__(self, factors: dict[str, float], seed: int = 0):
        super().__init__(factors)
        self.random = random.Random(seed)

    def backward(self, losses, optimizer, words):
        shared = optimizer.shared_gradient()
        before, gradients = shared.clone(), []
        shared.zero_()
        for i, (task, loss) in enumerate(losses.items()):
            (self.factors.get(task, 1.0) * loss).backward(retain_graph=i < len(losses) - 1)
            gradients.append(torch.cat([shared, words.grad.flatten()]))
            shared.zero_()
            words.grad.zero_()
        total = torch.zeros_like(gradients[0])
        norms = [g.dot(g).clamp_min(1e-12) for g in gradients]
        for i, own in enumerate(gradients):
            own, others = own.clone(), [j for j in range(len(gradients)) if j != i]
            self.random.shuffle(others)
            for j in others:
                along = own.dot(gradients[j])
                if along < 0:
                    own -= along / norms[j] * gradients[j]
            total += own
        shared.copy_(total[:shared.numel()]).add_(before)
        words.grad.copy_(total[shared.numel():].view_as(words))


METHODS = {"equal": Equal, "uncertainty": Uncertainty, "dwa": DynamicAverage, "pcgrad": PCGrad}
