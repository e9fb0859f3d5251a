"""The whole product on one machine, shown at work: what `bin/demo` runs.

    flags.py      what can be asked for
    folder.py     what lies where, and that one demo at a time uses it
    maker.py      which weights make the videos, and on what
    runway_double.py  what stands in for Runway
    services.py   the server and the pool, started with settings of their own
    process.py    one process: started, watched, ended
    admin_api.py  the server's calls for its operator
    orders.py     the three photos and what is to become of them
    moment.py     how things stand: the pool's status file and the server's table
    view.py       a live screen on a terminal, one line per change in a pipe
    outcome.py    where the seconds went and whether the videos play
    errors.py     what ends a demonstration early
    main.py       the story from the first photo to the last video

It stands outside the product: it drives `bin/serve-api` and `bin/start-pool` as processes, talks to
the server over HTTP, and reads the pool's status with `pool.status`, as `bin/pool-status` does.
"""
