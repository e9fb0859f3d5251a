"""From the VAE's floats to bytes, and the check that there is anything to see."""

import numpy as np
import torch
from numpy.typing import NDArray

from inference.errors import BadOutput
from inference.video import refuse_blank


def frames_of(video: torch.Tensor) -> NDArray[np.uint8]:
    """Floats 0 to 1 shaped (frames, 3, height, width) as uint8 (frames, height, width, 3).

    Works where the tensor lies, so that a fourth of the bytes leaves the GPU. Raises `BadOutput`
    for NaN and infinities, which the conversion would turn into black, and for blank videos.
    """
    video = video.float()
    if not torch.isfinite(video).all():
        raise BadOutput("the frames hold NaN or infinite values")
    frames = (video * 255).round().to(torch.uint8)
    spreads = (frames.amax(dim=(2, 3)) - frames.amin(dim=(2, 3))).amax(dim=1)
    refuse_blank(spreads.tolist(), int(frames.max()))
    pixels: NDArray[np.uint8] = frames.permute(0, 2, 3, 1).contiguous().cpu().numpy()
    return pixels
