"""Which source wins, and what a wrong source is told."""

import pytest

from pool.settings import StallLimits

REQUIRED = {"VERCEL_API_URL": "https://api.example", "WORKER_API_KEY": "key-of-the-worker"}


def test_flags_beat_the_environment_beats_dotenv_beats_yaml_beats_the_default(desk):
    environ = dict(REQUIRED)
    seen = [desk.load(environ).settings.max_tasks]
    desk.yaml("max_tasks: 1")
    seen.append(desk.load(environ).settings.max_tasks)
    desk.dotenv("POOL_MAX_TASKS=2")
    seen.append(desk.load(environ).settings.max_tasks)
    environ["POOL_MAX_TASKS"] = "3"
    seen.append(desk.load(environ).settings.max_tasks)
    seen.append(desk.load(environ, max_tasks=4).settings.max_tasks)
    assert seen == [None, 1, 2, 3, 4]


def test_each_setting_knows_where_it_stood(desk):
    desk.yaml("# comment\napi_timeout: 9\nwan:\n  steps: 4\n")
    desk.dotenv("\nWORKER_ID=mine\n")
    origin = desk.load(workers=2).origin
    assert origin["vercel_api_url"] == "environment variable VERCEL_API_URL"
    assert origin["worker_id"] == f"{desk.folder}/.env:2 WORKER_ID"
    assert origin["api_timeout"] == f"{desk.config}:2"
    assert origin["wan.steps"] == f"{desk.config}:4"
    assert origin["workers"] == "--workers"
    assert "temp_dir" not in origin


@pytest.mark.parametrize(
    ("name", "value", "key", "expected"),
    [
        ("NEXT_API_URL", "https://next.example/api", "vercel_api_url", "https://next.example/api"),
        ("WORKER_ID", "me", "worker_id", "me"),
        ("WORKER_TYPE", "wan", "worker_type", "wan"),
        ("POLL_INTERVAL", "7", "polling_interval", 7),
        ("POLLING_INTERVAL", "7.5", "polling_interval", 7.5),
        ("LEASE_DURATION", "900", "lease_duration_seconds", 900),
        ("HEARTBEAT_INTERVAL", "60", "heartbeat_interval", 60),
        ("RUNWAY_BASE_URL", "https://r.example", "runway_base_url", "https://r.example"),
        ("RUNWAYML_BASE_URL", "https://r.example", "runway_base_url", "https://r.example"),
        ("RUNWAY_MODEL", "veo3.1", "runway_model", "veo3.1"),
        ("API_TIMEOUT", "12", "api_timeout", 12),
        ("AUTO_CLEANUP_TEMP", "false", "auto_cleanup_temp", False),
        ("POOL_DRAIN_TIMEOUT", "8", "drain_timeout", 8),
        ("POOL_LOG_LEVEL", "debug", "log_level", "DEBUG"),
        ("FAST_POLLING_DURATION", "60", "fast_polling_duration", 60),
    ],
)
def test_a_variable_of_the_environment_or_of_dotenv_sets_its_setting(
    desk, name, value, key, expected
):
    required = {
        k: v for k, v in REQUIRED.items() if key != "vercel_api_url" or k != "VERCEL_API_URL"
    }
    assert getattr(desk.load({**required, name: value}).settings, key) == expected
    desk.dotenv(f"{name}={value}")
    assert getattr(desk.load(required).settings, key) == expected


@pytest.mark.parametrize("name", ["RUNWAY_API_KEY", "RUNWAYML_API_SECRET"])
def test_both_names_of_the_runway_key_work(desk, name):
    settings = desk.load({**REQUIRED, name: "secret"}, mode="runway").settings
    assert settings.runway_api_key.get_secret_value() == "secret"


def test_two_names_with_different_values_are_warned_about_and_the_first_wins(desk):
    loaded = desk.load({**REQUIRED, "NEXT_API_URL": "https://other.example"})
    assert loaded.settings.vercel_api_url == "https://api.example"
    assert loaded.warnings == ("VERCEL_API_URL and NEXT_API_URL differ; VERCEL_API_URL is used",)


@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_variable_is_the_same_as_none(desk, empty):
    desk.yaml("worker_id: from-yaml")
    assert desk.load({**REQUIRED, "WORKER_ID": empty}).settings.worker_id == "from-yaml"


