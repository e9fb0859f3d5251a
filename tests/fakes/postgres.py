"""A PostgreSQL cluster of the tests' own: in a temporary folder, on a Unix socket, gone afterwards.

PostgreSQL refuses to run as root, so as root it is run as an unprivileged user.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Self

from sqlalchemy import URL

UNPRIVILEGED = ("postgres", "nobody")


class TemporaryPostgres:
    """A running cluster, as a context manager. `new_database` gives each test its own database."""

    def __init__(self) -> None:
        self._programs = _find_programs()
        self._folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        self._databases = 0
        self._account: dict[str, object] = {}
        if os.geteuid() == 0:
            user = _unprivileged_user()
            os.chown(self._folder, user.pw_uid, user.pw_gid)
            self._account = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}

    def __enter__(self) -> Self:
        data = self._folder / "data"
        self._run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        options = f"-k {self._folder} -c listen_addresses= -c fsync=off -c max_connections=200"
        log = self._folder / "log"
        self._run("pg_ctl", "-D", data, "-l", log, "-w", "-o", options, "start")
        return self

    def __exit__(self, *_: object) -> None:
        self._run("pg_ctl", "-D", self._folder / "data", "-m", "immediate", "stop")
        shutil.rmtree(self._folder)

    def new_database(self) -> URL:
        """A fresh, empty database."""
        self._databases += 1
        name = f"test_{self._databases}"
        self._run("createdb", "-h", self._folder, "-U", "postgres", name)
        where = {"host": str(self._folder)}
        return URL.create("postgresql+psycopg", "postgres", database=name, query=where)

    def drop_database(self, url: URL) -> None:
        """Take a database away, from under those who use it too."""
        self._run("dropdb", "--force", "-h", self._folder, "-U", "postgres", url.database)

    def _run(self, program: str, *arguments: object) -> None:
        # pg_ctl's server inherits the descriptors, so a pipe would be waited on for ever.
        with (self._folder / "output").open("a+b") as output:
            ended = subprocess.run(
                [self._programs / program, *map(str, arguments)],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
                check=False,
                **self._account,
            )
            output.seek(0)
            assert ended.returncode == 0, f"{program} failed:\n{output.read().decode()}"


def _find_programs() -> Path:
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    # Debian keeps the server's programs off PATH; elsewhere PATH may lead to one by a link.
    found = installed[-1] if installed else shutil.which("initdb")
    assert found, "PostgreSQL is not installed; bin/test installs it (Debian package: postgresql)"
    return Path(found).resolve().parent


def _unprivileged_user() -> pwd.struct_passwd:
    for name in UNPRIVILEGED:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise AssertionError(f"PostgreSQL does not run as root, and none of {UNPRIVILEGED} exists")
