import pytest

from pool.ledger import Ledger


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.jsonl"


def test_nothing_is_held_against_an_item_at_first(path):
    assert Ledger(path).deaths("a") == []
    assert not path.exists()


def test_deaths_are_remembered_for_each_item_and_across_restarts(path):
    Ledger(path).died("a", "killed by SIGSEGV")
    Ledger(path).died("b", "CUDA error")
    Ledger(path).died("a", "killed by SIGKILL")
    assert Ledger(path).deaths("a") == ["killed by SIGSEGV", "killed by SIGKILL"]
    assert Ledger(path).deaths("b") == ["CUDA error"]


def test_an_item_that_came_to_its_end_is_forgiven(path):
    ledger = Ledger(path)
    ledger.died("a", "killed by SIGSEGV")
    ledger.done("a")
    assert ledger.deaths("a") == []
    ledger.died("a", "again")
    assert ledger.deaths("a") == ["again"]


def test_an_innocent_item_is_not_written_down(path):
    Ledger(path).done("a")
    assert not path.exists()


@pytest.mark.parametrize("cut", range(1, 40, 3))
def test_a_line_that_a_power_cut_tore_costs_that_line_alone(path, cut):
    ledger = Ledger(path)
    ledger.died("a", "first")
    whole = path.read_bytes()
    ledger.died("a", "torn")
    path.write_bytes(whole + path.read_bytes()[len(whole) :][:cut])
    ledger.died("a", "after")
    deaths = ledger.deaths("a")
    assert (deaths[0], deaths[-1]) == ("first", "after")


@pytest.mark.parametrize("line", [b"null", b"[1]", b'"text"', b"\xff\xfe", b"{}", b'{"item": 3}'])
def test_a_strange_line_is_skipped(path, line):
    path.write_bytes(line + b"\n")
    ledger = Ledger(path)
    ledger.died("a", "killed")
    assert ledger.deaths("a") == ["killed"]


def test_a_reason_with_line_ends_stays_one_line(path):
    Ledger(path).died("a", "first\nsecond")
    assert Ledger(path).deaths("a") == ["first\nsecond"]


def test_a_disk_that_cannot_be_written_costs_the_memory_alone(path):
    path.mkdir()
    ledger = Ledger(path)
    ledger.died("a", "killed")
    assert ledger.deaths("a") == []


# Photos for which the server gives no URL


def unsigned(ledger, *rounds):
    """Each round is a lease of "a" without its photo, and then photos of others that were had."""
    for others in rounds:
        ledger.unsigned("a")
        for other in others:
            ledger.fetched(other)


def test_each_lease_without_its_photo_counts_once_another_photo_was_had(path):
    unsigned(Ledger(path), "b", "c", "bcd")
    assert Ledger(path).unsigned_rounds("a") == 3
    assert Ledger(path).unsigned_rounds("b") == 0
    assert Ledger(path).deaths("a") == []


def test_a_server_that_gives_out_no_photo_at_all_is_not_held_against_any(path):
    ledger = Ledger(path)
    for _ in range(5):
        unsigned(ledger, "")
        ledger.unsigned("b")
    assert (ledger.unsigned_rounds("a"), ledger.unsigned_rounds("b")) == (0, 0)
    ledger.fetched("c")
    assert (ledger.unsigned_rounds("a"), ledger.unsigned_rounds("b")) == (1, 1)


@pytest.mark.parametrize("end", [Ledger.done, Ledger.fetched])
def test_a_photo_that_was_had_after_all_is_forgiven(path, end):
    ledger = Ledger(path)
    unsigned(ledger, "b", "b")
    end(ledger, "a")
    assert ledger.unsigned_rounds("a") == 0
    unsigned(ledger, "b")
    assert ledger.unsigned_rounds("a") == 1


def test_photos_are_written_down_only_while_it_matters(path):
    ledger = Ledger(path)
    ledger.fetched("b")
    assert not path.exists()
    ledger.unsigned("a")
    for other in "bcdefg":
        ledger.fetched(other)
    assert path.read_text().count('"item"') == 2
