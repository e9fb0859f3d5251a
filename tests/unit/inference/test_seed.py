"""Seeds."""

from inference.seed import seed_for


def test_the_seed_of_an_item_never_changes():
    assert seed_for("142193c7-a29c-42a9-82ea-e0257ac1ea42") == 698408020551870132


def test_items_have_seeds_of_their_own():
    assert len({seed_for(f"item-{number}") for number in range(1000)}) == 1000


def test_a_seed_fits_63_bits():
    assert all(0 <= seed_for(f"item-{number}") < 2**63 for number in range(1000))


def test_any_text_has_a_seed():
    assert seed_for("") != seed_for("\ud800") != seed_for("사진")
