"""8-bit quantization, the same arithmetic as the exported CPU graph, with straight-through gradients.

Weights: symmetric int8, one scale per output channel. Activations: asymmetric uint8, one scale per text
(ONNX `DynamicQuantizeLinear` over one text a call, which is how the worker calls the CPU graph).
"""

from __future__ import annotations

import torch
from torch import Tensor


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
