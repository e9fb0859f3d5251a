"""Which devices a pool may use, by the grammar of CUDA_VISIBLE_DEVICES.

The rules are those of NVIDIA's programming guide ("CUDA Environment Variables"), and, where it is
silent, those that torch copies from the driver (`torch.cuda._parse_visible_devices`): a list is
either all indices or all ids of one kind; an index is read as C's strtoul reads it, so that `1gpu`
is 1; and a list that names a device twice shows none at all. The last one is an error here, since
nobody wants a machine full of GPUs to stand idle over a typing mistake.
"""

import re
from collections.abc import Sequence

from pool.errors import ConfigError
from pool.gpu.readings import Device

_INDEX = re.compile(r"\+?(\d+)", re.ASCII)
_ID_KINDS = ("GPU-", "MIG-")


def visible(devices: Sequence[Device], spec: str | None) -> list[Device]:
    """The devices that CUDA would show for CUDA_VISIBLE_DEVICES=`spec`, in its order.

    None (unset) shows all; "", "-1" and "NoDevFiles" show none, as does any first entry that is no
    device; what follows the first such entry is ignored. Raises `ConfigError` for a device that is
    named twice.
    """
    if spec is None:
        return sorted(devices, key=lambda device: device.index)
    entries = _entries(spec)
    kind = _kind(entries[0])
    chosen: list[Device] = []
    for entry in entries:
        device = _named(entry, devices) if _kind(entry) == kind else None
        if device is None:
            break
        _refuse_twice(device, entry, chosen, "CUDA_VISIBLE_DEVICES")
        chosen.append(device)
    return chosen


def ignored(devices: Sequence[Device], spec: str | None) -> list[str]:
    """The entries of `spec` that show nothing: the first that is no device, and all after it."""
    return [] if not spec else _entries(spec)[len(visible(devices, spec)) :]


def chosen(devices: Sequence[Device], spec: str) -> list[Device]:
    """The devices that `--devices` names among those that are visible, in its order.

    The same grammar, but it is this pool's own: kinds may be mixed, and an entry that is no device
    is a `ConfigError` that lists what there is.
    """
    result: list[Device] = []
    for entry in _entries(spec):
        device = _named(entry, devices)
        if device is None:
            there = ", ".join(f"{each.index} ({each.uuid})" for each in devices) or "none"
            raise ConfigError(f"--devices: {entry!r} is no visible GPU; there are: {there}")
        _refuse_twice(device, entry, result, "--devices")
        result.append(device)
    return result


def _entries(spec: str) -> list[str]:
    return [entry.strip() for entry in spec.split(",")]


def _kind(entry: str) -> str:
    return next((kind for kind in _ID_KINDS if entry.startswith(kind)), "index")


def _named(entry: str, devices: Sequence[Device]) -> Device | None:
    """The one device that `entry` means; None for no device, and for more than one.

    An index means a card; of a card that is split, CUDA shows the first instance.
    """
    if _kind(entry) != "index":
        matches = [device for device in devices if device.uuid.startswith(entry)]
        exact = [device for device in matches if device.uuid == entry]
        return (exact or matches)[0] if len(exact or matches) == 1 else None
    number = _INDEX.match(entry)
    if number is None:
        return None
    return next((device for device in devices if device.index == int(number[1])), None)


def _refuse_twice(device: Device, entry: str, taken: Sequence[Device], where: str) -> None:
    if device in taken:
        raise ConfigError(
            f"{where}: {entry!r} names GPU {device.index} ({device.uuid}) a second time; "
            "name each GPU once"
        )
