"""The file that takes what a child prints, and its cap."""

from pool.supervisor.output_file import opened, trim


def test_a_small_file_is_left_alone(tmp_path):
    path = tmp_path / "gpu0.out"
    path.write_bytes(b"x" * 100)
    trim(path, largest_bytes=100, kept_bytes=10)
    assert path.read_bytes() == b"x" * 100
    assert list(tmp_path.iterdir()) == [path]


def test_a_large_file_is_emptied_and_its_newest_part_kept_beside_it(tmp_path):
    path = tmp_path / "gpu0.out"
    with path.open("ab") as child:
        child.write(b"old" * 50 + b"new")
        child.flush()
        trim(path, largest_bytes=100, kept_bytes=3)
        assert path.stat().st_size == 0
        child.write(b"after")
    assert path.read_bytes() == b"after"
    assert (tmp_path / "gpu0.out.1").read_bytes() == b"new"


def test_a_file_that_is_not_there_is_no_matter(tmp_path):
    trim(tmp_path / "nowhere" / "gpu0.out")


def test_a_file_that_is_too_large_is_emptied_even_where_its_rest_has_no_room(tmp_path):
    path = tmp_path / "gpu0.out"
    path.write_bytes(b"x" * 200)
    (tmp_path / "gpu0.out.1").mkdir()
    trim(path, largest_bytes=100, kept_bytes=10)
    assert path.read_bytes() == b""


def test_what_is_printed_goes_nowhere_where_there_is_no_file(tmp_path):
    with opened(tmp_path / "nowhere" / "gpu0.out") as output:
        output.write(b"words")
    with opened(tmp_path / "gpu0.out") as output:
        output.write(b"words")
    assert (tmp_path / "gpu0.out").read_bytes() == b"words"
