"""Secrets and prompts pass through every path of a pool at debug level, and stay nowhere."""

import json
import re
import resource
import subprocess
from pathlib import Path

import pytest

from tests.checker import find_secrets, marked
from tests.fakes.bad_server import Fault
from tests.fakes.bad_server.faults import ENDPOINTS, Canned
from tests.fakes.canary import CANARY
from tests.fakes.running_pool import ROOT, wait_until
from tests.fakes.runway import FakeRunway

PROMPT = f"words that are a family's own {CANARY}"
PHOTO = ROOT / "tests" / "photos" / "coffee.jpg"


@pytest.fixture
def core_dumps_are_wanted():
    """This process, and what it starts, would leave one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    if hard == 0:
        pytest.skip("nothing here may leave a core dump anyway")
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))


def talkative(server):
    """An answer that repeats the key and a signed URL, and says that the server is to blame."""
    said = f"Worker {server.key} may not open https://s.example/o?token={CANARY}"
    return Canned(500, json.dumps({"success": False, "error": said, "message": said}).encode())


def shown_by_commands(pool):
    """What the commands show of a running pool."""
    state = ["--state-dir", pool.folder / "state"]
    status = [[ROOT / "bin" / "pool-status", *flags, *state] for flags in ([], ["--json"])]
    plan = [ROOT / "bin" / "start-pool", "--dry-run", "--config", "config.yaml"]
    ran = [
        subprocess.run(command, cwd=pool.folder, capture_output=True, text=True, check=False)
        for command in (*status, plan)
    ]
    return "".join(ended.stdout + ended.stderr for ended in ran)


def assert_nothing_is_shown(pools, pool, server):
    assert CANARY not in shown_by_commands(pool)
    assert find_secrets([CANARY], [pool.folder]) == []
    assert [item.item_id for item in server.items() if CANARY in item.error_message] == []
    processes = marked(pools.mark)
    assert len(processes) >= 2
    for process in processes:
        assert CANARY not in " ".join(process.cmdline())
        if process.pid != pool.process.pid:  # where a person's own environment arrived
            assert CANARY not in str(process.environ())
        limits = Path(f"/proc/{process.pid}/limits").read_text()
        assert re.search(r"^Max core file size +0 +0 ", limits, re.MULTILINE)


@pytest.mark.usefixtures("core_dumps_are_wanted")
def test_nothing_of_a_key_a_url_or_a_prompt_is_left(server, add, pools, start, expect, watch):
    server.set_faults(*(Fault(endpoint, talkative(server)) for endpoint in ENDPOINTS))
    items = [add(PROMPT), add("refuse"), add("crash")]
    expect(may_fail=frozenset(items[1:]))
    pool = start("--workers", "2", lease_duration_seconds=4, heartbeat_interval=1)
    watch.until_all(items[:1], within_s=90)
    watch.until_all(items[1:], "failed", within_s=90)
    logs = "".join(path.read_text() for path in (pool.folder / "logs").iterdir())
    assert logs.count("may not open") >= len(ENDPOINTS) - 1
    assert "[hidden]" in logs
    assert_nothing_is_shown(pools, pool, server)


def test_nothing_of_runways_key_and_links_is_left(server, pools, start, expect):
    with FakeRunway() as runway:
        for endpoint in ("look", "download"):
            runway.trouble(endpoint, talkative(runway))
        item = server.add_task(PHOTO.read_bytes(), PROMPT)
        server.set_faults(Fault("report", talkative(server)))
        pool = start(
            "--mode",
            "runway",
            "--workers",
            "1",
            backend="runway",
            runway_base_url=runway.url,
            runway_poll_interval=0.5,
            environ={"RUNWAY_API_KEY": runway.key},
            lease_duration_seconds=60,
        )
        expect(confirmations=2)
        pools.buy_from(runway)
        wait_until(lambda: server.item(item).status == "completed", "the video", 100)
        assert find_secrets(runway.secrets(), [pool.folder]) == []
        assert_nothing_is_shown(pools, pool, server)