def test_an_empty_value_in_yaml_is_the_same_as_none(desk):
    desk.yaml('worker_id: ""\napi_timeout:\n')
    settings = desk.load().settings
    assert (settings.worker_id, settings.api_timeout) == (None, 30)


def test_an_empty_value_inside_a_mapping_is_a_value(desk):
    desk.yaml('wan: {negative_prompt: ""}')
    assert desk.load().settings.wan == {"negative_prompt": ""}


def test_an_empty_flag_is_refused_since_it_would_mean_every_gpu(desk):
    assert desk.error(devices="") == ("--devices is given an empty value; leave it out or give one")


def test_dotenv_of_the_working_folder_wins_over_the_one_beside_the_config_file(desk):
    desk.yaml("", name="conf/pool.yaml")
    desk.dotenv("WORKER_ID=beside", beside="conf")
    assert desk.load().settings.worker_id == "beside"
    desk.dotenv("WORKER_ID=here")
    assert desk.load().settings.worker_id == "here"


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("WORKER_ID=plain # comment", "plain"),
        ("export WORKER_ID=exported", "exported"),
        ("WORKER_ID='single'", "single"),
        ('WORKER_ID="double"', "double"),
        ("\ufeffWORKER_ID=bom", "bom"),
    ],
)
def test_dotenv_is_read_as_python_dotenv_reads_it(desk, line, value):
    desk.dotenv(line)
    assert desk.load().settings.worker_id == value


def test_a_line_of_dotenv_that_is_no_assignment_is_named_and_not_repeated(desk):
    desk.dotenv("A=1\nWORKER_API_KEY 'secret-value\n")
    message = desk.error()
    assert message == ".env:2: this line cannot be read; write NAME=value"


def test_a_reference_in_yaml_is_replaced_from_the_environment_and_from_dotenv(desk):
    desk.yaml('worker_id: "${HERE}-${THERE}"\nbackend_options: {deep: [{"a": "${HERE}"}]}')
    desk.dotenv("THERE=b\nHERE=hidden")
    settings = desk.load({**REQUIRED, "HERE": "a"}).settings
    assert settings.worker_id == "a-b"
    assert settings.backend_options == {"deep": [{"a": "a"}]}


def test_an_empty_variable_does_not_hide_the_one_in_dotenv_from_a_reference(desk):
    desk.yaml('worker_id: "${NAME}"')
    desk.dotenv("NAME=b")
    assert desk.load({**REQUIRED, "NAME": ""}).settings.worker_id == "b"


def test_a_replaced_number_is_a_number(desk):
    desk.yaml('api_timeout: "${SECONDS}"')
    assert desk.load({**REQUIRED, "SECONDS": "12"}).settings.api_timeout == 12


def test_an_unset_reference_is_an_error_that_names_it(desk):
    desk.yaml('\nworker_id: "${NOBODY_SET_ME}"')
    assert desk.error() == (
        "pool.yaml:2: worker_id refers to ${NOBODY_SET_ME}, which is not set; "
        "set NOBODY_SET_ME in the environment or in .env, or remove this line"
    )


def test_a_supabase_key_is_never_read(desk):
    desk.yaml('worker_token: "${SUPABASE_SERVICE_ROLE_KEY}"')
    message = desk.error({**REQUIRED, "SUPABASE_SERVICE_ROLE_KEY": "s3cret"})
    assert "a worker never needs a Supabase key" in message
    assert "s3cret" not in message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "poling_interval: 5",
            (
                "pool.yaml:1: there is no setting 'poling_interval'; the nearest is "
                "'polling_interval', all of them are in docs/configure.md"
            ),
        ),
        (
            "log_dir: a\nlog_dir: b",
            "pool.yaml:2: log_dir stands at pool.yaml:1 already; keep one of them",
        ),
        ("- a\n- b", "pool.yaml holds no settings; write one `key: value` a line"),
        ("log_dir: [", "pool.yaml:1 (column 11) is not valid YAML; check quotes and indents"),
        (
            "log_dir: !!python/name:os.system x",
            ("pool.yaml:1 (column 10) is not valid YAML; check quotes and indents"),
        ),
        ("log_dir: 2025-13-45", "pool.yaml holds a character or a date that YAML does not allow"),
        (
            "stall_limits: {infr: 3}",
            "pool.yaml:1: stall_limits has no key infr; give one of "
            + ", ".join(StallLimits.model_fields),
        ),
        (
            "backend: runway",
            (
                "backend runway (from pool.yaml:1) cannot serve worker_type wan; "
                "set worker_type: runway or start with --mode runway"
            ),
        ),
        (
            "lease_duration: 5\nlease_duration_seconds: 6",
            (
                "pool.yaml:1: lease_duration is now "
                "lease_duration_seconds, given too; keep lease_duration_seconds"
            ),
        ),
        (
            "task_type: t2v",
            (
                "pool.yaml:1: task_type 't2v' is unknown; give one of ti2v-5B, i2v-A14B, "
                "or name the weights in wan: model"
            ),
        ),
    ],
)
def test_a_wrong_file_is_told_in_one_line_where_and_what_to_do(desk, text, message):
    desk.yaml(text)
    assert desk.error() == message


