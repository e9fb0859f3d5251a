"""A storm over real pools: real processes, signals and sockets, and everything that can go wrong.

Theory of operation. `bin/start-pool` runs several times on one host, each pool behind a proxy of
its own, against a server with the deployed one's bugs in a process of its own. A schedule, drawn
from a seed, kills and stops processes, breaks networks, lets the server lie, and lets inferences
hang or end their process. Whatever ends is started again. When the storm is over, the wind drops,
the tasks come to their end, the pools drain, and what is left is judged: by the checker, from the
server's own log, and by what lies about.

    schedule.py            what goes wrong, and when; pure
    mischief.py            which deed belongs to which trouble
    process_troubles.py, network_troubles.py, server_troubles.py, computing_troubles.py
                           the deeds
    pools.py               a pool that is started again whenever it has ended
    backend.py, video.py   videos that cost nothing
    field.py               what the storm blows over
    judgement.py           the verdict
    run.py                 one storm from its plan to its verdict
    told.py                the verdict in lines

`bin/chaos` runs it by hand.
"""
