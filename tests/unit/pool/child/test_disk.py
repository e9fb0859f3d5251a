from pool.child.disk import full_disk


def test_folders_with_room_say_nothing(tmp_path):
    assert full_disk([tmp_path], 1) is None


def test_a_full_disk_is_named_with_what_is_free_and_what_is_needed(tmp_path):
    said = full_disk([tmp_path], 10**18)
    assert str(tmp_path) in said
    assert "make room" in said


def test_a_folder_that_is_gone_is_named(tmp_path):
    assert str(tmp_path / "gone") in full_disk([tmp_path / "gone"], 1)
