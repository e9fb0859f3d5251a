"""The prompt, counted as Runway counts it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.runway.prompt import DEFAULT, LONGEST_UNITS, prompt_for, utf16_units

FAMILY = "👨‍👩‍👧‍👦"


def test_a_short_prompt_stays_as_it_is():
    assert prompt_for("  행복한 가족 \n") == ("행복한 가족", None)


@pytest.mark.parametrize("empty", ["", "   ", "\n"])
def test_an_empty_prompt_becomes_the_default(empty):
    assert prompt_for(empty) == (DEFAULT, None)


def test_a_prompt_of_exactly_the_limit_is_not_cut():
    assert prompt_for("가" * 1000) == ("가" * 1000, None)


def test_a_longer_prompt_is_cut_with_a_note():
    cut, note = prompt_for("a" * 1001)
    assert cut == "a" * 1000
    assert note == "the prompt has 1001 characters, only its first 1000 count"


def test_an_emoji_counts_twice_and_is_never_halved():
    assert prompt_for("a" + "🎞" * 500)[0] == "a" + "🎞" * 499


@pytest.mark.parametrize(
    "cluster",
    [FAMILY, "👍🏽", "é", "❤️", "की"],
    ids=["joined", "toned", "accent", "variant", "mark"],
)
def test_what_is_drawn_as_one_is_not_taken_apart(cluster):
    lead = "a" * (1001 - utf16_units(cluster))
    assert prompt_for(lead + cluster)[0] == lead


def test_a_text_that_is_one_endless_cluster_is_cut_inside():
    cut, _ = prompt_for("\u0301" * 3000)
    assert utf16_units(cut) == 1000


def test_a_prompt_of_a_megabyte_is_cut_at_once():
    assert utf16_units(prompt_for("word " * 200_000)[0]) <= LONGEST_UNITS


def test_lone_surrogates_become_question_marks():
    assert prompt_for("a\ud800b") == ("a?b", None)


@given(st.text(alphabet=st.characters(codec=None), max_size=3000))
def test_whatever_comes_is_sent_within_the_limit_and_as_valid_unicode(text):
    prompt, _ = prompt_for(text)
    assert 0 < len(prompt.encode("utf-16-le")) // 2 <= LONGEST_UNITS
