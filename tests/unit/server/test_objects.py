import os

import pytest

from server.errors import AlreadyExists, NotFound
from server.objects import ABANDONED_AFTER_S, Bucket, Objects, photo_name, video_name

ITEM = "142193c7-a29c-42a9-82ea-e0257ac1ea42"
VIDEO = video_name(ITEM)
IMPOSSIBLE = [
    "",
    "x.mp4",
    "../keys.json",
    f"../generated-videos/{VIDEO}",
    f"{VIDEO}/../../keys.json",
    f"{VIDEO}\n",
    f"{ITEM}.MP4",
    f"/{VIDEO}",
    photo_name(ITEM, ITEM, "jpg"),
]


@pytest.fixture
def objects(tmp_path) -> Objects:
    return Objects(tmp_path)


def test_an_object_is_invisible_until_it_is_kept(objects):
    with objects.receive(Bucket.VIDEOS, VIDEO) as incoming:
        incoming.write(b"half ")
        incoming.write(b"and half")
        assert not objects.exists(Bucket.VIDEOS, VIDEO)
        incoming.keep()
        assert objects.find(Bucket.VIDEOS, VIDEO).read_bytes() == b"half and half"


def test_what_was_not_kept_is_gone(objects, tmp_path):
    with pytest.raises(KeyboardInterrupt), objects.receive(Bucket.VIDEOS, VIDEO) as incoming:
        incoming.write(b"half")
        raise KeyboardInterrupt
    assert list((tmp_path / "incoming").iterdir()) == []
    assert not objects.exists(Bucket.VIDEOS, VIDEO)


def test_of_two_on_their_way_the_first_to_be_kept_stays(objects):
    with (
        objects.receive(Bucket.VIDEOS, VIDEO) as first,
        objects.receive(Bucket.VIDEOS, VIDEO) as second,
    ):
        second.write(b"second")
        second.keep()
        first.write(b"first")
        with pytest.raises(AlreadyExists):
            first.keep()
    assert objects.find(Bucket.VIDEOS, VIDEO).read_bytes() == b"second"
    with pytest.raises(AlreadyExists):
        objects.receive(Bucket.VIDEOS, VIDEO)


def test_photos_lie_in_the_folder_of_their_group(objects, tmp_path):
    name = photo_name(ITEM, ITEM, "jpg")
    with objects.receive(Bucket.PHOTOS, name) as incoming:
        incoming.keep()
    assert objects.find(Bucket.PHOTOS, name) == tmp_path / "group-photos" / name


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_a_name_that_fits_no_pattern_is_no_object(objects, name):
    assert not objects.exists(Bucket.VIDEOS, name)
    with pytest.raises(NotFound):
        objects.find(Bucket.VIDEOS, name)
    with pytest.raises(NotFound):
        objects.receive(Bucket.VIDEOS, name)


def test_what_a_crash_left_half_received_is_swept_in_the_end(objects, tmp_path):
    old, new = tmp_path / "incoming" / "old", tmp_path / "incoming" / "new"
    for path, age_s in ((old, ABANDONED_AFTER_S + 1), (new, ABANDONED_AFTER_S - 1)):
        path.write_bytes(b"half")
        os.utime(path, (10**9 - age_s, 10**9 - age_s))
    objects.sweep(10**9)
    assert (old.exists(), new.exists()) == (False, True)
