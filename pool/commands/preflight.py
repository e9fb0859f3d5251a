"""Asks a process of its own whether the model can be run here, before any child is started.

Runs in the parent, which imports none of the libraries that this takes.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Literal

from pool.errors import ConfigError
from pool.settings.backend_options import backend_options
from pool.settings.environment import without_secrets
from pool.settings.for_child import for_child
from pool.settings.sources import Loaded
from pool.supervisor.plan import SlotPlan

Fetch = Literal["never", "missing", "all"]
"""Whether to download: not at all, what the local cache lacks, or whatever the hub has newer."""

_MODULE = ("-P", "-m", "pool.child.preflight")


class NotNow(Exception):
    """What is needed cannot be had at the moment; the message is one line."""


class KeyRefused(Exception):
    """The Worker API does not accept the key; the message is one line."""


def preflight(
    loaded: Loaded,
    slots: Sequence[SlotPlan],
    environ: Mapping[str, str],
    fetch: Fetch,
) -> dict[str, str]:
    """For each slot, in words, how the model will lie on its device; empty for other backends.

    Blocks for as long as a download takes, and shows it on stderr. Raises `ConfigError` with one
    line for what can never work, `NotNow` for what another start may bring, and `KeyRefused` rather
    than download for nothing.
    """
    settings = loaded.settings
    if settings.backend != "wan":
        return {}
    question = {
        "options": backend_options(settings),
        "cards": {
            slot.name: slot.device.memory_total_bytes if slot.device is not None else None
            for slot in slots
        },
        "fetch": fetch,
        "origins": loaded.origin,
        "settings_json": for_child(settings).to_json(),
    }
    done = subprocess.run(
        [sys.executable, *_MODULE, str(os.getpid())],
        input=json.dumps(question, default=str).encode(),
        stdout=subprocess.PIPE,
        env=_environment(environ),
        check=False,
    )
    return _plans(done)


def _plans(done: "subprocess.CompletedProcess[bytes]") -> dict[str, str]:
    try:
        findings = json.loads(done.stdout)
        problem, plans = findings["problem"], findings["plans"]
        key_refused, passing = findings["key_refused"], findings["passing"]
    except (ValueError, LookupError, TypeError):
        raise ConfigError(
            f"the model could not be checked: the checking process ended with {done.returncode}; "
            "what it printed is above"
        ) from None
    if key_refused:
        raise KeyRefused(problem)
    if passing:
        raise NotNow(problem)
    if problem is not None:
        raise ConfigError(problem)
    return {str(slot): str(plan) for slot, plan in plans.items()}


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    """No secret of ours, and no device: nothing here may touch one."""
    return without_secrets(environ) | {"CUDA_VISIBLE_DEVICES": ""}
