import threading
import time

import pytest
import requests

from tests.fakes.fault_proxy import (
    BLACKHOLE,
    LOSS_AFTER_EFFECT,
    ONE_BYTE_A_SECOND,
    FaultProxy,
    Weather,
)


@pytest.fixture
def proxy(server):
    with FaultProxy(("127.0.0.1", server.port)) as running:
        yield running


@pytest.fixture
def caller(proxy, server, callers):
    return callers(proxy.url, server.key)


def test_on_a_clear_day_everything_passes_the_storage_included(proxy, server, caller):
    item = server.add_task(b"photo", "wave")
    assert caller.next_task().json()["data"]["item_id"] == item
    signed = caller.sign_upload(item).json()["data"]
    assert signed["url"].startswith(proxy.url)
    assert caller.put(signed["url"], b"v" * 1_000_000).ok
    assert len(server.objects()[signed["storage_path"]].data) == 1_000_000


def test_latency_is_added_each_way(proxy, caller):
    proxy.weather = Weather(latency_s=0.1)
    began = time.monotonic()
    caller.next_task()
    assert time.monotonic() - began >= 0.2


def test_a_lost_answer_leaves_the_effect(proxy, server, caller):
    item = server.add_task(b"photo", "wave")
    proxy.weather = LOSS_AFTER_EFFECT
    with pytest.raises(requests.ConnectionError):
        caller.next_task("w")
    assert server.item(item).worker_id == "w"


def test_an_upload_is_reset_half_way_up(proxy, server, caller):
    url = caller.sign_upload("an-item").json()["data"]["url"]
    proxy.weather = Weather(reset_up_after_bytes=100_000)
    with pytest.raises(requests.ConnectionError):
        caller.put(url, b"v" * 5_000_000)
    server.wait_for(lambda log: any(e.endpoint == "upload" for e in log))
    assert server.objects() == {}


def test_a_download_is_reset_half_way_down(proxy, server, caller):
    item = server.item(server.add_task(b"p" * 200_000, "wave"))
    url = caller.sign_download(item.photo_path).json()["data"]["url"]
    caller.session.close()
    proxy.weather = Weather(reset_down_after_bytes=100_000)
    with pytest.raises(requests.RequestException):
        caller.session.get(url, timeout=10)


def test_one_byte_a_second_defeats_a_read_timeout_until_the_weather_clears(proxy, caller):
    proxy.weather = ONE_BYTE_A_SECOND
    clear = threading.Timer(1.2, setattr, (proxy, "weather", Weather()))
    clear.start()
    began = time.monotonic()
    assert caller.next_task(timeout_s=5).status_code == 200
    clear.join()
    assert time.monotonic() - began >= 1.0


def test_a_blackhole_answers_nothing(proxy, server, caller):
    proxy.weather = BLACKHOLE
    with pytest.raises(requests.ReadTimeout):
        caller.next_task(timeout_s=0.2)
    assert server.entries() == []


def test_a_proxy_that_is_down_refuses_and_comes_back_on_the_same_port(proxy, caller):
    caller.next_task()
    proxy.down()
    with pytest.raises(requests.ConnectionError):
        caller.next_task()
    proxy.up()
    assert caller.next_task().status_code == 200


def test_a_server_that_is_down_is_seen_through_the_proxy(proxy, server, caller):
    server.go_down()
    with pytest.raises(requests.ConnectionError):
        caller.next_task()


def test_open_connections_can_be_reset_alone(proxy, caller):
    caller.next_task()
    proxy.reset_all()
    assert caller.next_task().status_code == 200
    assert proxy.connections == 2
