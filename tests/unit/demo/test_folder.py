"""One demo at a time in a folder, each beginning afresh."""

import pytest

from demo.errors import DemoFailed
from demo.folder import claimed


def test_the_next_demo_finds_the_weights_and_nothing_else(tmp_path):
    with claimed(tmp_path / "data") as folder:
        (folder.weights / "tiny").touch()
        (folder.videos / "old.mp4").touch()
    with claimed(tmp_path / "data") as folder:
        assert (folder.weights / "tiny").exists()
        assert list(folder.videos.iterdir()) == []


def test_a_second_demo_in_the_same_folder_is_refused_and_changes_nothing(tmp_path):
    with claimed(tmp_path / "data") as folder:
        (folder.videos / "new.mp4").touch()
        with pytest.raises(DemoFailed, match="another demo runs in"):
            claimed(tmp_path / "data").__enter__()
        assert (folder.videos / "new.mp4").exists()


def test_a_folder_with_other_files_is_refused(tmp_path):
    (tmp_path / "server").mkdir()
    with pytest.raises(DemoFailed, match="holds other files"):
        claimed(tmp_path).__enter__()
    assert (tmp_path / "server").exists()
