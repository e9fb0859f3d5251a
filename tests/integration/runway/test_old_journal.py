"""A journal that an older version wrote."""

import sqlite3
import threading

import pytest

from inference.runway.attempts import State
from inference.runway.journal import FILE

VERSION_0_1 = """
create table attempts (
    number integer primary key,
    item_id text not null,
    lease_id text not null,
    fingerprint text not null,
    state text not null,
    owner text not null,
    task_id text,
    model text not null,
    usd real not null,
    made_at real not null,
    note text not null default '',
    maybe_twice integer not null default 0,
    resumed integer not null default 0
);
"""


@pytest.fixture
def age(tmp_path):
    """age(): what is in the journal, in a file as version 0.1 made it."""

    def back():
        path = tmp_path / "state" / FILE
        with sqlite3.connect(path) as db:
            db.executescript(f"alter table attempts rename to young; {VERSION_0_1}")
            columns = ", ".join(row[1] for row in db.execute("pragma table_info(attempts)"))
            db.execute(f"insert into attempts select {columns} from young")
            db.execute("drop table young")
        return path

    return back


def columns(path):
    with sqlite3.connect(path) as db:
        return [row[1] for row in db.execute("pragma table_info(attempts)")]


def test_a_task_in_it_is_taken_up_and_its_problems_are_counted(backend, infer, runway, age):
    bought = infer()
    path = age()
    assert "problems" not in columns(path)
    made = backend()
    assert infer(made, lease_id="w#2").task_id == bought.task_id
    assert [made._journal.problem(bought.number) for _ in range(2)] == [1, 2]
    assert len(runway.tasks) == 1


def test_a_failure_in_it_counts_against_nobody(backend, infer, age):
    first = infer()
    made = backend()
    made._journal.settle(first.number, State.FAILED, "INTERNAL")
    path = age()
    made = backend()
    made._journal.done(infer(made, item_id="other", lease_id="w#2").number)
    with sqlite3.connect(path) as db:
        states = [row[0] for row in db.execute("select state from attempts order by number")]
    assert states == [State.EXCUSED, State.DONE]


def test_children_that_start_at_once_change_it_once(backend, infer, age):
    infer()
    path = age()
    failures = []

    def start():
        try:
            backend()
        except BaseException as error:  # a thread's own would go unseen
            failures.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert columns(path).count("problems") == 1
