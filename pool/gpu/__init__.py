"""What the host's GPUs are and how they do.

    visible.py       which devices this pool may use: CUDA_VISIBLE_DEVICES and --devices
    readings.py      the values: a device, one reading of it, all of them at one moment
    nvml.py          the calls to NVML; they may hang for ever, so only the probe makes them
    condition.py     what NVML says of a card's memory repairs, its brakes, what it needs
    probe.py         the small process that makes them, one JSON line a second
    probe_client.py  its other end, in the supervisor, which never blocks
    xid.py           what the driver's error codes ask for
    device_watch.py  what the readings of one device come to, over time
    memory.py        whether a dead process's memory has come back

Nothing here creates a CUDA context.
"""
