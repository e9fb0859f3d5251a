"""A field of pools under a virtual clock: the child's real code in a simulated world.

Theory of operation. `world.py` is a scheduler with one clock and one source of chance. Whatever
blocks in a real pool is a fiber here (a greenlet): a lane's move, the child's main loop, a request
on its way, the server's work on it. Exactly one fiber runs at a time and it gives way only where
the real thing would wait, so that a run is a function of its seed. What falls on the same instant
runs in an order that is drawn, since threads promise none.

    world.py     time, chance, fibers, and processes that can be stopped and killed
    lanes.py     the child's threads and its inbox
    gate.py      the poll gate and the ledger of one pool, in memory
    server.py    the deployed server with its bugs (the fake server's own tables and calls)
    network.py   latency, loss, outages; what goes wrong with which request
    client.py    the queue and the storage as a child's workbench sees them
    backend.py   makes a video out of nothing, or misbehaves as the task's prompt says
    child.py     puts a child together; the one place that knows the constructors of `pool.child`
    pools.py     slots, restarts, the part of the supervisor that leases depend on
    settings.py  what a world is made of
    troubles.py  what goes wrong, and when
    history.py   the log of a run, and its hash
    stories.py   the log, read as leases
    rules.py, poll_rules.py, end_rules.py
                 what must hold, written from the rules and not from the code
    figures.py   a run in numbers
    run.py       one run from its settings to its verdict

`bin/simulate` runs it by hand; a violation is printed with the command that replays its seed.
"""
