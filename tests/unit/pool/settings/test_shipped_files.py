"""configs/, .env.example and docs/configure.md agree with the code."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from inference.wan.family import I2V_A14B, TI2V_5B, WAN21_I2V
from inference.wan.settings import parse, recipe_for
from pool.settings import Settings, load
from pool.settings.environment import VARIABLES
from pool.settings.reference import old_keys_table, settings_table

ROOT = Path(__file__).resolve().parents[4]
REQUIRED = {
    "VERCEL_API_URL": "https://api.example",
    "WORKER_API_KEY": "k",
    "RUNWAY_API_KEY": "r",
}
CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))
FAMILIES = {"wan22-ti2v": TI2V_5B, "wan22-i2v": I2V_A14B, "wan21-i2v": WAN21_I2V}


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.name)
def test_every_shipped_config_starts_without_a_warning(config, tmp_path):
    loaded = load({}, REQUIRED, config, tmp_path)
    assert loaded.warnings == ()
    assert str(config.relative_to(ROOT)) in config.read_text()


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.name)
def test_every_wan_config_spells_out_its_models_published_settings(config, tmp_path):
    settings = load({}, REQUIRED, config, tmp_path).settings
    distilled = config.stem.endswith("-4step")
    if settings.backend != "wan" or distilled or not config.name.startswith(tuple(FAMILIES)):
        pytest.skip("no published settings to compare with")
    family = FAMILIES["-".join(config.name.split("-")[:2])]
    given = parse(settings.wan)
    silent = parse({"model": given.model, "video_size": settings.wan["video_size"]})
    assert recipe_for(given, family) == recipe_for(silent, family)


def test_the_example_of_dotenv_starts_the_pool(tmp_path):
    shutil.copy(ROOT / ".env.example", tmp_path / ".env")
    loaded = load({}, {}, None, tmp_path)
    assert loaded.settings.worker_id is None
    assert loaded.warnings == ()


@pytest.mark.parametrize("config", CONFIGS, ids=lambda path: path.name)
def test_a_filled_in_copy_of_the_example_changes_nothing_that_a_config_file_says(config, tmp_path):
    alone = load({}, REQUIRED, config, tmp_path).settings
    shutil.copy(ROOT / ".env.example", tmp_path / ".env")
    assert load({}, REQUIRED, config, tmp_path).settings == alone


def test_the_example_of_dotenv_names_only_variables_that_mean_something():
    lines = (ROOT / ".env.example").read_text().splitlines()
    named = {line.split("=")[0] for line in lines if "=" in line and not line.startswith("#")}
    assert named <= {name for names in VARIABLES.values() for name in names}


@pytest.mark.parametrize(
    ("name", "table"), [("settings", settings_table), ("old keys", old_keys_table)]
)
def test_the_page_on_settings_holds_the_tables_that_the_code_prints(name, table):
    page = (ROOT / "docs/configure.md").read_text()
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
    assert page.partition(begin)[2].partition(end)[0] == table()


def test_every_setting_says_what_it_is():
    assert [key for key, field in Settings.model_fields.items() if not field.description] == []


def test_reading_settings_loads_nothing_heavy():
    code = "import sys, pool.settings; print({'torch', 'requests', 'av'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
