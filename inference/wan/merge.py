"""LoRAs merged into the weights, so that they cost no time afterwards. Device thread."""

from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from inference.wan.lora import Change, changes_in


@torch.no_grad()
def merge_lora(transformer: Any, file: Path, scale: float) -> int:
    """Add every change in `file`, times `scale`, to the transformer's weights; how many they were.

    The sum is made in float32 and rounded once. Raises `BackendUnusable` for a file that holds
    anything else; that its sizes fit was checked before (`inference.wan.lora.check_lora`).
    """
    with safe_open(str(file), framework="pt") as tensors:
        changes = changes_in(dict.fromkeys(tensors.keys()), file)
        for layer, change in changes.items():
            _merge(transformer.get_submodule(layer), change, tensors, scale)
    return len(changes)


def _merge(layer: Any, change: Change, tensors: Any, scale: float) -> None:
    device = layer.weight.device
    if change.down is not None and change.up is not None:
        pair = (tensors.get_tensor(name) for name in (change.down, change.up))
        down, up = (half.to(device).float() for half in pair)
        strength = scale
        if change.alpha is not None:
            strength *= float(tensors.get_tensor(change.alpha)) / down.shape[0]
        product = (up.flatten(1) @ down.flatten(1)).view(layer.weight.shape)
        layer.weight.copy_(layer.weight.float() + strength * product)
    if change.bias is not None:
        layer.bias.copy_(layer.bias.float() + scale * tensors.get_tensor(change.bias).to(device))
