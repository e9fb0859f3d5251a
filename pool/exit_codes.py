"""Exit codes of the pool, of its children and of `pool-status`. A promise: scripts test for them.

pool and child
  0  CLEAN            drained, nothing left in work
  1  NOT_NOW          the weights cannot be downloaded at the moment; another start may
  2  CONFIG           a setting or the weights are wrong; never restarted
  3  NO_DEVICE        no usable device, or not the device that was assigned
  4  UNAUTHORIZED     the Worker API refused the key (401)
  5  ALL_QUARANTINED  every slot is quarantined: the machine can be given back
  6  DEVICE_UNFIT     (child only) this process can make no further video; restarted fresh
  7  ORPHANED         (child only) the supervisor is gone
  8  ALREADY_RUNNING  another pool holds this state folder
  9  STOPPED          stopped by a second signal or at the drain's deadline; leases given back
  10 WORN_OUT         (child only) its memory has drifted; replaced between two tasks, no blame

pool-status
  0  every slot works · 1 some do not · 2 none does, or the status is stale · 3 no pool
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """How the pool or one of its children ended."""

    CLEAN = 0
    NOT_NOW = 1
    CONFIG = 2
    NO_DEVICE = 3
    UNAUTHORIZED = 4
    ALL_QUARANTINED = 5
    DEVICE_UNFIT = 6
    ORPHANED = 7
    ALREADY_RUNNING = 8
    STOPPED = 9
    WORN_OUT = 10


class StatusExitCode(IntEnum):
    """What `pool-status` found."""

    ALL_WORK = 0
    SOME_DO_NOT = 1
    NONE_WORKS = 2
    NO_POOL = 3
