"""What is shown of the settings, and what reaches a child."""

from datetime import date

import pytest
from pydantic import ValidationError

from pool.child_settings import ChildSettings
from pool.settings import Settings
from pool.settings.effective import HIDDEN, rows
from pool.settings.environment import without_secrets
from pool.settings.for_child import for_child

SECRET = "do-not-show-me"


def settings(**given):
    return Settings.model_validate(
        {"vercel_api_url": "https://a.example", "worker_token": SECRET, **given}
    )


def test_every_setting_has_a_row_with_its_origin(desk):
    desk.yaml("api_timeout: 9")
    shown = {row.key: (row.value, row.origin) for row in rows(desk.load())}
    assert {key.split(".")[0] for key in shown} == set(Settings.model_fields)
    assert shown["api_timeout"] == ("9", f"{desk.config}:1")
    assert shown["log_level"] == ("INFO", "default")
    assert shown["stall_limits.first_step"] == ("1800", "default")
    assert shown["temp_dir"][0] == f"{desk.folder}/temp"


def test_no_row_holds_a_secret(desk):
    desk.yaml(f"""
        runway_api_key: {SECRET}
        backend_options: {{api_key: {SECRET}, auth_token: {SECRET}, steps: 3}}
    """)
    environ = {"VERCEL_API_URL": "https://a.example", "WORKER_API_KEY": SECRET}
    shown = rows(desk.load(environ))
    assert SECRET not in repr(shown)
    hidden = {row.key for row in shown if row.value == HIDDEN}
    assert hidden == {
        "worker_token", "runway_api_key", "backend_options.api_key", "backend_options.auth_token",
    }  # fmt: skip


def test_neither_repr_nor_plain_json_shows_a_secret():
    made = settings(runway_api_key=SECRET)
    for text in (repr(made), str(made), made.model_dump_json(), repr(made.model_dump())):
        assert SECRET not in text


def test_a_child_reads_from_the_pipe_what_its_parent_wrote():
    sent = for_child(settings(runway_api_key=SECRET, wan={"steps": 3}, stall_limits={"infer": 7}))
    assert ChildSettings.from_json(sent.to_json()) == sent
    assert sent.worker_token == SECRET
    assert sent.secrets == (SECRET, SECRET)
    assert (sent.backend_options["steps"], sent.stall_limits["infer"]) == (3, 7)


def test_a_backend_of_ones_own_gets_its_options_as_yaml_reads_them():
    options = {"since": date(2026, 1, 3), "sizes": [480, 720], "depth": {"a": None}}
    sent = for_child(settings(backend="my_models:FadeIn", backend_options=options))
    assert ChildSettings.from_json(sent.to_json()).backend_options == {
        **options, "since": "2026-01-03",
    }  # fmt: skip


def test_what_a_child_is_sent_shows_no_secret():
    assert SECRET not in repr(for_child(settings(worker_type="runway", runway_api_key=SECRET)))


def test_a_childs_json_that_is_wrong_is_refused_without_repeating_it():
    text = for_child(settings()).to_json().replace('"wan"', '"nothing-known"', 1)
    with pytest.raises(ValueError, match="worker_type") as caught:
        ChildSettings.from_json(text)
    assert SECRET not in str(caught.value)


def test_settings_cannot_be_changed():
    with pytest.raises(ValidationError):
        settings().worker_id = "other"


@pytest.mark.parametrize(
    ("given", "expected"),
    [({}, True), ({"device": "cpu"}, False), ({"worker_type": "runway"}, False)],
)
def test_one_child_per_gpu_is_for_wan_on_cuda_alone(given, expected):
    assert settings(**given).on_gpus is expected


def test_a_childs_environment_holds_no_key():
    environ = {
        "PATH": "/bin",
        "HF_HOME": "/weights",
        "WORKER_API_KEY": SECRET,
        "RUNWAY_API_KEY": SECRET,
        "RUNWAYML_API_SECRET": SECRET,
        "SUPABASE_SERVICE_ROLE_KEY": SECRET,
        "NEXT_PUBLIC_SUPABASE_URL": SECRET,
    }
    assert without_secrets(environ) == {"PATH": "/bin", "HF_HOME": "/weights"}
