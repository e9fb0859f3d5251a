import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from pool.child.poll_gate import PollGate, boot_id
from pool.lease.polling import PollState

STATE = PollState(next_at=12.5, found_at=3.0, empty_since=9.0, failures=2)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "poll.json"


def test_one_child_at_a_time_has_the_turn_and_everybody_in_line_gets_it(path):
    inside, seen = [], []

    def take_a_turn(child):
        with PollGate(path).enter() as turn:
            inside.append(child)
            seen.append(list(inside))
            turn.put(PollState(failures=turn.state.failures + 1))
            inside.remove(child)

    with ThreadPoolExecutor(64) as children, PollGate(path).enter():
        done = [children.submit(take_a_turn, child) for child in range(64)]
        assert seen == []
    for each in done:
        each.result()
    assert sorted(seen) == [[child] for child in range(64)]
    with PollGate(path).enter() as turn:
        assert turn.state.failures == 64


def test_a_turn_that_somebody_has_is_not_waited_for_by_whoever_only_looks(path):
    with PollGate(path).enter():
        assert PollGate(path).try_enter() is None
    with PollGate(path).try_enter() as turn:
        assert turn is not None


def test_a_folder_that_is_gone_leaves_no_file_open(tmp_path):
    with pytest.raises(FileNotFoundError):
        PollGate(tmp_path / "gone" / "poll.json").enter()


def test_the_first_turn_of_all_may_ask_at_once(path):
    with PollGate(path).enter() as turn:
        assert turn.state == PollState()


def test_what_one_child_writes_down_the_next_one_reads(path):
    with PollGate(path).enter() as turn:
        turn.put(STATE)
    with PollGate(path).enter() as turn:
        assert turn.state == STATE


def test_a_shorter_state_leaves_nothing_of_a_longer_one(path):
    with PollGate(path).enter() as turn:
        turn.put(PollState(next_at=123456789.123456789, found_at=1 / 3, failures=10**9))
        turn.put(PollState())
    assert json.loads(path.read_bytes())["failures"] == 0


def test_a_child_that_left_without_a_word_changes_nothing(path):
    with PollGate(path).enter() as turn:
        turn.put(STATE)
    PollGate(path).enter().leave()
    with PollGate(path).enter() as turn:
        assert turn.state == STATE


def test_the_clock_of_an_earlier_boot_counts_for_nothing(path):
    path.write_text(json.dumps({"boot": "another", "next_at": 1e12, "failures": 5}))
    with PollGate(path).enter() as turn:
        assert turn.state == PollState()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"boot": "',
        b"[1, 2]",
        b"null",
        b"\xff\xfe",
        b"{}",
        json.dumps({"boot": boot_id(), "unknown": 1}).encode(),
    ],
)
def test_a_torn_file_says_nothing(path, content):
    path.write_bytes(content)
    with PollGate(path).enter() as turn:
        assert turn.state == PollState()
