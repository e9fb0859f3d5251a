"""Alerts and pings over real sockets: the messenger alone, and beside a pool."""

import time

import psutil
import pytest

from client.session import build_session
from pool.alerts.main import Messenger
from pool.alerts.orders import Orders
from pool.alerts.post import NotDelivered, Post
from pool.status.observer import Observer
from tests.checker import find_secrets
from tests.fakes.living_pool import LivingPool
from tests.fakes.mailbox import Mailbox
from tests.fakes.running_pool import wait_until
from tests.unit.pool.status.sample import slot, status

QUARANTINED = slot("gpu5", "quarantined", reason="died 5 times")


@pytest.fixture
def mailbox():
    with Mailbox() as running:
        yield running


@pytest.fixture
def pool(tmp_path):
    with LivingPool(tmp_path / "state") as living:
        living.show(status(slot("gpu0"), slot("gpu5")))
        yield living


@pytest.fixture
def messenger(pool, mailbox):
    orders = Orders(
        state_dir=str(pool.state_dir.path),
        webhook_url=mailbox.url,
        idle_s=1800.0,
        ping_url=mailbox.url,
        ping_interval_s=60.0,
    )
    return Messenger(orders, Observer(pool.state_dir).look, Post(build_session()))


def test_a_quarantine_is_told_once_and_so_is_its_end(pool, messenger, mailbox):
    now = time.time()
    messenger.step(now)
    pool.show(status(slot("gpu0"), QUARANTINED))
    messenger.step(now + 1)
    messenger.step(now + 2)
    pool.show(status(slot("gpu0"), slot("gpu5")))
    messenger.step(now + 3)
    assert [text.partition(": ")[2] for text in mailbox.texts] == [
        "gpu5 is quarantined: died 5 times",
        "over: gpu5 is quarantined: died 5 times",
    ]
    assert mailbox.texts[0].startswith("pool rig on ")


def test_what_could_not_be_delivered_is_tried_again_later(pool, messenger, mailbox):
    now = time.time()
    pool.show(status(slot("gpu0"), QUARANTINED))
    mailbox.code = 500
    messenger.step(now)
    messenger.step(now + 0.5)
    assert (mailbox.tried, mailbox.texts) == (1, [])
    mailbox.code = 200
    messenger.step(now + 2)
    assert (mailbox.tried, len(mailbox.texts)) == (2, 1)


def test_the_ping_comes_at_its_interval_while_a_slot_works(pool, messenger, mailbox):
    now = time.time()
    for later in (0, 1, 59, 60, 61):
        messenger.step(now + later)
    assert len(mailbox.pings) == 2
    pool.show(status(QUARANTINED))
    messenger.step(now + 200)
    assert len(mailbox.pings) == 2


def test_work_that_nobody_does_is_told(pool, messenger, mailbox):
    now = time.time()
    pool.polled()
    messenger.step(now)
    pool.show(status(slot("gpu0")))
    messenger.step(now + 1801)
    assert "nothing was finished for 30m01s, and the queue is not empty" in mailbox.texts[0]


def test_a_key_that_is_refused_is_told(pool, messenger, mailbox):
    pool.polled(refused_for_s=5)
    messenger.step(time.time())
    assert "the Worker API refuses the key (401)" in mailbox.texts[0]


@pytest.mark.parametrize("code", [301, 404, 500])
def test_a_refusal_names_no_url(mailbox, code):
    mailbox.code = code
    with pytest.raises(NotDelivered) as refused:
        Post(build_session()).alert(mailbox.url, "text", 5.0)
    assert "T0KEN" not in str(refused.value)
    assert "127.0.0.1" not in str(refused.value) or "the alert" in str(refused.value)


def test_a_webhook_that_hangs_takes_no_longer_than_it_is_given(mailbox):
    mailbox.hangs.set()
    began = time.monotonic()
    with pytest.raises(NotDelivered):
        Post(build_session()).alert(mailbox.url, "text", 0.5)
    assert time.monotonic() - began < 5


def alerting(pool):
    return next(
        child
        for child in psutil.Process(pool.process.pid).children()
        if "pool.alerts.main" in child.cmdline()
    )


@pytest.fixture
def running(start, mailbox):
    """A pool of one slot that tells the mailbox."""
    environ = {"POOL_ALERT_WEBHOOK_URL": mailbox.url, "POOL_PING_URL": mailbox.url}
    return start(environ=environ, ping_interval=1)


def test_a_supervisor_that_is_killed_is_told_and_nobody_is_left(running, mailbox):
    running.wait_for_states("ready")
    wait_until(lambda: mailbox.pings, "a ping")
    teller = alerting(running)
    running.process.kill()
    wait_until(lambda: mailbox.texts, "an alert")
    assert "the supervisor died without a word" in mailbox.texts[0]
    psutil.wait_procs([teller], timeout=5)
    assert not teller.is_running()


def test_a_hanging_webhook_holds_up_neither_work_nor_end(running, add, watch, mailbox):
    mailbox.hangs.set()
    running.wait_for_states("ready")
    watch.until_all([add()])
    began = time.monotonic()
    running.process.terminate()
    assert running.wait(20) == 0
    assert time.monotonic() - began < 10


def test_a_key_that_is_refused_at_the_start_is_told_before_the_pool_is_gone(start, mailbox):
    pool = start(key="wrong", environ={"POOL_ALERT_WEBHOOK_URL": mailbox.url})
    assert pool.wait() == 4
    assert ["refuses the key (401)" in text for text in mailbox.texts] == [True]


def test_no_url_is_written_anywhere(running, mailbox):
    running.wait_for_states("ready")
    mailbox.code = 500
    wait_until(lambda: "answered 500" in (running.folder / "logs/alerts.out").read_text(), "a line")
    teller = alerting(running)
    assert "T0KEN" not in " ".join(teller.cmdline())
    assert not [value for value in teller.environ().values() if "T0KEN" in value]
    assert find_secrets(["T0KEN"], [running.folder]) == []
