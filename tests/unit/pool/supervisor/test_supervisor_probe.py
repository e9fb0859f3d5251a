"""The supervisor and its probe, whose driver loses devices and has them back."""

import pytest

from pool.gpu.probe_client import RENEW_S, ProbeClient
from pool.gpu.readings import Reading, Snapshot, to_line
from pool.supervisor.states import SlotState
from tests.unit.pool.gpu.test_probe_client import HandProbe
from tests.unit.pool.supervisor.fake_child import beat
from tests.unit.pool.supervisor.test_supervisor import CARDS, Pool

READY, LOST, STARTING = SlotState.READY, SlotState.LOST, SlotState.STARTING
UUIDS = [card.uuid for card in CARDS]
TRIAL_AFTER_S = 1800
LATER = 1e12
"""After whatever happened, by the clock of the readings."""


class Driver:
    """It lists what is there. `error`: it does not answer as a whole."""

    def __init__(self):
        self.there = set(UUIDS)
        self.error = None
        self.probes = []

    def probe(self, _left_alone):
        self.probes.append(DriverProbe(self))
        return self.probes[-1]


class DriverProbe(HandProbe):
    """Knows the devices that were there when it began; one that it lost stays lost for it."""

    def __init__(self, driver):
        super().__init__()
        self._driver = driver
        self._opened = set(driver.there)
        self._lost = set()

    def lines(self):
        self._lost |= self._opened - self._driver.there
        readings = {
            uuid: Reading(0.0, lost=uuid in self._lost, taken_at=LATER) for uuid in self._opened
        }
        snapshot = Snapshot(readings=readings) if self._opened else Snapshot(error="no GPU")
        return [to_line(snapshot)]


@pytest.fixture
def driver():
    return Driver()


@pytest.fixture
def pool(tmp_path, driver):
    return Pool(tmp_path, on_gpus=True, gpus=ProbeClient(driver.probe, UUIDS))


def run(pool, seconds):
    for _ in range(seconds):
        for child in pool.children.values():
            child.says(beat())
        pool.round(1)


def test_a_lost_device_that_is_back_is_found_by_a_new_probe_and_gets_its_trial(pool, driver):
    run(pool, 10)
    driver.there = {UUIDS[1]}
    run(pool, 2)
    assert pool.states() == [LOST, READY]
    driver.there = set(UUIDS)
    run(pool, int(RENEW_S) + 2)
    assert len(driver.probes) == 2
    assert not pool.supervisor.readings[UUIDS[0]].lost
    assert pool.states() == [LOST, READY], "its trial is not due yet"
    run(pool, TRIAL_AFTER_S)
    assert pool.states() == [STARTING, READY]
    assert len(driver.probes) == 2, "once everything is there, the probe stays"


def test_a_pool_that_began_without_a_device_finds_it_once_it_is_back(tmp_path, driver):
    driver.there = {UUIDS[1]}
    pool = Pool(tmp_path, on_gpus=True, gpus=ProbeClient(driver.probe, UUIDS))
    run(pool, 2 * int(RENEW_S))
    assert pool.states() == [LOST, READY]
    driver.there = set(UUIDS)
    run(pool, TRIAL_AFTER_S)
    assert pool.states() == [STARTING, READY]


def test_a_driver_that_lists_nothing_costs_no_child(tmp_path, driver):
    driver.there = set()
    pool = Pool(tmp_path, on_gpus=True, gpus=ProbeClient(driver.probe, UUIDS))
    run(pool, 100)
    assert len(driver.probes) > 1
    assert pool.states() == [READY, READY]
    assert [child.signals for child in pool.children.values()] == [[], []]
