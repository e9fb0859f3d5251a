"""The storage behind the signed URLs: its masked errors, its plain and its S3 forms."""

import http.client
import threading
from urllib.parse import urlsplit

import pytest

from tests.fakes.bad_server import Bugs, Fault, Setup, StorageSettings
from tests.fakes.bad_server.faults import StorageRefusal
from tests.fakes.bad_server.replies import STORAGE_ERRORS


def sign_upload(caller, item):
    return caller.sign_upload(item).json()["data"]["url"]


def sign_photo(server, caller):
    item = server.item(server.add_task(b"photo", "wave"))
    return item.item_id, caller.sign_download(item.photo_path).json()["data"]["url"]


def test_a_photo_is_fetched_with_its_url_alone(server, caller):
    _, url = sign_photo(server, caller)
    assert caller.session.get(url, timeout=10).content == b"photo"


def test_an_upload_is_stored_whole(server, caller):
    assert caller.upload("an-item", b"the bytes").status_code == 200
    assert server.objects()["videos/an-item.mp4"].data == b"the bytes"


def test_videos_are_kept_in_a_folder_where_one_is_given(started, callers, tmp_path):
    server = started(Setup(videos=tmp_path))
    callers(server.url, server.key).upload("an-item", b"the bytes")
    assert (tmp_path / "videos/an-item.mp4").read_bytes() == b"the bytes"


def assert_masked(answer, status, code):
    assert answer.status_code == 400
    assert (answer.json()["statusCode"], answer.json()["code"]) == (str(status), code)


def test_a_second_upload_is_a_masked_duplicate(caller):
    first, second = sign_upload(caller, "an-item"), sign_upload(caller, "an-item")
    caller.put(first)
    answer = caller.put(second)
    assert_masked(answer, 409, "ResourceAlreadyExists")
    assert answer.json()["error"] == "Duplicate"


def test_a_body_over_the_limit_is_a_masked_413(server, caller):
    server.set_settings(StorageSettings(max_object_bytes=10))
    assert_masked(caller.put(sign_upload(caller, "an-item"), b"x" * 11), 413, "EntityTooLarge")
    assert server.objects() == {}


def test_another_content_type_is_a_masked_415(caller):
    answer = caller.put(sign_upload(caller, "an-item"), kind="text/plain")
    assert_masked(answer, 415, "InvalidMimeType")


@pytest.mark.parametrize("verb", ["GET", "PUT"])
def test_an_expired_token_is_a_masked_invalid_jwt(server, caller, verb):
    url = sign_upload(caller, "an-item") if verb == "PUT" else sign_photo(server, caller)[1]
    server.expire_urls()
    answer = caller.put(url) if verb == "PUT" else caller.session.get(url, timeout=10)
    assert_masked(answer, 400, "InvalidJWT")
    assert answer.json()["message"] == '"exp" claim timestamp check failed'


def test_a_deleted_photo_is_a_masked_404_and_can_no_longer_be_signed(server, caller):
    item, url = sign_photo(server, caller)
    server.delete_photo(item)
    assert_masked(caller.session.get(url, timeout=10), 404, "NoSuchKey")
    assert caller.sign_download(server.item(item).photo_path).status_code == 500


def test_a_token_opens_no_other_path_and_no_other_verb(server, caller):
    url = sign_upload(caller, "an-item")
    assert_masked(caller.put(url.replace("an-item", "another")), 400, "InvalidJWT")
    _, photo = sign_photo(server, caller)
    stolen = photo.partition("token=")[2]
    answer = caller.put(url.partition("token=")[0] + "token=" + stolen)
    assert answer.json()["message"] == "Invalid JWT"


def test_slow_down_is_a_real_429(server, caller):
    server.set_faults(Fault("upload", StorageRefusal("SlowDown")))
    answer = caller.put(sign_upload(caller, "an-item"))
    assert (answer.status_code, answer.json()["code"]) == (429, "SlowDown")


@pytest.mark.parametrize("name", sorted(STORAGE_ERRORS))
def test_each_error_has_its_own_status_in_the_plain_form(server, caller, name):
    server.set_settings(StorageSettings(dialect="plain"))
    server.set_faults(Fault("upload", StorageRefusal(name)))
    assert caller.put(sign_upload(caller, "x")).status_code == STORAGE_ERRORS[name].status


def test_an_s3_store_says_403_when_a_url_has_expired(server, caller):
    server.set_settings(StorageSettings(dialect="s3"))
    url = sign_upload(caller, "an-item")
    server.expire_urls()
    answer = caller.put(url)
    assert answer.status_code == 403
    assert "<Code>AccessDenied</Code><Message>Request has expired</Message>" in answer.text


def test_an_upload_without_a_length_is_refused(caller):
    url = sign_upload(caller, "an-item")
    answer = caller.session.put(
        url, data=iter([b"video"]), headers={"Content-Type": "video/mp4"}, timeout=10
    )
    assert_masked(answer, 411, "MissingContentLength")


class CheckedStorage:
    """The server's storage, which tells when an upload has passed its existence check."""

    def __init__(self, storage):
        self.storage = storage
        self.checked = threading.Event()

    def refuse_upload(self, *given):
        found = self.storage.refuse_upload(*given)
        self.checked.set()
        return found

    def __getattr__(self, name):
        return getattr(self.storage, name)


def slow_put(url, finish, answers):
    """A PUT whose body stays half-way until it is told to finish."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    connection.putrequest("PUT", f"{parts.path}?{parts.query}")
    connection.putheader("Content-Type", "video/mp4")
    connection.putheader("Content-Length", "4")
    connection.endheaders(b"sl")
    finish.wait(10)
    connection.send(b"ow")
    answers.append(connection.getresponse().status)
    connection.close()


@pytest.mark.parametrize(
    ("last_wins", "status", "kept"), [(True, 200, b"slow"), (False, 400, b"fast")]
)
def test_of_two_uploads_at_once_the_last_to_finish_wins(server, caller, last_wins, status, kept):
    server.set_bugs(Bugs(last_finisher_wins=last_wins))
    slow, fast = sign_upload(caller, "an-item"), sign_upload(caller, "an-item")
    storage = server._site.world.storage = CheckedStorage(server._site.world.storage)
    finish, answers = threading.Event(), []
    thread = threading.Thread(target=slow_put, args=(slow, finish, answers))
    thread.start()
    assert storage.checked.wait(10)
    assert caller.put(fast, b"fast").status_code == 200
    finish.set()
    thread.join(10)
    assert answers == [status]
    assert server.objects()["videos/an-item.mp4"].data == kept


def test_an_upload_that_breaks_off_stores_nothing(server, caller):
    parts = urlsplit(sign_upload(caller, "an-item"))
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    connection.putrequest("PUT", f"{parts.path}?{parts.query}")
    connection.putheader("Content-Type", "video/mp4")
    connection.putheader("Content-Length", "1000")
    connection.endheaders(b"half")
    connection.close()
    assert server.wait_for(lambda log: any(e.endpoint == "upload" for e in log))
    assert server.objects() == {}
    assert not server.entries("upload")[0].delivered
