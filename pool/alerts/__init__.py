"""Telling somebody: alerts to a webhook, and a ping that stops when the pool does.

main.py       the process: started and watched by the supervisor where either is asked for
orders.py     what it is told at its start
conditions.py what is the matter with a pool at one moment
idleness.py   for how long nothing was finished although there was work
outbox.py     what was said already, and what is still to be sent
post.py       one HTTP request, within a deadline

It reads what the supervisor writes and is never waited for while the pool runs: a webhook that
hangs holds up nobody.
"""
