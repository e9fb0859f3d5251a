"""Videos by the WAN image-to-video models, through diffusers.

Only `libraries`, `pipeline`, `pixels`, `prompts`, `faults` and `tiny` import torch or diffusers,
and `backend` imports them when it loads: everything else stays light enough for any process.
"""
