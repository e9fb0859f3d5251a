"""Runway's certificate, and the file of those that it is judged by."""

import certifi
import pytest

from inference.runway.exchange import Ask, NoReply, Patience, exchange, new_session
from tests.fakes.scripted_http import Reply, ScriptedHttp


@pytest.fixture
def ask(server_tls):
    """ask(trusted): what came of one request, judged by the certificates in a file."""
    with ScriptedHttp(Reply(), tls=server_tls) as server:

        def run(trusted):
            session = new_session()
            session.verify = str(trusted)
            answer = exchange(session, Ask("POST", server.url, record={}), Patience(60))
            return answer, server.seen

        yield run


def test_a_trusted_certificate_is_enough(ask, certificate):
    answer, _ = ask(certificate)
    assert answer.status == 200


def test_a_certificate_that_is_not_trusted_keeps_the_request_here(ask):
    answer, seen = ask(certifi.where())
    assert answer == NoReply("no connection (SSLError)", sent=False)
    assert seen == []


@pytest.mark.parametrize("content", ["", "torn", None], ids=["empty", "torn", "missing"])
def test_a_file_of_certificates_that_is_no_good_keeps_the_request_here(ask, content, tmp_path):
    bundle = tmp_path / "bundle.pem"
    if content is not None:
        bundle.write_text(content)
    answer, seen = ask(bundle)
    assert isinstance(answer, NoReply)
    assert not answer.sent
    assert seen == []
