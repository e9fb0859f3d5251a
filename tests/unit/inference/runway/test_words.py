"""Texts from Runway, made fit to be repeated."""

import pytest

from inference.runway.words import fit


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain  words\nhere", "plain words here"),
        ("see https://x.example/a.mp4?_jwt=abc now", "see https://x.example/a.mp4 now"),
        ("https://me:pw@x.example/a#frag", "https://x.example/a"),
        ("got data:image/png;base64,AAAA in", "got [hidden] in"),
        ("Authorization: Bearer abcdefgh12345678", "Authorization: Bearer [hidden]"),
        ("the key key_0123456789abcdef", "the key key_[hidden]"),
        ("the key rw_sk_0123456789abcdef", "the key rw_[hidden]"),
        ("a\x00b\x1b[31m", "a b [31m"),
    ],
)
def test_secrets_and_control_characters_are_taken_out(text, shown):
    assert fit(text) == shown


def test_it_stays_short():
    assert len(fit("word " * 1_000_000)) == 300
