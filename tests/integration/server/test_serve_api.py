"""`bin/serve-api` as people run it: a process of its own, from any folder."""

import json
import os
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.integration.server.conftest import KEYS, VIDEO

ROOT = Path(__file__).parents[3]
COMMAND = ROOT / "bin" / "serve-api"


@contextmanager
def serving(
    folder: Path, *flags: str, environ: dict[str, str], command: Path = COMMAND
) -> Iterator[str]:
    """The URL of a server that was started in `folder`; its log goes to `folder`/log."""
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [command, "--port", "0", *flags],
            cwd=folder,
            env={"PATH": os.environ["PATH"], **environ},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    with process:
        try:
            line = process.stdout.readline()
            assert line.startswith("serving http://"), (folder / "log").read_text()
            yield line.split()[1]
            process.send_signal(signal.SIGTERM)
            rest, _ = process.communicate(timeout=20)
            assert (process.returncode, rest) == (0, "")
        finally:
            process.kill()


def refused(*flags: str, cwd: Path, environ: dict[str, str] = KEYS) -> str:
    """The one line with which the server refuses to start."""
    ended = subprocess.run(
        [COMMAND, *flags],
        cwd=cwd,
        env={"PATH": os.environ["PATH"], **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.count("\n") == 1, ended.stderr
    return ended.stderr


def test_keys_are_made_once_kept_private_and_never_shown(tmp_path):
    with serving(tmp_path, environ={}) as url:
        first = (tmp_path / "data" / "keys.json").read_text()
        admin = {"Authorization": f"Admin {json.loads(first)['admin_api_key']}"}
        photo = requests.post(
            f"{url}/api/admin/photos",
            data=b"a photo",
            headers=admin | {"Content-Type": "image/jpeg"},
        ).json()["data"]
        worker = {"Authorization": f"Worker {json.loads(first)['worker_api_key']}"}
        body = {"operation": "download", "storage_path": photo["photo_storage_path"]}
        signed = requests.post(f"{url}/api/worker/presign", json=body, headers=worker)
        signed_url = signed.json()["data"]["url"]
        assert requests.get(signed_url).content == b"a photo"
    with serving(tmp_path, environ={}) as again:
        assert requests.get(signed_url.replace(url, again)).content == b"a photo"
    assert (tmp_path / "data" / "keys.json").read_text() == first
    assert stat.S_IMODE((tmp_path / "data" / "keys.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    log = (tmp_path / "log").read_text()
    assert f"keys: {tmp_path / 'data' / 'keys.json'}" in log
    assert f"GET /storage/group-photos/{photo['photo_storage_path']} HTTP" in log
    assert "signature" not in log
    for secret in json.loads(first).values():
        assert secret not in log


def test_keys_from_the_environment_are_used_and_not_written_down(tmp_path):
    with serving(tmp_path, "--data", "elsewhere", environ=KEYS) as url:
        headers = {"Authorization": f"Worker {KEYS['WORKER_API_KEY']}"}
        answer = requests.post(
            f"{url}/api/worker/next-task", json={"worker_id": "a"}, headers=headers
        )
        assert answer.status_code == 200
    assert list(json.loads((tmp_path / "elsewhere" / "keys.json").read_text())) == [
        "signing_secret"
    ]
    assert "keys:" not in (tmp_path / "log").read_text()


def test_signed_urls_begin_with_the_public_url_whatever_the_host_header_says(tmp_path):
    flags = ("--public-url", "https://queue.example/base/", "--host", "0.0.0.0")
    with serving(tmp_path, *flags, environ=KEYS) as everywhere:
        url = everywhere.replace("0.0.0.0", "127.0.0.1")
        admin = {"Authorization": f"Admin {KEYS['ADMIN_API_KEY']}", "Content-Type": "image/png"}
        photo = requests.post(f"{url}/api/admin/photos", data=b"x", headers=admin).json()["data"]
        body = {"operation": "download", "storage_path": photo["photo_storage_path"]}
        worker = {"Authorization": f"Worker {KEYS['WORKER_API_KEY']}", "Host": "evil.example"}
        answer = requests.post(f"{url}/api/worker/presign", json=body, headers=worker)
        signed = answer.json()["data"]["url"]
        assert signed.startswith("https://queue.example/base/storage/group-photos/")
        local = signed.replace("https://queue.example/base", url)
        assert requests.get(local).content == b"x"


def test_a_request_that_hangs_does_not_hold_up_the_stop(tmp_path):
    with serving(tmp_path, environ=KEYS) as url:
        host, port = url.removeprefix("http://").split(":")
        hanging = socket.create_connection((host, int(port)))
        head = "POST /api/worker/next-task HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{"
        hanging.sendall(head.encode())
        assert requests.get(f"{url}/healthz").status_code == 200
        started = time.monotonic()
    hanging.close()
    assert time.monotonic() - started < 15


def test_postgresql_is_used_when_asked_for(tmp_path, postgres):
    environ = KEYS | {"DATABASE_URL": str(postgres.new_database())}
    with serving(tmp_path, environ=environ) as url:
        assert requests.get(f"{url}/healthz").status_code == 200
    assert not (tmp_path / "data" / "tasks.sqlite3").exists()


def test_it_runs_through_a_link_from_another_folder(tmp_path):
    link = tmp_path / "serve"
    link.symlink_to(COMMAND)
    (tmp_path / "server.py").write_text("raise SystemExit('not this one')")
    with serving(tmp_path, environ=KEYS, command=link) as url:
        assert requests.get(f"{url}/healthz").status_code == 200


def test_a_port_that_is_taken_is_said_in_one_line(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        line = refused("--port", port, cwd=tmp_path)
    assert line == (
        f"serve-api: cannot listen on 127.0.0.1 port {port}: Address already in use; "
        "choose another with --port\n"
    )


def test_a_database_that_cannot_be_opened_is_said_without_its_password(tmp_path):
    url = "postgresql://me:hidden-password@127.0.0.1:1/tasks"
    line = refused("--port", "0", "--database", url, cwd=tmp_path)
    assert "cannot open the database postgresql+psycopg://me:***@127.0.0.1:1/tasks" in line
    assert "hidden-password" not in line


def test_a_data_folder_that_cannot_be_used_is_said_in_one_line(tmp_path):
    (tmp_path / "data").write_text("a file")
    line = refused("--port", "0", cwd=tmp_path)
    assert line == f"serve-api: cannot use --data {tmp_path / 'data'}: File exists\n"


@pytest.mark.parametrize(
    "flags", [("--port", "70000"), ("--colour", "red"), ("--max-video-mb", "0")]
)
def test_a_wrong_flag_ends_with_2(tmp_path, flags):
    ended = subprocess.run([COMMAND, *flags], cwd=tmp_path, capture_output=True, check=False)
    assert ended.returncode == 2


def test_a_whole_task_from_photo_to_video_survives_a_restart_in_the_middle(tmp_path):
    admin = {"Authorization": f"Admin {KEYS['ADMIN_API_KEY']}"}
    worker = {"Authorization": f"Worker {KEYS['WORKER_API_KEY']}"}
    with serving(tmp_path, environ=KEYS) as url:
        kind = {"Content-Type": "image/jpeg"}
        photo = requests.post(f"{url}/api/admin/photos", data=b"x", headers=admin | kind)
        task = {"photo_id": photo.json()["data"]["photo_id"], "prompt": "행복한 가족"}
        requests.post(f"{url}/api/admin/tasks", json=task, headers=admin)
        leased = requests.post(
            f"{url}/api/worker/next-task", json={"worker_id": "a"}, headers=worker
        )
        item = leased.json()["data"]["item_id"]
    with serving(tmp_path, environ=KEYS) as url:
        body = {"operation": "upload", "video_item_id": item}
        signed = requests.post(f"{url}/api/worker/presign", json=body, headers=worker)
        target = signed.json()["data"]
        requests.put(target["url"], data=VIDEO, headers={"Content-Type": "video/mp4"})
        report = {"item_id": item, "worker_id": "a", "status": "completed"}
        report["video_storage_path"] = target["storage_path"]
        assert requests.post(f"{url}/api/worker/report", json=report, headers=worker).ok
        video = requests.get(f"{url}/api/admin/tasks/{item}/video", headers=admin)
        assert video.content == VIDEO
