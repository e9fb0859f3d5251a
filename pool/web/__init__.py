"""The status page: a small process beside the supervisor that reads what it writes.

main.py      the process: started by the supervisor, or alone by `pool-status --http`
address.py   where it listens
recorder.py  its one look a second, shared by every request
history.py   the samples of the last hours, in memory and on disk
restarts.py  which children ended, and why
charts.py    what the page draws, from samples and from leases that ended
metrics.py   the same for Prometheus
routes.py    which path answers what
server.py    HTTP
page/        the page itself: no framework, nothing from elsewhere

It holds no secret and calls nobody. Whatever happens to it, the pool goes on.
"""
