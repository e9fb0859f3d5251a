"""The status page in a real browser: on a phone and on a wide screen.

POOL_SCREENSHOTS names a folder to keep the pictures in: those in docs/images were made so.
"""

import json
import os
import time
from pathlib import Path

import pytest

from tests.fakes.chromium import Chromium
from tests.unit.pool.status.sample import GPU, slot, status

DRAWN = "document.querySelectorAll('.card').length && document.querySelectorAll('svg').length >= 2"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Chromium(tmp_path_factory.mktemp("chromium")) as running:
        yield running


@pytest.fixture
def pictures(tmp_path):
    return Path(os.environ.get("POOL_SCREENSHOTS") or tmp_path)


@pytest.mark.parametrize(("width", "dark"), [(360, False), (1280, False), (1280, True)])
def test_the_page_fits_its_screen_and_complains_of_nothing(
    pool, serve, browser, pictures, width, dark
):
    _, url = serve(pool.state_dir.path)
    page = browser.open(url, width, dark=dark)
    page.wait_for(DRAWN)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate("document.querySelectorAll('.card').length") == 8
    assert page.evaluate("document.querySelectorAll('.chart svg').length") == 5
    lines = "document.querySelectorAll('path[d*=L]').length"
    assert page.evaluate(lines) == 3 * 8, "load, memory and temperature of each slot"
    assert page.complaints() == []
    assert {address for address in page.addresses() if not address.startswith(url)} == set()
    page.screenshot(pictures / f"status-page-{width}{'-dark' if dark else ''}.png")


def test_a_person_reads_what_is_the_matter(pool, serve, browser):
    _, url = serve(pool.state_dir.path)
    page = browser.open(url, 360)
    page.wait_for(DRAWN)
    text = page.evaluate("document.body.innerText")
    assert "5 of 8" in text
    assert "quarantined: died 5 times in 10 minutes" in text
    assert "the queue is empty" in text
    assert "host: load " in text
    assert "gpu5 killed by SIGKILL" in text.replace("\n", " ").replace("  ", " ")


def test_a_person_reads_what_slows_a_device_down_and_what_the_day_has_cost(pool, serve, browser):
    hot = GPU.model_copy(update={"throttled_by": ("power cap", "heat")})
    shown = status(slot("gpu0", gpu=hot))
    pool.show(shown.model_copy(update={"pool": shown.pool.model_copy(update={"mode": "runway"})}))
    day = {"day_start": time.time() // 86_400 * 86_400, "videos": 7, "usd_estimate": 1.75}
    pool.state_dir.runway.mkdir()
    caps = {"cap_videos": None, "cap_usd": 20.0}
    (pool.state_dir.runway / "today.json").write_text(json.dumps(day | caps))
    _, url = serve(pool.state_dir.path)
    page = browser.open(url, 360)
    page.wait_for(DRAWN)
    text = page.evaluate("document.body.innerText")
    assert "slowed down by heat" in text
    assert "power cap" not in text
    assert "$1.75 of $20.00\nspent today (UTC, estimate)\n7\nvideos bought today" in text
    assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_the_page_lives_and_says_when_the_pool_is_gone(pool, serve, browser):
    process, url = serve(pool.state_dir.path)
    page = browser.open(url, 1280)
    page.wait_for("document.getElementById('state').textContent === 'running'")
    pool.show(status(slot("gpu0", "busy"), state="draining"))
    page.wait_for("document.getElementById('state').textContent === 'draining'")
    assert page.evaluate("document.querySelectorAll('.card').length") == 1
    process.kill()
    page.wait_for("document.getElementById('state').textContent === 'no answer'")


def test_what_comes_from_outside_is_never_markup(pool, serve, browser):
    evil = "<img src=x onerror=alert(1)>"
    pool.show(status(slot(evil, "backoff", reason=evil, last_exit=None)))
    _, url = serve(pool.state_dir.path)
    page = browser.open(url, 360)
    page.wait_for(DRAWN)
    assert page.evaluate("document.querySelectorAll('img').length") == 0
    assert evil in page.evaluate("document.body.innerText")
    assert page.complaints() == []
