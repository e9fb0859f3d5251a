"""Which model, length and size a task gets."""

from pathlib import Path

import pytest

from inference.runway.models import (
    choice_for,
    length_for,
    model_named,
    models_table,
    ratio_for,
)

GEN4, GEN45, GEN3A = (model_named(name) for name in ("gen4_turbo", "gen4.5", "gen3a_turbo"))
VEO3, VEO31 = model_named("veo3"), model_named("veo3.1")
PAGE = Path(__file__).resolve().parents[4] / "docs" / "runway.md"


@pytest.mark.parametrize(
    ("provider", "sent"),
    [
        ("gen4_turbo", "gen4_turbo"),
        ("runway_gen4_turbo", "gen4_turbo"),
        ("GEN4_TURBO", "gen4_turbo"),
        ("gen4.5_turbo", "gen4.5"),
        ("gen4.5", "gen4.5"),
        ("runway_gen4.5_turbo", "gen4.5"),
        ("gen3a_turbo", "gen3a_turbo"),
        ("veo3", "veo3"),
        ("veo3.1", "veo3.1"),
        ("runway_veo3.1_fast", "veo3.1_fast"),
    ],
)
def test_a_provider_names_its_model(provider, sent):
    choice = choice_for(provider, GEN4)
    assert (choice.model.sent, choice.named, choice.note) == (sent, True, None)


@pytest.mark.parametrize("provider", [None, ""])
def test_a_task_without_a_provider_gets_the_default(provider):
    choice = choice_for(provider, VEO3)
    assert (choice.model, choice.named, choice.note) == (VEO3, False, None)


@pytest.mark.parametrize("provider", ["gen5", "wan_local", "runway_", "x" * 10_000])
def test_an_unknown_provider_gets_the_default_with_a_note(provider):
    choice = choice_for(provider, GEN4)
    assert (choice.model, choice.named) == (GEN4, False)
    assert choice.note.endswith("is unknown; gen4_turbo is used")
    assert len(choice.note) < 200


@pytest.mark.parametrize(
    ("frames", "model", "seconds"),
    [
        (None, GEN4, 5),
        (73, GEN4, 3),
        (121, GEN4, 5),
        (169, GEN4, 7),
        (241, GEN4, 10),
        (24, GEN4, 2),
        (0, GEN4, 2),
        (-3, GEN4, 2),
        (10**9, GEN4, 10),
        (73, GEN3A, 5),
        (180, GEN3A, 5),
        (181, GEN3A, 10),
        (121, VEO3, 8),
        (121, VEO31, 6),
        (120, VEO31, 4),
        (241, VEO31, 8),
        (None, VEO31, 6),
    ],
)
def test_the_length_is_the_nearest_that_the_model_makes(frames, model, seconds):
    assert length_for(frames, model) == seconds


@pytest.mark.parametrize(
    ("width", "height", "model", "ratio"),
    [
        (4032, 3024, GEN4, "1104:832"),
        (3024, 4032, GEN4, "832:1104"),
        (1920, 1080, GEN4, "1280:720"),
        (1080, 1920, GEN45, "720:1280"),
        (1000, 1000, GEN4, "960:960"),
        (20_000, 20, GEN4, "1584:672"),
        (20, 20_000, GEN4, "720:1280"),
        (4032, 3024, GEN3A, "1280:768"),
        (3024, 4032, GEN3A, "768:1280"),
        (1920, 1080, VEO3, "1280:720"),
        (1080, 1920, VEO31, "720:1280"),
    ],
)
def test_the_size_is_the_one_nearest_to_the_photos_shape(width, height, model, ratio):
    assert ratio_for(width, height, model) == ratio


@pytest.mark.parametrize(
    ("fixed", "model", "ratio"),
    [
        ("1280:720", GEN4, "1280:720"),
        ("1920:1080", VEO3, "1920:1080"),
        ("1280:720", GEN3A, "1280:768"),
        ("1920:1080", GEN4, "1280:720"),
    ],
)
def test_a_fixed_size_is_taken_or_the_models_nearest(fixed, model, ratio):
    assert ratio_for(500, 1000, model, fixed) == ratio


def test_prices_are_by_the_second():
    assert GEN4.price_usd(5) == pytest.approx(0.25)
    assert GEN45.price_usd(10) == pytest.approx(1.20)
    assert VEO31.price_usd(4) == pytest.approx(1.60)


def test_the_page_on_runway_holds_the_table_that_the_code_prints():
    begin, end = "<!-- models: begin -->\n", "<!-- models: end -->"
    assert PAGE.read_text().partition(begin)[2].partition(end)[0] == models_table()
