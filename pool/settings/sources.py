"""Where settings come from: flags > environment > .env > YAML > defaults.

Read once, in the parent, before anything else is started.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from pool.errors import ConfigError
from pool.settings import checks
from pool.settings.environment import dotenv_variables, process_variables, settings_in
from pool.settings.found import Found, Layer, nested, overlaid
from pool.settings.names import NAMED, spellings
from pool.settings.old_workers import renamed, with_model
from pool.settings.plain_words import plain_words
from pool.settings.schema import SECRETS, Settings, StallLimits
from pool.settings.yaml_file import yaml_settings

FOLDERS = ("state_dir", "temp_dir", "log_dir")


@dataclass(frozen=True)
class Loaded:
    """The settings of this run; `origin` says for each that was set where it stood.

    A key inside a mapping is written with a dot (`wan.steps`). A setting without an origin has its
    default.
    """

    settings: Settings
    origin: Mapping[str, str]
    warnings: tuple[str, ...]


def load(
    flags: Mapping[str, object],
    environ: Mapping[str, str],
    config_path: Path | None,
    cwd: Path,
) -> Loaded:
    """The settings of this run, checked.

    `flags` maps `mode`, `state_dir`, … (argparse's names) to values, None where a flag was not
    given; names that belong to no setting are passed over. `.env` is looked for in `cwd`, then
    beside the config file. Raises `ConfigError`: one line that names the setting, where it was
    read and what to do.
    """
    dotenv_path = _dotenv_path(cwd, config_path)
    dotenv = dotenv_variables(dotenv_path) if dotenv_path else {}
    process = process_variables(environ)
    layers = [settings_in(dotenv), settings_in(process), (_flag_settings(flags), [])]
    if config_path is not None:
        layers.insert(0, yaml_settings(config_path, _variables(dotenv, process)))
    found, warnings = _merged(layers, cwd)
    origin = {key: entry.origin for key, entry in found.items()}
    settings = _in_place(_validated(found), cwd)
    checks.check(settings, origin)
    warnings += checks.warnings_about(settings, origin)
    return Loaded(checks.with_heartbeat_in_time(settings), origin, tuple(warnings))


def _variables(dotenv: Layer, process: Layer) -> Layer:
    """What `${NAME}` may mean: the process's variables, then `.env`; a set one before an empty."""
    return {**dotenv, **process, **overlaid(dotenv, process)}


def _dotenv_path(cwd: Path, config_path: Path | None) -> Path | None:
    folders = [cwd] if config_path is None else [cwd, config_path.parent]
    return next((folder / ".env" for folder in folders if (folder / ".env").is_file()), None)


def _flag_settings(flags: Mapping[str, object]) -> Layer:
    layer = {}
    for key, named in NAMED.items():
        if named.flag is None:
            continue
        found = Found(flags.get(named.flag.strip("-").replace("-", "_")), named.flag)
        if found.empty and found.value is not None:
            raise ConfigError(f"{named.flag} is given an empty value; leave it out or give one")
        layer[key] = found
    return layer


def _merged(layers: list[tuple[Layer, list[str]]], cwd: Path) -> tuple[Layer, list[str]]:
    warnings = [warning for _, given in layers for warning in given]
    current = []
    for layer, _ in layers:
        today, more = renamed(layer)
        current.append(today)
        warnings += more
    found, more = with_model(
        overlaid(*current), lambda path: (cwd / path / "model_index.json").is_file()
    )
    return found, warnings + more


def _validated(found: Layer) -> Settings:
    try:
        return Settings.model_validate(nested(found))
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        raise ConfigError(_sentence(details[0], found)) from None


def _sentence(error: ErrorDetails, found: Layer) -> str:
    key = str(error["loc"][0])
    dotted = ".".join(str(part) for part in error["loc"])
    if error["type"] == "missing":
        return f"{key} is not set; set {spellings(key)}"
    entry = found.get(dotted) or found[key]
    if error["type"] == "extra_forbidden":
        known = ", ".join(StallLimits.model_fields)
        return f"{entry.origin}: {key} has no key {error['loc'][-1]}; give one of {known}"
    if key in SECRETS:
        return f"{entry.origin}: {dotted}: {plain_words(error['msg'])}"
    return f"{entry.origin}: {dotted} is {str(entry.value)[:60]!r}; {_must(key, error)}"


def _must(key: str, error: ErrorDetails) -> str:
    """What the value of `key` must be; for a pattern an example says it better."""
    if error["type"] == "string_pattern_mismatch":
        return f"it must look like {NAMED[key].example}"
    return plain_words(error["msg"])


def _in_place(settings: Settings, cwd: Path) -> Settings:
    """The same settings with absolute folders, so that no process depends on its own folder."""
    folders = {key: cwd / getattr(settings, key).expanduser() for key in FOLDERS}
    return settings.model_copy(update=folders)
