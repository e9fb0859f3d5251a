import pytest

from client.redact import redacted

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJ1cmwiOiJ4In0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (
            "GET https://s.example/o/a.jpg?token=canary failed",
            "GET https://s.example/o/a.jpg failed",
        ),
        ("at https://me:canary@s.example/x", "at https://s.example/x"),
        (f"bad jwt {JWT}!", "bad jwt [hidden]!"),
        ("Authorization: Bearer canarycanarycanary", "Authorization: [hidden] [hidden]"),
        ("token=canary&x=1", "token=[hidden]&x=1"),
        ('{"api_key": "canary"}', '{"api_key": "[hidden]"}'),
        ("X-Amz-Signature=canary", "X-Amz-Signature=[hidden]"),
    ],
)
def test_what_looks_like_a_secret_is_hidden(text, clean):
    assert redacted(text, 500) == clean


def test_a_given_secret_is_hidden_wherever_it_stands():
    assert redacted("key s3cr3t is wrong", 500, ("s3cr3t",)) == "key [hidden] is wrong"


def test_an_ordinary_sentence_stays_as_it_is():
    said = "crashed the worker twice: out of memory at step 3 (사진이 너무 큼)"
    assert redacted(said, 500) == said


def test_the_result_is_one_line_within_the_limit():
    assert redacted("a\n\tb\x00c\x1b[31m", 500) == "a b c [31m"
    assert redacted("x" * 600, 500) == "x" * 499 + "…"


def test_half_a_surrogate_pair_does_not_get_through():
    redacted("half \ud83d a pair", 500).encode("utf-8")


def test_a_megabyte_of_letters_is_quick():
    assert len(redacted("a" * 1_000_000, 200)) == 200
