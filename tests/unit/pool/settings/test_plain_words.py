"""What pydantic says, as the person who wrote the value would put it."""

from typing import Annotated, Literal

import pytest
from pydantic import Field, TypeAdapter, ValidationError

from pool.settings.plain_words import plain_words

KINDS = [
    (int, "fifty", "it must be a whole number"),
    (int, 2.5, "it must be a whole number"),
    (float, "often", "it must be a number"),
    (bool, "perhaps", "it must be true or false"),
    (str, 5, "it must be text"),
    (dict[str, int], 5, "it must be a mapping, one `key: value` a line"),
    (Literal["text", "json"], "xml", "it must be 'text' or 'json'"),
    (Literal["a", "b", "c"], "d", "it must be 'a', 'b' or 'c'"),
    (int, None, "it must be a whole number"),
]
BOUNDS = [
    ({"ge": 1}, 0, "it must be 1 or more"),
    ({"le": 5}, 6, "it must be 5 or less"),
    ({"gt": 0}, 0, "it must be greater than 0"),
]


def said(kind, value):
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(kind).validate_python(value)
    return refused.value.errors()[0]["msg"]


@pytest.mark.parametrize(("kind", "value", "words"), KINDS)
def test_a_kind_is_told_without_the_librarys_terms(kind, value, words):
    assert plain_words(said(kind, value)) == words


@pytest.mark.parametrize(("bounds", "value", "words"), BOUNDS)
def test_a_bound_is_told_as_what_it_allows(bounds, value, words):
    assert plain_words(said(Annotated[int, Field(**bounds)], value)) == words


def test_a_sentence_of_our_own_stays_as_it_is():
    assert plain_words("Value error, it must be HOST:PORT") == "it must be HOST:PORT"
