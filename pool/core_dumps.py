"""No process of a pool leaves a core dump: it would hold the keys and a family's photo.

A limit of zero keeps the kernel from writing a file, and systemd-coredump and apport, which are
handed dumps whatever the limit is, from keeping one. (PR_SET_DUMPABLE would stop those too, but it
also takes a process of an ordinary user the access to its own `/proc/self/fd`.)
"""

import resource


def forbid_core_dumps() -> None:
    """Set the limit, for this process and for all that it starts; they cannot raise it again."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
