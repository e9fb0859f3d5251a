"""Children of a Runway pool, killed at random moments between a lease and its report.

Theory of operation. A real pool in Runway mode works against the server with the deployed one's
bugs and against a Runway that costs nothing. Again and again a child with a task in work is killed,
and the moment is drawn. What was bought is then counted on both sides, by the pool's own journal of
paid tasks and by that Runway: tests/checker/purchases.py. No item is struck twice, because the pool
rightly fails an item that killed two children, and here every item has to come home.

    strikes.py  who is at work, and with what; pure
    run.py      one run from its seed to its verdict

`python -m tests.chaos.runway_kills --help` lists the flags.
"""
