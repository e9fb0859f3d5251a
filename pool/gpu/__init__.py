"""What the host's GPUs are and how they do.

    visible.py       which devices this pool may use: CUDA_VISIBLE_DEVICES and --devices
    readings.py      the values: a device, one reading of it, all of them at one moment
    nvml.py          the calls to NVML; they may hang for ever, so only the probe makes them
    probe.py         the small process that makes them, one JSON line a second
    probe_client.py  its other end, in the supervisor, which never blocks
    xid.py           what the driver's error codes mean for a slot

Nothing here creates a CUDA context.
"""
