"""The status page's HTTP, alone and beside a pool."""

import json
import signal
import socket
import urllib.error
import urllib.request

import psutil
import pytest

from tests.fakes.running_pool import wait_until
from tests.unit.pool.status.sample import slot, status


def get(url, **headers):
    """The code, the headers and the body of an answer, whatever the code."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.headers, refusal.read().decode()


def test_each_path_answers_with_what_it_is_for(pool, serve):
    _, url = serve(pool.state_dir.path)
    shown = json.loads(get(f"{url}status.json")[2])
    assert [entry["slot"] for entry in shown["slots"]] == [f"gpu{n}" for n in range(8)]
    assert shown["totals"]["queue_empty_s"] >= 82
    history = json.loads(get(f"{url}history.json")[2])
    assert len(history["at"]) >= 300
    assert {restart["slot"] for restart in history["restarts"]} == {"gpu4", "gpu5"}
    assert "gpu_pool_up 1.0" in get(f"{url}metrics")[2]
    assert get(f"{url}healthz")[0] == 200
    assert get(f"{url}../../etc/passwd")[0] == 404
    assert get(f"{url}page/../main.py")[0] == 404


def test_the_page_brings_its_own_rules_for_the_browser(pool, serve):
    _, headers, body = get(serve(pool.state_dir.path)[1])
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Server"] == "pool-status "
    assert "http://" not in body
    assert "https://" not in body


@pytest.mark.parametrize("host", ["evil.example", "evil.example:9400", "10.0.0.1"])
def test_a_foreign_name_that_leads_here_is_refused(pool, serve, host):
    _, url = serve(pool.state_dir.path)
    assert get(f"{url}status.json", Host=host)[0] == 403


def test_other_methods_are_refused(pool, serve):
    _, url = serve(pool.state_dir.path)
    request = urllib.request.Request(url, data=b"x", method="POST")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    with refused.value:
        assert refused.value.code == 501


def test_health_is_bad_once_nothing_works(pool, serve):
    _, url = serve(pool.state_dir.path)
    pool.show(status(slot("gpu0", "quarantined", reason="why")))
    wait_until(lambda: get(f"{url}healthz")[0] == 503, "bad health")


def test_without_a_pool_the_page_is_there_and_says_so(tmp_path, serve):
    _, url = serve(tmp_path)
    assert get(url)[0] == 200
    assert get(f"{url}status.json")[2] == "null"
    code, _, body = get(f"{url}healthz")
    assert code == 503
    assert "no pool has run in" in body


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_it_is_told_to(pool, serve, number):
    process, _ = serve(pool.state_dir.path)
    process.send_signal(number)
    assert process.wait(10) == 0


def test_a_port_that_is_taken_is_said(tmp_path, capfd):
    from pool.commands.pool_status import main

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["--http", f"127.0.0.1:{port}", "--state-dir", str(tmp_path)]) == 2
    assert "cannot be listened on (Address already in use)" in capfd.readouterr().err
    assert main(["--http", "nonsense"]) == 2
    assert "--http: it must be HOST:PORT, as" in capfd.readouterr().err


def page_of(pool):
    return next(
        child
        for child in psutil.Process(pool.process.pid).children()
        if "pool.web.main" in child.cmdline()
    )


def url_of(pool):
    output = pool.folder / "logs" / "web.out"
    line = wait_until(
        lambda: output.exists() and output.read_text().endswith("/\n") and output.read_text(),
        "the page's address",
    )
    return line.split()[-1]


def test_a_pool_serves_its_page_replaces_it_when_it_dies_and_takes_it_along(start, expect):
    expect(files_may_stay=True)
    pool = start("--http", "127.0.0.1:0")
    pool.wait_for_states("ready")
    first = url_of(pool)
    wait_until(lambda: get(f"{first}healthz")[0] == 200, "good health")
    killed = page_of(pool)
    killed.kill()
    wait_until(lambda: url_of(pool) != first, "another page")
    assert "it is started again" in pool.said
    assert get(f"{url_of(pool)}healthz")[0] == 200
    page = page_of(pool)
    pool.signal(signal.SIGKILL)
    psutil.wait_procs([page], timeout=10)
    assert not page.is_running()