@pytest.mark.parametrize(
    ("name", "value", "key"),
    [
        ("POLL_INTERVAL", "often", "polling_interval"),
        ("POLL_INTERVAL", "0", "polling_interval"),
        ("POLL_INTERVAL", "inf", "polling_interval"),
        ("LEASE_DURATION", "0", "lease_duration_seconds"),
        ("LEASE_DURATION", "99999999", "lease_duration_seconds"),
        ("HEARTBEAT_INTERVAL", "-1", "heartbeat_interval"),
        ("WORKER_ID", "two words", "worker_id"),
        ("WORKER_ID", "x" * 81, "worker_id"),
        ("WORKER_TYPE", "gpu", "worker_type"),
        ("POOL_DEVICE", "tpu", "device"),
        ("POOL_WORKERS", "0", "workers"),
        ("POOL_MAX_TASKS", "0", "max_tasks"),
        ("POOL_DRAIN_TIMEOUT", "-1", "drain_timeout"),
        ("POOL_LOG_LEVEL", "loud", "log_level"),
        ("POOL_BACKEND", "sora", "backend"),
        ("RUNWAY_RATIO", "wide", "runway_ratio"),
        ("AUTO_CLEANUP_TEMP", "perhaps", "auto_cleanup_temp"),
    ],
)
def test_a_wrong_value_is_told_with_its_variable_and_what_it_must_be(desk, name, value, key):
    message = desk.error({**REQUIRED, name: value})
    assert message.startswith(f"environment variable {name}: {key} is {value[:60]!r}; it must ")


@pytest.mark.parametrize(
    ("missing", "spellings"),
    [
        (
            "VERCEL_API_URL",
            (
                "VERCEL_API_URL or NEXT_API_URL in the environment or .env, or "
                "vercel_api_url in the config file"
            ),
        ),
        (
            "WORKER_API_KEY",
            ("WORKER_API_KEY in the environment or .env, or worker_token in the config file"),
        ),
    ],
)
def test_what_is_required_is_asked_for_by_every_name_it_has(desk, missing, spellings):
    environ = {key: value for key, value in REQUIRED.items() if key != missing}
    assert desk.error(environ).endswith(f"is not set; set {spellings}")


def test_the_runway_key_is_required_where_runway_makes_the_videos(desk):
    assert "RUNWAY_API_KEY or RUNWAYML_API_SECRET" in desk.error(mode="runway")
    desk.yaml("backend: package.module:Class")
    assert desk.load(mode="runway").settings.worker_type == "runway"


@pytest.mark.parametrize(
    "url", ["http://api.example", "https://u:hunter2@api.example", "ftp://x", "api.example"]
)
def test_an_unsafe_address_is_refused_and_not_repeated(desk, url):
    message = desk.error({**REQUIRED, "VERCEL_API_URL": url})
    assert message.startswith("environment variable VERCEL_API_URL: vercel_api_url: ")
    assert "hunter2" not in message
    message = desk.error({**REQUIRED, "RUNWAY_BASE_URL": url})
    assert message.startswith("environment variable RUNWAY_BASE_URL: runway_base_url must be https")
    assert "hunter2" not in message


def test_plain_http_is_allowed_to_this_machine(desk):
    local = {"VERCEL_API_URL": "http://127.0.0.1:3000", "RUNWAY_BASE_URL": "http://localhost:1"}
    assert desk.load({**REQUIRED, **local}).settings.runway_base_url == "http://localhost:1"


@pytest.mark.parametrize("secret", ["two words", "line\nbreak", "schlüssel"])
def test_a_key_that_no_header_can_carry_is_refused_and_not_repeated(desk, secret):
    message = desk.error({**REQUIRED, "WORKER_API_KEY": secret})
    assert message.startswith("environment variable WORKER_API_KEY: worker_token: it ")
    assert secret.split()[0] not in message.removeprefix("environment variable ")


