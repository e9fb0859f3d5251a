"""What is on the disk by the time that a paid request is on its way."""

import sqlite3
import threading

import pytest

from inference.errors import TryLater
from inference.runway.attempts import State
from inference.runway.journal import FILE
from tests.fakes.bad_server.faults import Delay
from tests.fakes.runway import Look

SYNCED_WITH_ITS_FOLDER = 3
"""SQLite's number for synchronous = extra."""


def test_the_intent_is_there_before_the_create_is_answered_and_the_id_right_after(
    runway, backend, infer, tmp_path
):
    runway.usual_script((Look("RUNNING", 0.5),))  # until its time is over
    runway.trouble("create", Delay(1.0))

    def rows():
        with sqlite3.connect(tmp_path / "state" / FILE) as db:
            return db.execute("select state, task_id from attempts").fetchall()

    buyer = threading.Thread(target=_buy_in_vain, args=(infer, backend()))
    buyer.start()
    assert runway.wait_for(lambda: len(runway.asked("create")) == 1)
    assert rows() == [(State.INTENT, None)]
    assert runway.wait_for(lambda: len(runway.asked("look")) == 1)
    assert rows()[0][1] == runway.tasks[0].task_id
    buyer.join()


def test_every_transaction_is_on_the_disk_when_it_is_over(backend):
    with backend()._journal._opened() as db:
        assert db.execute("pragma synchronous").fetchone() == (SYNCED_WITH_ITS_FOLDER,)


def _buy_in_vain(infer, made):
    with pytest.raises(TryLater):
        infer(made)
