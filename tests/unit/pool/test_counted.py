import pytest

from pool.counted import counted


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 children"), (1, "1 child"), (2, "2 children")]
)
def test_one_thing_is_singular_and_no_other_number_is(number, words):
    assert counted(number, "child", "children") == words


def test_most_plurals_only_take_an_s():
    assert [counted(number, "slot") for number in (1, 8)] == ["1 slot", "8 slots"]
