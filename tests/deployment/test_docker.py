"""The Dockerfile and the compose file, as far as they can be judged without an engine."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
TARGETS = ("runway", "wan")
SOUNDS_SECRET = re.compile(r"key|token|secret|password", re.IGNORECASE)


def instructions():
    """(stage, instruction, its text) of every line, continued lines joined, comments left out."""
    text = (ROOT / "Dockerfile").read_text()
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    stage = None
    for line in re.sub(r"\\\n\s*", "", lines).splitlines():
        if not line.strip():
            continue
        name, _, rest = line.strip().partition(" ")
        if name == "FROM":
            stage = rest.rpartition(" ")[2]
        yield stage, name, rest


ALL = list(instructions())


def of(stage, name=None):
    return [rest for where, what, rest in ALL if where == stage and name in (None, what)]


def test_the_base_is_pinned_to_a_release_and_stages_build_on_each_other():
    bases = [rest.split()[0] for _, name, rest in ALL if name == "FROM"]
    assert bases == ["python:3.11-slim-bookworm", "base", "base"]


@pytest.mark.parametrize("target", TARGETS)
def test_each_target_ends_as_an_ordinary_user_who_can_be_watched(target):
    names = [name for where, name, _ in ALL if where == target]
    assert names.count("USER") == 1
    assert not {"RUN", "COPY", "ADD"} & set(names[names.index("USER") :])
    assert of(target, "USER") == ["pool"]
    assert "HEALTHCHECK" in names
    assert "bin/pool-status --health" in of(target, "HEALTHCHECK")[0]


def test_signals_reach_the_pool_through_an_init_that_reaps():
    assert of("base", "ENTRYPOINT") == ['["tini", "--", "bin/start-pool"]']
    assert of("base", "STOPSIGNAL") == ["SIGTERM"]
    assert all(rest.startswith("[") for _, name, rest in ALL if name in ("CMD", "ENTRYPOINT"))


def test_packages_are_installed_small_and_leave_no_lists():
    for _, name, rest in ALL:
        if name == "RUN" and "apt-get install" in rest:
            assert "apt-get update" in rest
            assert "--no-install-recommends" in rest
            assert "rm -rf /var/lib/apt/lists/*" in rest


def test_nothing_is_fetched_by_hand_and_no_shell_runs_as_root_later():
    text = (ROOT / "Dockerfile").read_text()
    for word in ("ADD ", "curl", "wget", "sudo", "latest", "chmod 777"):
        assert word not in text


def test_no_secret_is_named_in_a_layer():
    assert not [
        rest for _, name, rest in ALL if name in ("ENV", "ARG") and SOUNDS_SECRET.search(rest)
    ]


def test_what_is_copied_is_there_and_let_through_by_the_ignore_file():
    ignore = (ROOT / ".dockerignore").read_text().split()
    assert "*" in ignore
    allowed = {line[1:] for line in ignore if line.startswith("!")}
    for _, name, rest in ALL:
        if name != "COPY":
            continue
        *sources, _ = shlex.split(rest)
        for source in sources:
            assert (ROOT / source).exists(), source
            assert source.split("/")[0] in allowed


@pytest.mark.parametrize("target", TARGETS)
def test_every_package_that_a_target_imports_is_in_it(target):
    copied = {shlex.split(rest)[-1].strip("/") for rest in of(target, "COPY")}
    assert {"pool", "client", "inference", "bin", "configs"} <= copied


def test_a_host_that_knows_no_targets_builds_the_light_one_and_no_volume_is_declared():
    assert ALL[-1][0] == "runway"
    assert "VOLUME" not in [name for _, name, _ in ALL]


def test_every_command_that_a_page_runs_in_the_image_is_in_it():
    for command in ("start-pool", "pool-status", "runway-smoke"):
        assert [rest for rest in of("runway", "COPY") if f"bin/{command}" in rest]


def test_the_light_image_installs_the_light_set():
    assert "pip install -r requirements-runway.txt" in of("runway", "RUN")
    assert not [rest for rest in of("runway") if "requirements.txt" in rest]


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def test_each_service_builds_its_target_and_keeps_its_state(compose):
    assert set(compose["services"]) == set(TARGETS)
    for name, service in compose["services"].items():
        assert service["build"]["target"] == name
        assert service["volumes"] == [f"{name}:/data"]
        assert name in compose["volumes"]


def test_an_env_file_moves_no_folder_out_of_the_volume(compose):
    """`env_file` wins over the image's own environment, and `environment` over that."""
    folders = dict(
        assignment.split("=") for rest in of("base", "ENV") for assignment in shlex.split(rest)
    )
    for name in ("POOL_STATE_DIR", "TEMP_DIR", "LOG_DIR"):
        assert folders[name].startswith("/data/")
        for service in compose["services"].values():
            assert service["environment"][name] == folders[name]
        assert f"\n{name}=" not in (ROOT / ".env.example").read_text()


def test_a_stop_leaves_more_time_than_a_drain_takes(compose):
    for service in compose["services"].values():
        minutes = int(service["stop_grace_period"].removesuffix("m"))
        assert float(service["environment"]["POOL_DRAIN_TIMEOUT"]) + 10 < minutes * 60


def test_the_status_page_is_published_to_this_machine_alone(compose):
    ports = {name: service["ports"] for name, service in compose["services"].items()}
    assert ports == {"wan": ["127.0.0.1:9400:9400"], "runway": ["127.0.0.1:9401:9400"]}


def test_keys_come_from_a_file_and_stand_in_neither(compose):
    for service in compose["services"].values():
        assert service["env_file"] == ".env"
        assert not [name for name in service["environment"] if SOUNDS_SECRET.search(name)]
