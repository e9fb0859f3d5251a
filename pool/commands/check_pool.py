"""`start-pool --check`: everything that the pool needs, one line each, and what to do about it.

Runs in the parent, which imports no torch and makes no call: what needs either is asked in
processes of their own. No task is taken and nothing is left behind.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError
from rich.console import Console
from rich.text import Text

from pool.commands.host_checks import host_findings
from pool.commands.plan_pool import NoDevice, Plan, plan
from pool.counted import counted
from pool.errors import ConfigError
from pool.exit_codes import ExitCode
from pool.finding import Finding, fine, wrong
from pool.settings.for_child import for_child
from pool.settings.schema import Settings
from pool.settings.sources import Loaded
from pool.state_dir import StateDir
from pool.status.status_file import is_locked
from pool.supervisor.plan import SlotPlan, child_environment

PROJECT_ROOT = Path(__file__).resolve().parents[2]

_DEVICE_S = 180.0
"""A driver without persistence mode and a cold disk take most of a minute before a first kernel."""


def check(loaded: Loaded, environ: Mapping[str, str]) -> ExitCode:
    """Print every finding; the code of the first that is not well, else 0."""
    console = Console(highlight=False, soft_wrap=True)
    code = ExitCode.CLEAN
    for found in _findings(loaded, environ):
        console.print(_line(found, unicode=console.encoding.startswith("utf")))
        if not found.ok and code is ExitCode.CLEAN:
            code = found.code
    return code


def _findings(loaded: Loaded, environ: Mapping[str, str]) -> Iterator[Finding]:
    settings = loaded.settings
    yield _settings(loaded)
    planned, devices = _planned(settings, environ)
    yield devices
    slots = planned.slots if planned is not None else ()
    running = is_locked(StateDir(settings.state_dir).lock)
    yield from host_findings(settings, max(1, len(slots)), running=running)
    yield from _asked_elsewhere(loaded, slots, environ)
    yield from _kernels(slots, environ)


def _settings(loaded: Loaded) -> Finding:
    warned = f", {counted(len(loaded.warnings), 'warning')} above" if loaded.warnings else ""
    given = counted(len(loaded.origin), "value")
    return fine("settings", f"{given} given, the rest are defaults{warned}")


def _planned(settings: Settings, environ: Mapping[str, str]) -> tuple[Plan | None, Finding]:
    what = "devices"
    try:
        planned = plan(settings, environ)
    except NoDevice as error:
        words, _, remedy = str(error).rpartition("; ")
        return None, wrong(what, words or remedy, remedy, ExitCode.NO_DEVICE)
    except ConfigError as error:
        return None, wrong(what, str(error), "correct --devices or CUDA_VISIBLE_DEVICES")
    if planned.warnings:
        return planned, wrong(what, "; ".join(planned.warnings), "see nvidia-smi and dmesg")
    names = ", ".join(slot.name for slot in planned.slots)
    return planned, fine(what, f"a child for each of {names}")


def _asked_elsewhere(
    loaded: Loaded, slots: Sequence[SlotPlan], environ: Mapping[str, str]
) -> Iterator[Finding]:
    cards = {
        slot.name: slot.device.memory_total_bytes if slot.device is not None else None
        for slot in slots
    }
    settings_json = for_child(loaded.settings).to_json()
    question = {"settings_json": settings_json, "origins": loaded.origin, "cards": cards}
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "pool.child.check", str(os.getpid())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=_quiet(environ),
    )
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("pipes were asked for")
    with process.stdin:
        process.stdin.write(json.dumps(question).encode())
    for line in process.stdout:
        yield _parsed(line, "check")
    if process.wait() != 0:
        words = f"the checking process ended with {process.returncode}"
        yield wrong("check", words, "what it printed stands above")


def _kernels(slots: Sequence[SlotPlan], environ: Mapping[str, str]) -> Iterator[Finding]:
    """A kernel on every device, all at the same time, told in the slots' order."""
    running = [
        (
            slot.name,
            subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    "-m",
                    "pool.child.check_device",
                    slot.name,
                    slot.device.uuid,
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=child_environment(environ, slot, str(PROJECT_ROOT)),
            ),
        )
        for slot in slots
        if slot.device is not None
    ]
    for name, process in running:
        yield _kernel(name, process)


def _kernel(name: str, process: "subprocess.Popen[bytes]") -> Finding:
    try:
        out, said = process.communicate(timeout=_DEVICE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        words = f"no kernel ran within {_DEVICE_S:.0f} s"
        return wrong(name, words, "run nvidia-smi; restart the machine", ExitCode.NO_DEVICE)
    if process.returncode != 0:
        last = said.decode(errors="replace").strip().rpartition("\n")[2]
        words = f"the device's process ended with {process.returncode}: {last}"
        return wrong(name, words, "run nvidia-smi; bin/install", ExitCode.NO_DEVICE)
    return _parsed(out, name)


def _parsed(line: bytes, what: str) -> Finding:
    try:
        return Finding.model_validate_json(line)
    except ValidationError:
        return wrong(what, "its process wrote something that is no finding", "bin/install")


def _quiet(environ: Mapping[str, str]) -> dict[str, str]:
    """As for a child without a device, no secret in it: the devices are asked one by one."""
    nothing = SlotPlan("check", None)
    return child_environment(environ, nothing, str(PROJECT_ROOT))


def _line(found: Finding, *, unicode: bool) -> Text:
    good, bad = ("✓", "✗") if unicode else ("ok  ", "FAIL")
    mark = Text(good, style="green") if found.ok else Text(bad, style="bold red")
    remedy = f"; {found.remedy}" if found.remedy else ""
    return Text.assemble(mark, f" {found.what}: {found.words}{remedy}")
