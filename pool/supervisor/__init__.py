"""The parent process: starts one child for every slot and keeps them alive.

    states.py      the table of a slot's states, events and actions
    restart.py     when a dead child is restarted, and when its slot is given up
    exits.py       what a child's death means
    stall.py       what is done to a child that no longer moves, and when
    ladder.py      the watch over one child's signs of life
    loading.py     how many children may load at once
    host_memory.py    what is left of the host's memory, and what a process takes of it
    counters.py    what a slot's children have done so far
    newborn.py     a child as its slot holds it, and how one is started
    slot.py        one slot: its state, its counters, its child
    child_process.py  the handle on one child process
    plan.py        which slots there are, and what each child gets
    device_locks.py   one child per GPU on this host, across pools
    supervisor.py  the loop over all slots
    signals.py     signals are only recorded
    strangers.py   the dead that the kernel gave to this pool
    output_file.py    the file that takes what a child prints
    progress.py    progress as log lines
    companion.py   a small process beside the pool
    diagram.py     the table of states as a picture

One thread, no torch, no CUDA, no call to the Worker API.
"""
