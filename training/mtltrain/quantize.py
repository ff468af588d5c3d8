"""8-bit quantization, the same arithmetic as the exported CPU graph, with straight-through gradients.

Weights: symmetric int8, one scale per output channel. Activations: asymmetric uint8; in training with one scale per text, in a
released model with one scale per matrix (`fix_spans`), so that no text changes what another one gets.
"""

from __future__ import annotations

from typing import Callable

import numpy as np
import torch
from torch import Tensor

EQUAL_SHARE = 0.95   # of the channels that enter a matrix; the others are brought down to the largest of these
SPAN_SHARE = 0.999   # of the tokens whose largest and smallest value fit into what uint8 can tell


def weight_scales(weight: Tensor) -> Tensor:
    """[out, in] -> [out, 1], never zero."""
    return weight.detach().abs().amax(dim=1, keepdim=True).clamp_min(1e-8) / 127.0


def to_int8(weight: Tensor) -> tuple[Tensor, Tensor]:
    """[out, in] -> int8 values [out, in] and scales [out, 1]."""
    scales = weight_scales(weight)
    return torch.round(weight.detach() / scales).clamp_(-127, 127).to(torch.int8), scales


class _RoundWeight(torch.autograd.Function):
    @staticmethod
    def forward(_, weight: Tensor) -> Tensor:
        scales = weight_scales(weight)
        return torch.round(weight / scales).mul_(scales)

    @staticmethod
    def backward(_, gradient: Tensor):
        return gradient


class _RoundActivation(torch.autograd.Function):
    @staticmethod
    def forward(_, x: Tensor, low: Tensor, high: Tensor) -> Tensor:
        scale, zero = activation_scale(low, high)
        q = torch.round(x.float() / scale).add_(zero).clamp_(0, 255)
        return q.sub_(zero).mul_(scale).to(x.dtype)

    @staticmethod
    def backward(_, gradient: Tensor):
        return gradient, None, None


def activation_scale(low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """Scale and zero point of uint8 between two bounds; zero is always among the values."""
    low, high = low.clamp_max(0), high.clamp_min(0)
    scale = ((high - low) / 255.0).clamp_min(1e-8)
    return scale, torch.round(-low / scale)


def round_weight(weight: Tensor) -> Tensor:
    """The weight as int8 would hold it; gradients pass through."""
    return _RoundWeight.apply(weight)


def round_activation(x: Tensor, mask: Tensor | None, span: tuple[float, float] | None = None) -> Tensor:
    """[rows, columns, n] with mask [rows, columns], or [rows, n], as uint8 would hold it: between the bounds of `span`, or each text between its own."""
    if span is not None:
        low, high = torch.tensor(span[0]), torch.tensor(span[1])
    else:
        real = x.detach().float() * mask.unsqueeze(-1) if x.dim() == 3 else x.detach().float()
        inner = tuple(range(1, x.dim()))
        low, high = real.amin(dim=inner, keepdim=True), real.amax(dim=inner, keepdim=True)
    return _RoundActivation.apply(x, low, high)


def smooth(matrices: list, run: Callable[[], None]) -> None:
    """Brings the few channels that dwarf all others down before they are rounded, and makes up for it in the weights.

    One channel in 384 reaches 31 to 38 where most stay below 6, in every layer, and so takes the steps of uint8 from the others; the weights, with a
    scale for every output channel, hardly notice one larger column. After SmoothQuant (Xiao et al. 2023, arXiv 2211.10438), which
    moves every channel; here the most of them stay. In full precision the function is what it was. `run` passes texts through the model.
    """
    largest: dict = {}

    def note(matrix, x: Tensor) -> None:
        found = x.abs().amax(0)
        largest[matrix] = torch.maximum(largest[matrix], found) if matrix in largest else found

    _watch(matrices, note, run)
    for matrix in matrices:
        factors = (largest[matrix] / largest[matrix].quantile(EQUAL_SHARE)).clamp_min(1)
        with torch.no_grad():
            matrix.weight.mul_(factors)
        matrix.smoothing = 1 / factors


def fix_spans(matrices: list, run: Callable[[], None]) -> None:
    """Sets the bounds between which uint8 holds a matrix's input, from the texts that `run` passes through the model in full precision.

    A text's labels then depend on no other text, so several can share a call. With the largest channels brought down before (`smooth`), fixed bounds
    lose no more than bounds of each text's own; a few extreme tokens would take steps from all others, so they are cut off.
    """
    seen: dict = {matrix: [] for matrix in matrices}
    _watch(matrices, lambda matrix, x: seen[matrix].append(torch.stack([x.amin(-1), x.amax(-1)])), run)
    for matrix, found in seen.items():
        low, high = (np.quantile(side.numpy(), share) for side, share in zip(torch.cat(found, dim=1), (1 - SPAN_SHARE, SPAN_SHARE)))
        matrix.span = (min(0.0, float(low)), max(0.0, float(high)))


def _watch(matrices: list, note: Callable, run: Callable[[], None]) -> None:
    """Runs, and hands every matrix's input [tokens, in] over, as it is multiplied, without padding."""
    def hook(matrix, inputs) -> None:
        x = inputs[0].detach().float()
        if x.dim() == 3:
            x = x[inputs[1] > 0]
        note(matrix, x if matrix.smoothing is None else x * matrix.smoothing)

    hooks = [matrix.register_forward_pre_hook(hook) for matrix in matrices]
    try:
        run()
    finally:
        for hook in hooks:
            hook.remove()
