"""8-bit quantization, the same arithmetic as the exported CPU graph, with straight-through gradients.

Weights: symmetric int8, one scale per output channel. Activations: asymmetric uint8, one scale per text
(ONNX `DynamicQuantizeLinear` over one text a call, which is how the worker calls the CPU graph).
"""

from __future__ import annotations

from typing import Callable

import torch
from torch import Tensor

EQUAL_SHARE = 0.98  # of the channels that enter a matrix; the others are brought down to the largest of these


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
    def forward(_, x: Tensor, mask: Tensor) -> Tensor:
        rows = x.float()
        if x.dim() == 3:
            real = rows * mask.unsqueeze(-1)
            low, high = real.amin(dim=(1, 2), keepdim=True), real.amax(dim=(1, 2), keepdim=True)
        else:
            low, high = rows.amin(dim=1, keepdim=True), rows.amax(dim=1, keepdim=True)
        low, high = low.clamp_max(0), high.clamp_min(0)
        scale = ((high - low) / 255.0).clamp_min_(1e-8)
        zero = torch.round(-low / scale)
        q = torch.round(rows / scale).add_(zero).clamp_(0, 255)
        return q.sub_(zero).mul_(scale).to(x.dtype)

    @staticmethod
    def backward(_, gradient: Tensor):
        return gradient, None


def round_weight(weight: Tensor) -> Tensor:
    """The weight as int8 would hold it; gradients pass through."""
    return _RoundWeight.apply(weight)


def round_activation(x: Tensor, mask: Tensor) -> Tensor:
    """[rows, columns, n] with mask [rows, columns], or [rows, n]: each text as uint8 would hold it."""
    return _RoundActivation.apply(x, mask)


def smooth(matrices: list, run: Callable[[], None]) -> None:
    """Brings the few channels that dwarf all others down before they are rounded, and makes up for it in the weights.

    One channel in 384 reaches 31 to 38 where most stay below 7, in every layer, and so takes the steps of uint8 from the others; the weights, with a
    scale for every output channel, hardly notice one larger column. After SmoothQuant (Xiao et al. 2023, arXiv 2211.10438), which
    moves every channel; here the most of them stay. In full precision the function is what it was. `run` passes texts through the model.
    """
    largest: dict = {}

    def note(matrix, inputs) -> None:
        found = inputs[0].detach().float().abs().flatten(0, -2).amax(0)
        largest[matrix] = torch.maximum(largest[matrix], found) if matrix in largest else found

    hooks = [matrix.register_forward_pre_hook(note) for matrix in matrices]
    try:
        run()
    finally:
        for hook in hooks:
            hook.remove()
    for matrix in matrices:
        factors = (largest[matrix] / largest[matrix].quantile(EQUAL_SHARE)).clamp_min(1)
        with torch.no_grad():
            matrix.weight.mul_(factors)
        matrix.smoothing = 1 / factors
