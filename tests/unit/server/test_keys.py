import json
import stat

import pytest

from server.errors import ConfigError
from server.keys import KEYS_FILE, is_authorized, load_keys

GIVEN = {"WORKER_API_KEY": "w", "ADMIN_API_KEY": "a"}


def test_missing_keys_are_made_up_once(tmp_path):
    first = load_keys(tmp_path, {})
    assert load_keys(tmp_path, {}) == first
    assert len({first.worker, first.admin, first.signing_secret}) == 3
    assert stat.S_IMODE((tmp_path / KEYS_FILE).stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [KEYS_FILE]


def test_given_keys_come_first_and_are_not_written_down(tmp_path):
    keys = load_keys(tmp_path, GIVEN)
    assert (keys.worker, keys.admin, keys.from_file) == ("w", "a", False)
    assert list(json.loads((tmp_path / KEYS_FILE).read_text())) == ["signing_secret"]


def test_one_given_key_leaves_the_other_to_be_made_up(tmp_path):
    keys = load_keys(tmp_path, {"WORKER_API_KEY": "w", "ADMIN_API_KEY": ""})
    assert keys.worker == "w"
    assert len(keys.admin) > 30
    assert keys.from_file


def test_the_same_key_for_both_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="are the same"):
        load_keys(tmp_path, {"WORKER_API_KEY": "x", "ADMIN_API_KEY": "x"})


@pytest.mark.parametrize("content", ["", "{", "[]", '{"signing_secret": 1}'])
def test_a_damaged_key_file_is_said_and_not_overwritten(tmp_path, content):
    (tmp_path / KEYS_FILE).write_text(content)
    with pytest.raises(ConfigError, match="move it away"):
        load_keys(tmp_path, GIVEN)
    assert (tmp_path / KEYS_FILE).read_text() == content


def test_no_key_shows_in_a_repr(tmp_path):
    assert repr(load_keys(tmp_path, GIVEN)) == "Keys(from_file=False)"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Worker key", True),
        ("Worker key ", False),
        ("Worker ke", False),
        ("Admin key", False),
        ("key", False),
        ("", False),
        (None, False),
        ("Worker ké", False),
    ],
)
def test_a_header_is_authorized_only_if_it_is_the_whole_key(header, expected):
    assert is_authorized(header, "Worker", "key") is expected


def test_a_key_beyond_ascii_works():
    assert is_authorized("Worker 열쇠".encode().decode("latin-1"), "Worker", "열쇠")
