"""Settings of the status page and of the alerts."""

import json

import pytest

from pool.alerts.orders import Orders
from pool.settings.for_child import for_child
from tests.fakes.canary import CANARY

HOOK = f"https://hooks.example/services/T0KEN-{CANARY}"


def test_neither_page_nor_alerts_are_on_unless_they_are_asked_for(desk):
    settings = desk.load().settings
    assert settings.http is None
    assert Orders.of(settings) is None


def test_the_page_listens_on_this_machine_unless_it_is_told_otherwise(desk):
    loaded = desk.load(http="9400")
    assert (loaded.settings.http, loaded.warnings) == ("127.0.0.1:9400", ())
    loaded = desk.load(http="0.0.0.0:9400")
    assert "is open to the network, without a password" in loaded.warnings[0]


def test_an_address_that_is_none_is_refused(desk):
    assert "it must be HOST:PORT, as 127.0.0.1:9400" in desk.error(http="here")


@pytest.mark.parametrize("name", ["POOL_ALERT_WEBHOOK_URL", "POOL_PING_URL"])
@pytest.mark.parametrize(
    "url", ["http://hooks.example/T0KEN", "T0KEN", "https://", "http://[T0KEN"]
)
def test_a_url_that_would_travel_in_the_open_is_refused_and_not_repeated(desk, name, url):
    required = {"VERCEL_API_URL": "https://api.example", "WORKER_API_KEY": "k"}
    said = desk.error({**required, name: url})
    assert name in said
    assert "T0KEN" not in said


def test_the_orders_of_the_alerting_say_all_that_it_needs(desk):
    environ = {
        "VERCEL_API_URL": "https://api.example",
        "WORKER_API_KEY": "key-of-the-worker",
        "POOL_ALERT_WEBHOOK_URL": HOOK,
        "POOL_ALERT_IDLE_MINUTES": "5",
        "POOL_PING_URL": "http://127.0.0.1:8000/ping",
        "POOL_PING_INTERVAL": "10",
    }
    settings = desk.load(environ).settings
    told = json.loads(Orders.of(settings).line())
    assert told["webhook_url"] == HOOK
    assert (told["idle_s"], told["ping_interval_s"]) == (300.0, 10.0)
    assert "key-of-the-worker" not in Orders.of(settings).line().decode()


def test_where_alerts_go_is_a_secret_and_no_childs_business(desk):
    environ = {"VERCEL_API_URL": "https://api.example", "WORKER_API_KEY": "key-of-the-worker"}
    settings = desk.load({**environ, "POOL_ALERT_WEBHOOK_URL": HOOK}).settings
    assert HOOK in settings.secrets()
    assert HOOK not in for_child(settings).to_json()
    assert "T0KEN" not in repr(settings)
