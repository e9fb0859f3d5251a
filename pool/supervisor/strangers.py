"""Dead processes that nobody in this pool started, and that the kernel gave to it all the same.

In a container without an init the pool is process 1, and everything that loses its parent becomes
its child. Such a process stays in the table, dead, until it is waited for; a table full of them
starts no child.
"""

import os
from collections.abc import Collection


def reap_strangers(ours: Collection[int]) -> None:
    """Wait for the dead that are not `ours`; never blocks. Called by the supervisor's thread.

    One of ours ends the round: its handle waits for it, and what lies behind comes next time.
    """
    while (dead := _first_dead()) is not None and dead not in ours:
        os.waitpid(dead, 0)


def _first_dead() -> int | None:
    try:
        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    return None if ended is None else ended.si_pid
