"""Reading a small text file that a person wrote."""

from pathlib import Path

from pool.errors import ConfigError


def read_text(path: Path) -> str:
    """The file's text. Raises `ConfigError` when it is missing, unreadable or not UTF-8."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(f"{path} does not exist; check the path") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}); check its rights") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text; save it as UTF-8") from error
