"""The key and the signed links appear nowhere."""

import json

import pytest

from inference.backend import CancelToken
from inference.errors import InferenceError
from inference.runway import errand
from tests.fakes.bad_server.faults import Canned, Reset
from tests.fakes.canary import CANARY
from tests.fakes.runway import FakeRunway, failed
from tests.integration.runway.sample import REQUEST, silent


def shown(error):
    """Everything that a traceback of `error` would print."""
    texts = []
    while error is not None:
        texts.append(f"{error!r} {error}")
        error = error.__cause__ or error.__context__
    return " ".join(texts)


def talkative(runway):
    """An answer that repeats the key and a signed link."""
    return (
        f"bad request with Bearer {runway.key} and https://store.example/a.mp4?_jwt=secretsecret"
        " and data:image/png;base64,AAAABBBB"
    )


def test_nothing_secret_is_in_a_good_runs_log_or_values(backend, infer, runway, lines, tmp_path):
    made = backend()
    finished = infer(made)
    made.encode(finished, tmp_path / "video.mp4", silent, CancelToken())
    everything = " ".join([*lines, repr(finished), repr(made._settings), repr(made._api)])
    assert [secret for secret in runway.secrets() if secret in everything] == []


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500])
def test_what_runway_says_is_cleaned_before_it_is_repeated(infer, runway, lines, status):
    body = json.dumps({"error": talkative(runway)})
    runway.trouble("create", Canned(status, body.encode()), times=9)
    with pytest.raises(InferenceError) as raised:
        infer()
    everything = shown(raised.value) + " ".join(lines)
    secrets = [*runway.secrets(), "secretsecret", "AAAABBBB"]
    assert [secret for secret in secrets if secret in everything] == []


def test_a_failures_words_are_cleaned(infer, runway, lines):
    runway.script(failed("INTERNAL", talkative(runway)))
    with pytest.raises(InferenceError) as raised:
        infer()
    everything = shown(raised.value) + " ".join(lines)
    assert [s for s in [*runway.secrets(), "secretsecret"] if s in everything] == []


@pytest.fixture(params=["key_", "rw_sk_", ""], ids=["key_", "rw_sk_", "no shape"])
def echoing(request):
    """A fake Runway whose key has one of the shapes that keys have, or none."""
    with FakeRunway(key=f"{request.param}{CANARY * 10}5f0c2e5f") as running:
        yield running


ECHOES = {
    "an error": ("create", 400, lambda said: {"error": said}),
    "an issue": ("create", 400, lambda said: {"issues": [{"path": ["model"], "message": said}]}),
    "a field's name": ("create", 400, lambda said: {"issues": [{"path": [said]}]}),
    "a look": ("look", 405, lambda said: {"error": said}),
    "a failure": (
        "look",
        200,
        lambda said: {"status": "FAILED", "failure": said, "failureCode": said},
    ),
    "a link": ("look", 200, lambda said: {"status": "SUCCEEDED", "output": [f"https://{said}"]}),
    "an upload": (
        "start-upload",
        200,
        lambda said: {"uploadUrl": said, "fields": {said: said}, "runwayUri": f"runway://{said}"},
    ),
    "a refused upload": ("start-upload", 400, lambda said: {"error": said}),
}


@pytest.mark.parametrize("echo", ECHOES)
def test_a_key_that_runway_repeats_comes_no_further(
    backend, echoing, lines, tmp_path, monkeypatch, echo
):
    if "upload" in echo:
        monkeypatch.setattr(errand, "data_uri", lambda _: None)  # as for a large photo
    endpoint, status, body = ECHOES[echo]
    said = json.dumps(body(f"Bearer={echoing.key}, {echoing.key}"))
    echoing.trouble(endpoint, Canned(status, said.encode()), times=99)
    made = backend(api_key=echoing.key, base_url=echoing.url)
    try:
        finished = made.infer(made.prepare(REQUEST), silent, CancelToken())
        made.encode(finished, tmp_path / "video.mp4", silent, CancelToken())
    except InferenceError as error:
        lines.append(shown(error))
    lines.append(f"{made.unavailable()} {made.today()}")
    written = b"".join(path.read_bytes() for path in (tmp_path / "state").iterdir())
    assert echoing.asked(endpoint)
    assert echoing.key not in " ".join(lines)
    assert echoing.key.encode() not in written


def test_a_broken_download_does_not_show_its_link(backend, infer, runway, lines, tmp_path):
    made = backend()
    finished = infer(made)
    runway.trouble("download", Reset(), times=9)
    with pytest.raises(InferenceError) as raised:
        made.encode(finished, tmp_path / "video.mp4", silent, CancelToken())
    everything = shown(raised.value) + " ".join(lines)
    assert [secret for secret in runway.secrets() if secret in everything] == []


def test_the_store_never_sees_the_key(infer, runway, tmp_path):
    """The fake refuses an upload that carries an Authorization header, as the real store does."""
    infer()
    assert runway.world.crashes == []