def test_blanks_around_a_key_are_dropped(desk):
    settings = desk.load({**REQUIRED, "WORKER_API_KEY": " abc \n"}).settings
    assert settings.worker_token.get_secret_value() == "abc"


def test_a_key_in_the_config_file_works_and_is_warned_about(desk):
    desk.yaml("worker_token: literal-key")
    loaded = desk.load({"VERCEL_API_URL": "https://api.example"})
    assert loaded.settings.worker_token.get_secret_value() == "literal-key"
    assert loaded.warnings == (
        (
            f"{desk.config}:1: worker_token stands in the file itself; keep it in .env and write "
            'worker_token: "${WORKER_API_KEY}"'
        ),
    )


@pytest.mark.parametrize("name", ["missing.yaml", "folder"])
def test_a_config_file_that_cannot_be_read_is_named(desk, name):
    (desk.folder / "folder").mkdir()
    desk.config = desk.folder / name
    assert desk.error().startswith(name)


def test_a_file_that_is_not_utf_8_is_named(desk):
    desk.yaml("")
    desk.config.write_bytes(b"log_dir: \xff\xfe")
    assert desk.error() == "pool.yaml is not UTF-8 text; save it as UTF-8"


@pytest.mark.parametrize(
    ("flag", "file", "expected"),
    [(None, None, "wan"), (None, "runway", "runway"), ("wan", "runway", "wan")],
)
def test_the_mode_is_the_flag_else_worker_type_else_wan(desk, flag, file, expected):
    desk.yaml(f"worker_type: {file}" if file else "")
    settings = desk.load({**REQUIRED, "RUNWAY_API_KEY": "k"}, mode=flag).settings
    assert (settings.worker_type, settings.backend) == (expected, expected)


@pytest.mark.parametrize(("mode", "seconds"), [("wan", 10), ("runway", 5)])
def test_the_polling_interval_follows_the_mode(desk, mode, seconds):
    settings = desk.load({**REQUIRED, "RUNWAY_API_KEY": "k"}, mode=mode).settings
    assert settings.polling_interval == seconds


def test_a_heartbeat_slower_than_three_to_a_lease_is_lowered_with_a_warning(desk):
    loaded = desk.load({**REQUIRED, "LEASE_DURATION": "30", "HEARTBEAT_INTERVAL": "29"})
    assert loaded.settings.heartbeat_interval == 10
    assert loaded.warnings == (
        (
            "environment variable HEARTBEAT_INTERVAL: heartbeat_interval is lowered to 10 s, "
            "a third of lease_duration_seconds"
        ),
    )


def test_the_default_heartbeat_is_lowered_without_a_word(desk):
    loaded = desk.load({**REQUIRED, "LEASE_DURATION": "1"})
    assert loaded.settings.heartbeat_interval == pytest.approx(1 / 3)
    assert loaded.warnings == ()


@pytest.mark.parametrize(
    ("environ", "flags", "warning"),
    [
        ({}, {"workers": 3}, "--workers: workers is ignored; there is one child per GPU"),
        (
            {},
            {"devices": "0", "device": "cpu"},
            "--devices: devices is ignored; no GPU is used in this mode",
        ),
        (
            {"RUNWAY_POLL_INTERVAL": "1", "RUNWAY_API_KEY": "k"},
            {"mode": "runway"},
            (
                "environment variable RUNWAY_POLL_INTERVAL: runway_poll_interval is under 5 s; "
                "Runway may answer 429"
            ),
        ),
    ],
)
def test_what_will_not_happen_as_asked_is_said(desk, environ, flags, warning):
    assert desk.load({**REQUIRED, **environ}, **flags).warnings == (warning,)


def test_folders_are_absolute_whatever_a_process_is_started_in(desk):
    settings = desk.load(state_dir="here/state").settings
    assert settings.state_dir == desk.folder / "here/state"
    assert settings.temp_dir == desk.folder / "temp"


def test_a_tilde_means_the_home_folder(desk, monkeypatch):
    monkeypatch.setenv("HOME", "/home/someone")
    assert str(desk.load(state_dir="~/state").settings.state_dir) == "/home/someone/state"


def test_flags_of_no_setting_are_passed_over(desk):
    assert desk.load(dry_run=True, check=False).settings.max_tasks is None
