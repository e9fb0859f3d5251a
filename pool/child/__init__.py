"""The process in a slot: one backend, one worker id, one lease loop.

    main.py       the process's entry: ties it to its parent, loads the backend, runs the loop
    loop.py       the loop itself: news in, moves out
    desk.py       the tasks in work side by side, and who may use the device
    in_work.py    one task in work
    signs.py      its signs of life, from the lanes to the main thread
    poller.py     asks for the next task
    key_trial.py  shows the Worker API the key without taking one
    workbench.py  carries a job's moves out, for one task
    lanes.py      the threads that moves run on
    undelivered.py  finished videos that wait for their delivery
    fence.py      what keeps a worker that lost its lease from sending anything
    poll_gate.py  one next-task question at a time in the whole pool
    translate.py  other packages' errors into outcomes
    outbox.py     messages to the supervisor, never blocking

Threads: the main thread runs the loop and owns every decision; `device` loads the backend and
infers; `fetch` brings photos in and prepares them; `deliver` encodes, stores and reports; `poll`
waits for the pool's turn to ask and asks; `renewals-N` sends the heartbeats of one lease; `inlet`
reads the supervisor's pipe. The other threads only put news into the loop's inbox.
"""
