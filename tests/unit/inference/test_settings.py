"""The WAN backend's settings."""

import pytest
from pydantic import ValidationError

from inference.errors import BackendUnusable
from inference.wan.backend import WanBackend
from inference.wan.family import I2V_A14B, TI2V_5B, WAN21_I2V
from inference.wan.settings import WanSettings, parse, recipe_for


def test_nothing_set_means_the_published_values():
    recipe = recipe_for(parse({}), TI2V_5B)
    assert (recipe.area, recipe.fps, recipe.steps) == (1280 * 704, 24, 50)
    assert (recipe.guidance_scale, recipe.guidance_scale_2, recipe.flow_shift) == (5.0, None, 5.0)


def test_text_from_the_environment_is_read_as_numbers():
    settings = parse({"steps": "70", "guidance_scale": "7.0", "video_size": "1280*704"})
    assert (settings.steps, settings.guidance_scale) == (70, 7.0)
    assert settings.video_size == 1280 * 704


@pytest.mark.parametrize("written", ["1280*720", "1280x720", " 1280 * 720 ", "720×1280"])
def test_a_size_may_be_written_in_several_ways(written):
    assert parse({"video_size": written}).video_size == 1280 * 720


@pytest.mark.parametrize("size", ["1280", "big", "", "0*0", "10*10", "99999*99999", 921600, [1, 2]])
def test_a_size_that_is_none_is_refused(size):
    with pytest.raises(BackendUnusable, match="video_size"):
        parse({"video_size": size})


def test_an_unknown_key_names_the_nearest_known_one():
    with pytest.raises(BackendUnusable, match=r"no such key; the nearest is 'guidance_scale'"):
        parse({"guidence_scale": 7})


def test_every_problem_is_named_in_one_line():
    with pytest.raises(BackendUnusable) as raised:
        parse({"steps": 0, "crf": 99, "device": "tpu", "encoder_preset": "best"})
    message = str(raised.value)
    assert "\n" not in message
    assert all(key in message for key in ("steps", "crf", "device", "encoder_preset"))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1])
def test_a_guidance_scale_is_a_plain_number(value):
    with pytest.raises(BackendUnusable, match="guidance_scale"):
        parse({"guidance_scale": value})


def test_settings_do_not_change():
    with pytest.raises(ValidationError, match="frozen"):
        parse({}).steps = 3


def test_a_wrong_setting_stops_the_backend_before_anything_is_loaded():
    with pytest.raises(BackendUnusable, match="steps"):
        WanBackend({"steps": "many"})


def test_the_second_expert_follows_the_first_unless_set():
    assert recipe_for(parse({"guidance_scale": 7}), I2V_A14B).guidance_scale_2 == 7
    both = parse({"guidance_scale": 4, "guidance_scale_2": 3})
    assert recipe_for(both, I2V_A14B).guidance_scale_2 == 3


def test_a_second_scale_for_one_transformer_is_refused():
    with pytest.raises(BackendUnusable, match="wan22-ti2v-5b has one, so remove it"):
        recipe_for(parse({"guidance_scale_2": 3}), TI2V_5B)


@pytest.mark.parametrize(("size", "shift"), [("832*480", 3.0), ("1280*720", 5.0)])
def test_the_shift_of_wan21_follows_the_size(size, shift):
    assert recipe_for(parse({"video_size": size}), WAN21_I2V).flow_shift == shift


def test_guidance_can_be_switched_off():
    assert recipe_for(parse({"guidance_scale": 0}), TI2V_5B).guidance_scale == 0


def test_a_lora_for_a_second_transformer_that_is_not_there_is_refused():
    with pytest.raises(BackendUnusable, match="lora_2: it is for models with two transformers"):
        recipe_for(parse({"lora_2": "a.safetensors"}), TI2V_5B)


def test_nothing_lossy_is_a_default():
    settings = parse({})
    assert (settings.fp8, settings.step_cache, settings.loras) == (False, None, {})
    assert (settings.vae_decode, settings.solver) == ("float32", "unipc")


@pytest.mark.parametrize(
    ("options", "compiler", "warms_up", "shares"),
    [
        ({}, "inductor", True, True),
        ({"device": "cpu"}, None, False, False),
        ({"compile": "off"}, None, False, True),
        ({"compile": "off", "warm_up": True}, None, True, True),
        ({"device": "cpu", "compile": "eager"}, "eager", True, False),
        ({"warm_up": False, "share_timesteps": False}, "inductor", False, False),
    ],
)
def test_what_follows_from_the_device_unless_set(options, compiler, warms_up, shares):
    settings = parse(options)
    assert settings.compiler == compiler
    assert (settings.warms_up, settings.shares_timesteps) == (warms_up, shares)


def test_offload_auto_is_the_same_as_none_given():
    assert parse({"offload": "auto"}) == parse({})


OUT_OF_RANGE = {
    "model": ["", None],
    "revision": [5],
    "video_size": ["1*1", "huge"],
    "frame_num": [0, 4, 242, 7.5],
    "frame_policy": ["round"],
    "fps": [0, 121],
    "steps": [0, 1001, 2.5],
    "guidance_scale": [-1, 31],
    "guidance_scale_2": [-1, 31],
    "flow_shift": [0, 101],
    "negative_prompt": [None],
    "default_prompt": [None],
    "device": ["tpu"],
    "dtype": ["int4"],
    "crf": [-1, 52],
    "encoder_preset": ["best"],
    "offload": ["all"],
    "vae_tiling": ["perhaps"],
    "cache_dir": [5],
    "attention": ["", "flash9"],
    "compile": ["triton"],
    "share_timesteps": ["perhaps"],
    "warm_up": ["perhaps"],
    "solver": ["ddim"],
    "vae_decode": ["float16"],
    "fp8": ["perhaps"],
    "step_cache": [0, 1.5],
    "lora": ["", 5],
    "lora_2": ["", 5],
    "lora_scale": [0, 5],
}


def test_every_key_has_values_that_are_refused():
    assert set(OUT_OF_RANGE) == set(WanSettings.model_fields)


@pytest.mark.parametrize(
    ("key", "value"), [(key, value) for key, values in OUT_OF_RANGE.items() for value in values]
)
def test_a_value_out_of_range_is_one_line_that_names_its_key(key, value):
    with pytest.raises(BackendUnusable) as raised:
        parse({key: value})
    assert str(raised.value).startswith(f"wan.{key}: ")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("other", [{"device": "cpu"}, {"dtype": "float16"}])
def test_fp8_where_it_cannot_run_is_refused(other):
    with pytest.raises(BackendUnusable, match=r"fp8.*needs device: cuda and dtype: bfloat16"):
        parse({"fp8": True, **other})
