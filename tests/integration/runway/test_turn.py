"""What takes much memory for a moment is done by one child at a time."""

import threading

from inference.runway.turn import Turn


class Holder:
    """A sibling that has the turn until it is told to let go."""

    def __init__(self, turn):
        self._has_it, self._let_go = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._hold, args=(turn,))

    def __enter__(self):
        self._thread.start()
        assert self._has_it.wait(10)
        return self

    def __exit__(self, *_exc):
        self.let_go()

    def _hold(self, turn):
        with turn.taken():
            self._has_it.set()
            self._let_go.wait(30)

    def let_go(self):
        self._let_go.set()
        self._thread.join()


def test_a_child_waits_until_its_sibling_is_done(tmp_path, clock):
    path = tmp_path / "pictures.lock"
    done = threading.Event()

    def work():
        with Turn(path, clock, patience_s=1e9).taken():
            done.set()

    with Holder(Turn(path, clock)) as sibling:
        thread = threading.Thread(target=work)
        thread.start()
        while clock.slept_s < 1.0:
            assert not done.is_set()
        sibling.let_go()
        thread.join()
    assert done.is_set()


def test_nobody_waits_for_ever_for_a_sibling_that_hangs(tmp_path, clock):
    path = tmp_path / "pictures.lock"
    with Holder(Turn(path, clock)), Turn(path, clock, patience_s=60.0).taken():
        assert clock.slept_s >= 60.0


def test_a_file_that_cannot_be_opened_keeps_no_task_from_being_done(tmp_path, clock):
    with Turn(tmp_path / "no such folder" / "pictures.lock", clock).taken():
        assert clock.slept_s == 0.0
