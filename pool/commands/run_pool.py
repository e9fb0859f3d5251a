"""From a plan to a running supervisor: the parts of the parent process, put together."""

import contextlib
import fcntl
import os
import random
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from loguru import logger

import pool
from pool.commands.companions import companions
from pool.commands.host_checks import port_finding
from pool.commands.plan_pool import NoDevice, Plan, worker_prefix
from pool.commands.pool_log import log_to
from pool.commands.publish import Publisher
from pool.counted import counted
from pool.errors import ConfigError
from pool.event_log import event_sink
from pool.exit_codes import ExitCode
from pool.gpu.probe_client import ProbeClient
from pool.ledger import Ledger
from pool.messages import Start
from pool.settings.for_child import for_child
from pool.settings.schema import Settings
from pool.state_dir import StateDir
from pool.status.snapshot import Identity
from pool.supervisor.child_process import ChildProcess, Launch
from pool.supervisor.companion import Companion
from pool.supervisor.device_locks import DeviceHeld, lock_device, lock_dir
from pool.supervisor.host_memory import HostMemory
from pool.supervisor.loading import GUESS_BYTES, GUESS_ON_GPUS_BYTES
from pool.supervisor.newborn import Newborn, SlotFacts
from pool.supervisor.plan import (
    SlotPlan,
    child_environment,
    new_worker_id,
    with_share_of_cores,
    with_small_heap,
)
from pool.supervisor.restart import RestartRules
from pool.supervisor.signals import SignalRecorder, deafen
from pool.supervisor.slot import Slot
from pool.supervisor.supervisor import PoolRules, Supervisor, Surroundings
from pool.task_log import TaskLog
from pool.terminal import Terminal
from pool.web.address import parse_address

PROJECT_ROOT = Path(__file__).resolve().parents[2]

_PROBE = ".writable"


class PoolRunning(Exception):
    """Another pool holds the state folder; the message says which."""


@dataclass(frozen=True)
class Nursery:
    """What is the same for every child that this pool starts."""

    settings: Settings
    prefix: str
    environ: Mapping[str, str]
    supervisor: Supervisor

    def newborn(self, slot: SlotPlan, kept_fds: tuple[int, ...], incarnation: int) -> Newborn:
        """Start the slot's child of this incarnation, in an empty work folder."""
        settings = self.settings
        folder = work_dir(settings, slot.name)
        if settings.auto_cleanup_temp:
            shutil.rmtree(folder, ignore_errors=True)
        worker_id = new_worker_id(self.prefix, slot.name)
        start = Start(
            settings_json=for_child(settings).to_json(),
            slot=slot.name,
            worker_id=worker_id,
            work_dir=str(folder),
            incarnation=incarnation,
            device_uuid=slot.device.uuid if slot.device is not None else None,
            key_accepted=self.supervisor.key_accepted,
        )
        launch = Launch(
            start=start,
            environment=child_environment(self.environ, slot, str(PROJECT_ROOT)),
            output=_output(settings, slot.name),
            kept_fds=kept_fds,
        )
        return Newborn(ChildProcess(launch), worker_id)


def work_dir(settings: Settings, slot: str) -> Path:
    """Where the slot's children keep the files of tasks in work.

    Pools may share `temp_dir`, but never a state folder.
    """
    pool_name = sha256(str(settings.state_dir).encode()).hexdigest()[:8]
    return settings.temp_dir / f"pool-{pool_name}" / slot


def run(planned: Plan, environ: Mapping[str, str]) -> ExitCode:
    """Run the pool to its end, in the main thread.

    Raises `ConfigError` for folders that cannot be written and a port that is taken, `PoolRunning`,
    and `NoDevice` where other pools hold every device.
    """
    settings = planned.settings
    state_dir = StateDir(settings.state_dir)
    _create_folders(settings, state_dir)
    _require_port(settings)
    with _locked(state_dir), companions(settings, environ) as beside:
        terminal = log_to(settings)
        prefix = worker_prefix(settings, state_dir, create=True) or ""
        held = _lock_devices(planned, state_dir)
        state_dir.poll_gate.unlink(missing_ok=True)
        around = _surroundings(planned, prefix, environ, terminal, beside)
        cores = len(os.sched_getaffinity(0))
        rules = _rules(settings, cores)
        supervisor = Supervisor(rules, around, time.monotonic)
        if not settings.on_gpus:
            environ = with_share_of_cores(environ, len(held), cores)
        if settings.backend == "runway":
            environ = with_small_heap(environ)
        nursery = Nursery(settings, prefix, environ, supervisor)
        logger.info("pool {}: {}, {}", prefix, counted(len(held), "slot"), settings.vercel_api_url)
        code = supervisor.run([_slot(nursery, slot, fds) for slot, fds in held])
        deafen()
        if terminal is not None:
            terminal.close()
        _remove_work_dirs(settings, planned)
        logger.info("the pool has ended: {} ({})", code.name, int(code))
        return code


