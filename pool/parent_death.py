"""The tie between a child and its supervisor: a child never outlives its parent.

Three knots, because each has a hole. The kernel's parent-death signal is tied to the *thread* that
started the child and is lost if the parent died before it was asked for; so the parent's pid is
looked at after asking. And the pipe's end-of-file is noticed by the loop whatever the kernel did.
"""

import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1


def die_with_parent(parent_pid: int) -> bool:
    """Have the kernel kill this process when its parent dies; False if that is too late already.

    Call it first thing in the main thread.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    return os.getppid() == parent_pid
