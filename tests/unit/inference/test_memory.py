"""Where the parts of a model lie on a card."""

from dataclasses import replace

import pytest

from inference.errors import BackendUnusable, DeviceUnfit
from inference.wan.checkpoint import Sizes
from inference.wan.family import TI2V_5B
from inference.wan.memory import (
    Plan,
    Work,
    free_on,
    ladder,
    next_smaller,
    permitted,
    placement,
    plan,
    plan_on,
)

GB = 1_000_000_000
SIZES = Sizes(
    {"text_encoder": 5_681_000_000, "transformer": 5_000_000_000, "vae": 705_000_000}, 3072, 30
)
WORK = Work(area=1280 * 704, frames=121, dtype="bfloat16", decode_dtype="float32", fp8=False)
RUNGS = ladder(TI2V_5B, SIZES, WORK)


def chosen(free_gb: float, rungs=RUNGS) -> tuple[str, bool]:
    found = plan(int(free_gb * GB), rungs)
    return found.offload, found.vae_tiling


@pytest.mark.parametrize(
    ("free_gb", "offload", "tiling"),
    [
        (139, "none", False),
        (60, "none", False),
        (45, "text_encoder", False),
        (30, "model", False),
        (24, "model", True),
        (17, "group", True),
    ],
)
def test_the_fastest_way_that_fits_is_taken(free_gb, offload, tiling):
    assert chosen(free_gb) == (offload, tiling)


def test_a_larger_card_never_gets_a_smaller_plan():
    places = [RUNGS.index(plan(size * GB, RUNGS)) for size in range(16, 150)]
    assert places == sorted(places, reverse=True)


@pytest.mark.parametrize("size_gb", range(16, 150, 7))
def test_a_plan_leaves_room_on_the_card(size_gb):
    assert plan(size_gb * GB, RUNGS).peak_bytes <= 0.97 * size_gb * GB


def test_without_a_limit_everything_stays():
    assert plan(None, RUNGS).on_card == ("text_encoder", "transformer", "vae")


@pytest.mark.parametrize(
    ("offload", "on_card"),
    [
        ("none", {"text_encoder", "transformer", "vae"}),
        ("text_encoder", {"transformer", "vae"}),
        ("model", set()),
        ("group", {"vae"}),
    ],
)
def test_what_stays_on_the_card(offload, on_card):
    assert set(permitted(RUNGS, offload, False)[0].on_card) == on_card


def test_what_cannot_fit_says_what_would():
    with pytest.raises(BackendUnusable) as raised:
        plan(8 * GB, RUNGS)
    message = str(raised.value)
    assert message.startswith("the model does not fit: 8.0 GB of the card's memory are free")
    assert "a card with 15 GB free, or a smaller video_size, or fp8: true" in message
    assert "offload" not in message
    assert "\n" not in message


def test_a_card_that_another_process_fills_is_unfit_for_now():
    with pytest.raises(DeviceUnfit) as raised:
        plan_on((8 * GB, 80 * GB), RUNGS)
    message = str(raised.value)
    assert message.startswith("only 8.0 GB of the card's 80.0 GB are free, and the model needs 15.")
    assert "empty, the card would do (everything stays on the card" in message
    assert message.endswith("nvidia-smi names the processes that hold the rest")


@pytest.mark.parametrize("card_gb", [8, 12])
def test_a_card_that_would_be_too_small_when_empty_is_unusable_for_good(card_gb):
    with pytest.raises(BackendUnusable, match=r"does not fit: .* GB of the card's memory are free"):
        plan_on((7 * GB, card_gb * GB), RUNGS)


@pytest.mark.parametrize(("free_gb", "offload"), [(79, "none"), (45, "text_encoder")])
def test_what_is_free_decides_where_something_fits(free_gb, offload):
    assert plan_on((free_gb * GB, 80 * GB), RUNGS).offload == offload


def test_without_a_card_there_is_no_limit():
    assert plan_on(None, RUNGS) == RUNGS[0]


def test_a_restricted_choice_that_cannot_fit_says_to_lift_it():
    with pytest.raises(BackendUnusable, match="offload: auto without vae_tiling"):
        plan(24 * GB, permitted(RUNGS, "none", None))


def test_the_size_that_is_said_to_fit_does():
    with pytest.raises(BackendUnusable, match="needs 15"):
        plan(8 * GB, RUNGS)
    assert plan(int(15.4 * GB), RUNGS)


def test_settings_leave_a_choice():
    assert {rung.offload for rung in permitted(RUNGS, "model", None)} == {"model"}
    assert all(rung.vae_tiling for rung in permitted(RUNGS, None, True))
    assert permitted(RUNGS, None, None) == RUNGS


def test_the_ladder_is_walked_down_to_its_end():
    rung: Plan | None = RUNGS[0]
    peaks = []
    while rung is not None:
        peaks.append(rung.peak_bytes)
        rung = next_smaller(rung, RUNGS)
    assert peaks == sorted(set(peaks), reverse=True)
    assert peaks[-1] == min(rung.peak_bytes for rung in RUNGS)


@pytest.mark.parametrize(
    "less",
    [
        {"fp8": True},
        {"decode_dtype": "bfloat16"},
        {"area": 832 * 480},
        {"frames": 49},
    ],
)
def test_less_work_needs_no_more_memory_on_any_rung(less):
    smaller = ladder(TI2V_5B, SIZES, replace(WORK, **less))
    pairs = list(zip(smaller, RUNGS, strict=True))
    assert all(one.peak_bytes <= other.peak_bytes for one, other in pairs)
    assert any(one.peak_bytes < other.peak_bytes for one, other in pairs)


def test_a_plan_reads_as_a_sentence():
    assert str(RUNGS[0]) == "everything stays on the card, bfloat16, about 50 GB at the peak"
    assert placement(None, RUNGS) == (
        "everything lies in the host's memory, bfloat16, about 50 GB at the peak"
    )
    tiled = str(permitted(RUNGS, "model", True)[0])
    assert tiled.startswith("each model is on the card only while it works, bfloat16, VAE in tiles")
    assert "float8" in str(ladder(TI2V_5B, SIZES, replace(WORK, fp8=True))[0])


def test_a_card_is_never_free_altogether():
    assert 0 < 24 * GB - free_on(24 * GB) < 2 * GB
