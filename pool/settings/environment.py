"""Settings from environment variables, those of the process or those in a `.env` file.

Only variables that belong to a setting, or that a config file refers to, are ever looked at.
"""

import io
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from dotenv.parser import parse_stream

from pool.errors import ConfigError
from pool.settings.found import Found, Layer
from pool.settings.names import NAMED
from pool.settings.old_workers import OLD_VARIABLES
from pool.settings.schema import SECRETS
from pool.settings.text_file import read_text

VARIABLES = MappingProxyType(
    {key: named.env for key, named in NAMED.items() if named.env}
    | {key: (key.upper(),) for key in OLD_VARIABLES}
)
"""Setting → its environment variables, the first one that is set winning."""


def process_variables(environ: Mapping[str, str]) -> Layer:
    """Every variable of `environ`, with where it stood."""
    return {name: Found(value, f"environment variable {name}") for name, value in environ.items()}


def dotenv_variables(path: Path) -> Layer:
    """The variables of a `.env` file, read as python-dotenv reads it.

    Values are taken as they stand: `${NAME}` in a `.env` file refers to nothing. Raises
    `ConfigError` for a file that cannot be read and for a line that is no assignment.
    """
    variables = {}
    for binding in parse_stream(io.StringIO(read_text(path))):
        text = binding.original.string
        # The parser counts the blank lines before an assignment as its beginning.
        line = binding.original.line + text[: len(text) - len(text.lstrip())].count("\n")
        if binding.error:
            raise ConfigError(f"{path}:{line}: this line cannot be read; write NAME=value")
        if binding.key is not None:
            variables[binding.key] = Found(binding.value, f"{path}:{line} {binding.key}")
    return variables


def settings_in(variables: Layer) -> tuple[Layer, list[str]]:
    """The settings among `variables`, and a warning for each that is given in two ways."""
    layer, warnings = {}, []
    for key, names in VARIABLES.items():
        given = [name for name in names if name in variables and not variables[name].empty]
        if given:
            layer[key] = variables[given[0]]
        if len({variables[name].value for name in given}) > 1:
            warnings.append(f"{' and '.join(given)} differ; {given[0]} is used")
    return layer, warnings


def without_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """`environ` without what no process that this one starts has a use for.

    A child's settings come through a pipe, so no key needs to stand in its environment, which it
    would pass on to whatever it starts. A Supabase key has no business with a worker at all.
    """
    ours = {name for key in SECRETS for name in NAMED[key].env}
    return {
        name: value
        for name, value in environ.items()
        if name not in ours and "SUPABASE" not in name.upper()
    }
