import logging

from server.main import WithoutQuery


def test_the_access_log_never_shows_a_signature():
    arguments = ("127.0.0.1:1", "PUT", "/storage/x.mp4?expires=1&signature=secret", "1.1", 200)
    record = logging.LogRecord(
        "uvicorn.access", logging.INFO, "", 0, '%s - "%s %s HTTP/%s" %d', arguments, None
    )
    assert WithoutQuery().filter(record)
    assert record.getMessage() == '127.0.0.1:1 - "PUT /storage/x.mp4 HTTP/1.1" 200'
