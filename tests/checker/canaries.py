"""When a session is over: no secret of any test stands in anything that the session wrote.

A pytest plugin. Under xdist each worker looks through what it wrote itself; what it finds is the
error of the last test that the worker ran.
"""

import pytest

from tests.checker.leftovers import find_secrets
from tests.fakes.canary import CANARY

WHERE_KEYS_ARE_KEPT = {".env", "control.json"}
"""What a person, or a fake server for its test, writes a key into on purpose."""


@pytest.fixture(scope="session", autouse=True)
def nothing_secret_was_written(tmp_path_factory):
    yield
    written = tmp_path_factory.getbasetemp().rglob("*")
    # Files only: of a folder, everything in it would be searched, what is kept on purpose too.
    files = (path for path in written if path.is_file() and path.name not in WHERE_KEYS_ARE_KEPT)
    found = find_secrets([CANARY], files)
    assert found == [], "\n".join(map(str, found))
