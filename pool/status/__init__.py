"""What is shown of a pool: the status file, and `pool-status`, which reads it.

schema.py      the fields, a promise to other people's scripts
status_file.py written atomically by the supervisor, read by anybody
verdict.py     which exit code a status deserves
table.py       the table for a person
"""
