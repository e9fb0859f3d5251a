"""One thing that the pool needs, and whether it is there."""

from pydantic import BaseModel, ConfigDict

from pool.exit_codes import ExitCode


class Finding(BaseModel):
    """`words` say what was seen; `remedy` what to do where it is not `ok`.

    `code` is what `start-pool --check` ends with when this is the first thing that is not.
    """

    model_config = ConfigDict(frozen=True)

    what: str
    ok: bool
    words: str
    remedy: str = ""
    code: ExitCode = ExitCode.CONFIG


def fine(what: str, words: str) -> Finding:
    """It is there."""
    return Finding(what=what, ok=True, words=words)


def wrong(what: str, words: str, remedy: str, code: ExitCode = ExitCode.CONFIG) -> Finding:
    """It is not, and what to do."""
    return Finding(what=what, ok=False, words=words, remedy=remedy, code=code)
