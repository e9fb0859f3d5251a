import pytest

from tests.fakes.bad_server import Fault, FaultPlan
from tests.fakes.bad_server.faults import Canned, FaultDesk, Reset


def picks(plan, count=30, endpoint="report"):
    desk = FaultDesk(plan)
    return [desk.pick(endpoint) is not None for _ in range(count)]


def test_a_fault_hits_the_next_k_calls():
    assert picks(FaultPlan((Fault("report", Reset(), times=2),)), 4) == [True, True, False, False]


def test_a_fault_leaves_the_first_calls_alone_where_told():
    assert picks(FaultPlan((Fault("report", Reset(), skip=2),)), 4) == [False, False, True, False]


def test_a_fault_without_an_end_hits_for_ever():
    assert all(picks(FaultPlan((Fault("report", Reset(), times=None),))))


def test_another_endpoints_calls_are_not_counted():
    desk = FaultDesk(FaultPlan((Fault("report", Reset(), skip=1),)))
    assert desk.pick("heartbeat") is None
    assert [desk.pick("report") for _ in range(2)] == [None, Reset()]


def test_the_first_fault_that_hits_is_the_one():
    plan = FaultPlan((Fault("report", Reset()), Fault("*", Canned(503), times=None)))
    desk = FaultDesk(plan)
    assert [desk.pick("report") for _ in range(2)] == [Reset(), Canned(503)]


def test_the_draws_follow_from_the_seed_alone():
    chance = (Fault("report", Reset(), times=None, probability=0.5),)
    same = [picks(FaultPlan(chance, seed=3)) for _ in range(2)]
    assert same[0] == same[1] != picks(FaultPlan(chance, seed=4))
    assert 5 < sum(same[0]) < 25


def test_replacing_the_plan_starts_the_count_anew():
    plan = FaultPlan((Fault("report", Reset()),))
    desk = FaultDesk(plan)
    desk.pick("report")
    desk.replace(plan)
    assert desk.pick("report") == Reset()


def test_an_endpoint_that_does_not_exist_is_refused_by_name():
    with pytest.raises(ValueError, match="no endpoint 'rapport'; there are: next-task, heartbeat"):
        Fault("rapport", Reset())
