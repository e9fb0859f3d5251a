"""A driver that hangs over one device, told of by announcements, and what the next probe asks."""

import pytest

from pool.gpu.probe_client import FIRST_LINE_S, HUNG, LINE_S, RENEW_S
from pool.gpu.readings import Reading, Snapshot, asked_in, to_line, to_question
from tests.unit.pool.gpu.test_probe_client import Bench

BOTH = Snapshot(readings={uuid: Reading(1.0) for uuid in ("GPU-1", "GPU-2")})
WITHOUT_2 = Snapshot(readings={"GPU-1": Reading(1.0)}, incomplete=True)


class Driver(Bench):
    """A bench that keeps the time. `hangs_over` one device; its probes may outlive their kill."""

    def __init__(self):
        super().__init__("GPU-1", "GPU-2")
        self.now = 0.0
        self.hangs_over = None
        self.holds = False
        self.unknown = []

    def second(self):
        self.now += 1
        telemetry = self.client.poll(self.now)
        if telemetry is not None and telemetry.snapshot is None:
            self.unknown.append(self.now)
        probe = self.probes[-1]
        probe.dies_when_killed = not self.holds
        if probe.killed or probe.hangs:
            return
        for uuid in ("GPU-1", "GPU-2"):
            if uuid not in self.left_alone:
                probe.waiting.append(to_question(uuid))
                probe.hangs = uuid == self.hangs_over
            if probe.hangs:
                return
        probe.waiting.append(to_line(WITHOUT_2 if self.left_alone else BOTH))

    def seconds(self, number):
        for _ in range(int(number)):
            self.second()

    def hang(self, uuid="GPU-2"):
        """Run well for a while, then hang over a device until it is left alone."""
        self.seconds(5)
        self.hangs_over = uuid
        self.seconds(LINE_S + 5)


@pytest.fixture
def driver():
    return Driver()


def test_an_announcement_is_told_from_a_reading():
    assert asked_in(to_question("GPU-1").strip()) == "GPU-1"
    assert asked_in(to_line(BOTH).strip()) is None


def test_the_next_probe_leaves_a_device_alone_over_which_nvml_hangs(driver):
    driver.hang()
    assert driver.left_alone == ["GPU-2"]
    assert len(driver.unknown) == 1, "and everything is known again but that one"
    driver.seconds(RENEW_S - 20)
    assert len(driver.unknown) == 1


def test_it_is_tried_again_ever_less_often(driver):
    driver.hang()
    driver.seconds(3600)
    asked_in_vain = len(driver.unknown)
    assert 4 <= asked_in_vain <= 7
    driver.seconds(3600)
    assert len(driver.unknown) <= asked_in_vain + 2


def test_once_it_answers_again_it_is_like_the_others(driver):
    driver.hang()
    driver.hangs_over = None
    driver.seconds(3 * RENEW_S)
    assert driver.left_alone == []
    driver.hang()
    assert driver.left_alone == ["GPU-2"], "for a minute, as the first time"
    driver.hangs_over = None
    driver.seconds(3 * RENEW_S)
    assert driver.left_alone == []


def test_a_probe_that_outlives_its_kill_over_one_device_does_not_blind_the_pool_for_the_others(
    driver,
):
    driver.holds = True
    driver.hang()
    assert len(driver.probes) == 2
    assert driver.left_alone == ["GPU-2"]
    driver.holds = False
    driver.seconds(600)
    assert len(driver.unknown) == 1, "while the driver holds it, nobody else joins it there"
    assert 4000 in driver.client.pids


def test_a_driver_that_hangs_as_a_whole_is_no_devices_fault(driver):
    driver.hang()
    driver.probes[-1].hangs = True
    driver.probes[-1].waiting = [to_line(WITHOUT_2)]
    driver.hangs_over = "nobody"
    assert driver.client.poll(driver.now) is not None
    driver.now += LINE_S
    assert driver.client.poll(driver.now).reason == HUNG
    driver.seconds(20)
    assert driver.left_alone == []


def test_each_device_may_take_its_time(driver):
    driver.seconds(5)
    probe = driver.probes[-1]
    driver.client.poll(driver.now)
    for _ in range(5):
        probe.waiting = [to_question("GPU-1")]
        driver.now += LINE_S - 1
        assert driver.client.poll(driver.now) is None
    assert not probe.killed


def test_announcements_before_the_first_reading_leave_it_its_own_time(driver):
    driver.client.poll(0)
    driver.probes[0].waiting = [to_question("GPU-1")]
    assert driver.client.poll(1) is None
    assert driver.client.poll(FIRST_LINE_S - 0.1) is None
    assert driver.client.poll(FIRST_LINE_S).reason == HUNG
