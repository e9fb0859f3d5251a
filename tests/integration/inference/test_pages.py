"""docs/wan.md, the presets and the memory estimates agree with the code, at full size."""

import inspect

import pytest
import yaml

from inference.wan.family import I2V_A14B, TI2V_5B, WAN21_I2V
from inference.wan.frames import length_for
from inference.wan.settings import WanSettings, parse
from tests.benchmarks.cards import BEGIN, END, PAGE, ROOT, presets, table
from tests.benchmarks.full_size import sizes
from tests.benchmarks.live_bytes import count

LOSSY = ("-fast", "-4step")


def test_the_table_of_cards_is_the_one_that_the_plan_gives():
    assert PAGE.read_text().partition(BEGIN)[2].partition(END)[0] == table()


def test_every_setting_is_described_on_the_page_as_in_the_code():
    described = inspect.getdoc(WanSettings)
    assert described in PAGE.read_text()
    assert all(f"`{key}`" in described for key in WanSettings.model_fields)


@pytest.mark.parametrize("preset", presets(), ids=lambda preset: preset[0])
def test_a_preset_is_on_the_page_and_lossy_only_where_its_name_says_so(preset):
    name, family, options = preset
    settings, plain = parse(options), parse({})
    assert f"`{name}`" in PAGE.read_text()
    lossy = ("fp8", "step_cache", "vae_decode", "solver", "loras")
    changed = any(getattr(settings, key) != getattr(plain, key) for key in lossy)
    assert changed == name.endswith(LOSSY)
    assert settings.frame_num == family.frames


@pytest.mark.parametrize("preset", presets(), ids=lambda preset: preset[0])
def test_a_preset_says_what_it_needs_and_what_it_costs(preset):
    head = (ROOT / "configs" / f"{preset[0]}.yaml").read_text().partition("worker_type")[0]
    assert "# Memory: " in head
    assert "# Time: " in head


def test_five_seconds_stay_five_seconds_at_the_other_rate():
    length = length_for(121, default=81, policy="duration", fps=16)
    assert (
        length.frames
        == yaml.safe_load((ROOT / "configs" / "wan22-i2v-a14b.yaml").read_text())["wan"][
            "frame_num"
        ]
    )


@pytest.mark.parametrize(("family", "weights_gb"), [(TI2V_5B, 24), (I2V_A14B, 69), (WAN21_I2V, 47)])
def test_the_full_sizes_are_the_published_ones(family, weights_gb):
    each = {"vae": 4, "image_encoder": 4}
    total = sum(each.get(name, 2) * n for name, n in sizes(family.name).parameters.items())
    assert total / 1e9 == pytest.approx(weights_gb, abs=0.7)


@pytest.mark.parametrize("family", [TI2V_5B, I2V_A14B, WAN21_I2V])
def test_the_memory_figures_are_those_counted_on_the_architectures(family):
    counted = count(family)
    for name in ("token_bytes", "encode_bytes", "decode_bytes"):
        stated, found = getattr(family, name), getattr(counted, name)
        assert found <= stated <= 1.02 * found, name