def _rules(settings: Settings, cores: int) -> PoolRules:
    """Only a Runway child's load is nothing but computing: another's may wait for a disk."""
    return PoolRules(
        settings.max_tasks,
        settings.drain_timeout,
        load_guess_bytes=GUESS_ON_GPUS_BYTES if settings.on_gpus else GUESS_BYTES,
        loads_at_once=cores if settings.backend == "runway" else None,
    )


def _require_port(settings: Settings) -> None:
    if settings.http is not None:
        found = port_finding(parse_address(settings.http))
        if not found.ok:
            raise ConfigError(f"http: {found.words}; {found.remedy}")


def _create_folders(settings: Settings, state_dir: StateDir) -> None:
    try:
        state_dir.create()
        settings.temp_dir.mkdir(parents=True, exist_ok=True)
        settings.log_dir.mkdir(parents=True, exist_ok=True)
        probe = state_dir.path / _PROBE
        probe.touch()
        probe.unlink()
    except OSError as error:
        where = str(error.filename).removesuffix(f"/{_PROBE}")
        raise ConfigError(
            f"{where} cannot be written ({error.strerror}); set state_dir, temp_dir and "
            "log_dir to folders of your own"
        ) from error


@contextlib.contextmanager
def _locked(state_dir: StateDir) -> Iterator[None]:
    fd = os.open(state_dir.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(fd, 100, 0).decode(errors="replace").strip()
            raise PoolRunning(
                f"a pool (pid {holder}) runs in {state_dir.path} already; stop it, or give this "
                "one a folder of its own: --state-dir"
            ) from None
        os.ftruncate(fd, 0)
        os.pwrite(fd, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(fd)


def _lock_devices(planned: Plan, state_dir: StateDir) -> list[tuple[SlotPlan, tuple[int, ...]]]:
    """The slots whose devices are ours now, each with the lock that its children keep open."""
    held: list[tuple[SlotPlan, tuple[int, ...]]] = []
    others: list[str] = []
    for slot in planned.slots:
        if slot.device is None:
            held.append((slot, ()))
            continue
        try:
            holder = f"the pool in {state_dir.path} (pid {os.getpid()})"
            held.append((slot, (lock_device(slot.device.uuid, holder),)))
        except DeviceHeld as error:
            others.append(f"{slot.name} ({slot.device.uuid}) is {error}")
            logger.error("{}: not started here", others[-1])
        except OSError as error:
            raise ConfigError(
                f"{lock_dir()} cannot hold the devices' locks ({error.strerror}); it must be a "
                "folder that this user may write to"
            ) from error
    if not held:
        raise NoDevice(f"every device is in use: {'; '.join(others)}")
    return held


def _surroundings(
    planned: Plan,
    prefix: str,
    environ: Mapping[str, str],
    terminal: Terminal | None,
    beside: Sequence[Companion],
) -> Surroundings:
    settings = planned.settings
    state_dir = StateDir(settings.state_dir)
    identity = Identity(
        id=prefix,
        pid=os.getpid(),
        mode=settings.worker_type,
        api_url=settings.vercel_api_url,
        version=pool.__version__,
        started=time.monotonic(),
        started_at=datetime.now(UTC),
    )
    outputs = [_output(settings, slot.name) for slot in planned.slots]
    devices = [slot.device.uuid for slot in planned.slots if slot.device is not None]
    return Surroundings(
        signals=SignalRecorder(),
        gpus=ProbeClient.on_this_host(environ, devices) if settings.on_gpus else None,
        ledger=Ledger(state_dir.ledger),
        events=event_sink(state_dir.events, "pool", wanted=settings.event_log),
        task_log=TaskLog(state_dir.tasks),
        publish=Publisher(state_dir, identity, outputs, terminal),
        companions=beside,
        memory=HostMemory(),
    )


def _output(settings: Settings, slot: str) -> Path:
    """The file that takes what the slot's children and their libraries print."""
    return settings.log_dir / f"{slot}.out"


def _slot(nursery: Nursery, slot: SlotPlan, fds: tuple[int, ...]) -> Slot:
    facts = SlotFacts(
        name=slot.name,
        device=slot.device,
        launch=lambda incarnation: nursery.newborn(slot, fds, incarnation),
    )
    return Slot(facts, RestartRules(), nursery.supervisor, random.random)


def _remove_work_dirs(settings: Settings, planned: Plan) -> None:
    if settings.auto_cleanup_temp:
        for slot in planned.slots:
            shutil.rmtree(work_dir(settings, slot.name), ignore_errors=True)
        with contextlib.suppress(OSError):
            work_dir(settings, "any").parent.rmdir()
