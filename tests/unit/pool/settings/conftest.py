"""A folder with whatever config file and .env a test wants, and the call that reads them."""

import textwrap

import pytest

from pool.errors import ConfigError
from pool.settings import load

REQUIRED = {"VERCEL_API_URL": "https://api.example", "WORKER_API_KEY": "key-of-the-worker"}


class Desk:
    """Where a person keeps the files; `load` reads them as the pool would from `folder`."""

    def __init__(self, folder):
        self.folder = folder
        self.config = None

    def yaml(self, text, name="pool.yaml"):
        self.config = self.folder / name
        self.config.parent.mkdir(exist_ok=True)
        self.config.write_text(textwrap.dedent(text))

    def dotenv(self, text, beside="."):
        (self.folder / beside / ".env").write_text(textwrap.dedent(text))

    def load(self, environ=REQUIRED, **flags):
        return load(flags, environ, self.config, self.folder)

    def error(self, environ=REQUIRED, **flags):
        with pytest.raises(ConfigError) as caught:
            self.load(environ, **flags)
        message = str(caught.value)
        assert "\n" not in message
        return message.replace(f"{self.folder}/", "")


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)
