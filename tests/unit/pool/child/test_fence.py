import pytest

from inference.errors import Cancelled
from pool.child.fence import Fence
from pool.errors import LeaseLost


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def fence(clock):
    return Fence(160.0, clock)


def test_a_held_lease_lets_everything_through(fence):
    fence.check()
    assert not fence.closed


def test_the_deadline_closes_it_although_nobody_said_so(fence, clock):
    clock.now = 160.0
    assert fence.closed
    with pytest.raises(LeaseLost):
        fence.check()


def test_a_renewal_moves_the_deadline(fence, clock):
    fence.deadline = 400.0
    clock.now = 399.0
    fence.check()


def test_closing_stops_the_work_as_well(fence):
    fence.close()
    with pytest.raises(LeaseLost):
        fence.check()
    with pytest.raises(Cancelled):
        fence.cancel.check()


def test_a_closed_fence_is_not_opened_by_a_new_deadline(fence):
    fence.close()
    fence.deadline = 1e9
    assert fence.closed
    assert not fence.expired


def test_a_backend_is_stopped_at_the_deadline_before_the_loop_has_noticed(fence, clock):
    fence.cancel.check()
    clock.now = 160.0
    with pytest.raises(Cancelled):
        fence.cancel.check()
