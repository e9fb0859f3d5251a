"""What is shown of a pool: the status file, and `pool-status`, which reads it.

schema.py        the fields, a promise to other people's scripts
status_file.py   written atomically by the supervisor, read by anybody
verdict.py       which exit code a status deserves
queue.py         what the pool knows of its queue
task_records.py  what became of the newest leases
host.py          what is left of the machine
spent.py         what a Runway pool has spent today
totals.py        what the pool as a whole has done lately
observer.py      one look at all of these
table.py         the table for a person; span.py and bar.py draw its parts
view.py          the table on a terminal or in a pipe, once or again and again
"""
