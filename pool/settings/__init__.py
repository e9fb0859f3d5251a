"""The pool's settings: one frozen object, read from flags, environment, `.env` and YAML."""

from pool.settings.schema import Settings, StallLimits
from pool.settings.sources import Loaded, load

__all__ = ["Loaded", "Settings", "StallLimits", "load"]
