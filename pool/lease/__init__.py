"""The rules of one lease, from taking it to its end. Pure: values in, values out.

    lease.py     what we may still believe about a lease (when it counts as lost)
    renewal.py   when it is confirmed and renewed, and when a renewal is withheld
    pace.py      whether the work moves, or has stalled
    polling.py   when the pool may ask for the next task
    rhythm.py    when to lease the next task while the device is busy
    retry.py     how long each move is tried again before the task is let go
    order.py     what follows what, and in which stage a person sees it
    job.py       the state machine of one lease: which move comes next
    moves.py     what a job can ask for, and what comes back

Nothing here reads a clock, opens a socket or starts a thread. `pool.child` carries the moves out.
"""
