"""The older workers' own files start the pool unchanged."""

import shutil
from pathlib import Path

import pytest

from inference.wan.settings import parse
from pool.errors import ConfigError
from pool.settings import load

FILES = Path(__file__).with_name("old_workers")
REQUIRED = {"VERCEL_API_URL": "https://api.example", "WORKER_API_KEY": "k"}


@pytest.fixture
def start(tmp_path):
    def start(config=None, dotenv=None, environ=None):
        if dotenv:
            shutil.copy(FILES / dotenv, tmp_path / ".env")
        return load({}, environ or {}, FILES / config if config else None, tmp_path)

    return start


def test_the_gpu_workers_config_file(start):
    loaded = start("wan.yaml")
    settings = loaded.settings
    assert settings.vercel_api_url == "https://your-vercel-app.vercel.app/api"
    assert (settings.worker_type, settings.worker_id) == ("wan", "gpu-worker-001")
    assert (settings.polling_interval, settings.lease_duration_seconds) == (5, 1800)
    wan = parse(settings.wan)
    assert wan.model == "Wan-AI/Wan2.2-TI2V-5B-Diffusers"
    assert (wan.video_size, wan.frame_num, wan.steps) == (1280 * 704, 121, 70)
    assert wan.guidance_scale == 7


def test_the_gpu_workers_keys_without_meaning_are_told(start):
    told = [warning.split(": ", 1)[1] for warning in start("wan.yaml").warnings]
    assert [warning.split()[0] for warning in told] == [
        "worker_token", "wan_repo_path", "max_retries", "retry_delay", "model_path",
    ]  # fmt: skip


def test_the_gpu_workers_variables(start):
    settings = start(dotenv="wan.env").settings
    assert settings.vercel_api_url == "https://your-domain.vercel.app"
    assert settings.worker_id == "vast-worker-001"
    assert settings.heartbeat_interval == 120


@pytest.mark.parametrize("config", ["runway.yaml", "runway_adaptive.yaml", None])
def test_the_runway_workers_files(start, config):
    loaded = start(config, dotenv="runway.env")
    settings = loaded.settings
    assert settings.vercel_api_url == "https://life-is-short-landing.vercel.app/api"
    assert (settings.worker_type, settings.backend) == ("runway", "runway")
    assert settings.worker_id == "runway-worker-001"
    assert settings.runway_api_key.get_secret_value() == "rw_sk_xxxxxxxxxxxxxxxxxxxx"
    assert settings.polling_interval == 5


def test_the_runway_workers_adaptive_polling_and_fixed_ratio(start):
    settings = start("runway_adaptive.yaml", dotenv="runway.env").settings
    assert (settings.polling_interval_slow, settings.polling_interval_fast) == (60, 5)
    assert settings.fast_polling_duration == 1800
    assert settings.runway_ratio == "1280:720"


def test_the_big_models_task_type_loads_its_weights(start, tmp_path):
    (tmp_path / "old.yaml").write_text("task_type: i2v-A14B\nmodel_path: ./Wan2.2-I2V-A14B\n")
    loaded = load({}, REQUIRED, tmp_path / "old.yaml", tmp_path)
    assert loaded.settings.wan == {"model": "Wan-AI/Wan2.2-I2V-A14B-Diffusers"}
    assert "is no folder in diffusers' layout" in loaded.warnings[0]


def test_a_model_path_in_diffusers_layout_is_loaded_as_it_is(tmp_path):
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights/model_index.json").write_text("{}")
    environ = {
        "VERCEL_API_URL": "https://a.example",
        "WORKER_API_KEY": "k",
        "MODEL_PATH": "weights",
    }
    loaded = load({}, environ, None, tmp_path)
    assert loaded.settings.wan == {"model": "weights"}
    assert loaded.warnings == ()


def test_an_old_variable_beats_the_wan_mapping_of_the_config_file(tmp_path):
    (tmp_path / "c.yaml").write_text("wan: {steps: 50, guidance_scale: 5}")
    environ = {**REQUIRED, "SAMPLE_STEPS": "20"}
    settings = load({}, environ, tmp_path / "c.yaml", tmp_path).settings
    assert parse(settings.wan).steps == 20
    assert parse(settings.wan).guidance_scale == 5


def test_an_old_key_and_its_successor_in_one_file_are_refused(tmp_path):
    (tmp_path / "c.yaml").write_text("cfg_scale: 7\nwan: {guidance_scale: 5}")
    with pytest.raises(ConfigError, match="cfg_scale is now wan"):
        load({}, {}, tmp_path / "c.yaml", tmp_path)


def test_another_solver_than_the_models_own_is_told_to_have_no_effect(tmp_path):
    environ = {
        "VERCEL_API_URL": "https://a.example",
        "WORKER_API_KEY": "k",
        "SAMPLE_SOLVER": "dpm++",
    }
    assert "sample_solver changes nothing" in load({}, environ, None, tmp_path).warnings[0]
