"""Settings from a YAML file: flat keys, with `${NAME}` standing for a variable."""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

import yaml

from pool.errors import ConfigError
from pool.settings.found import Found, Layer
from pool.settings.names import NAMED
from pool.settings.old_workers import OLD_KEYS
from pool.settings.schema import SECRETS
from pool.settings.text_file import read_text

REFERENCE = re.compile(r"\$\{([^}]*)\}")

KNOWN_KEYS = (*NAMED, *OLD_KEYS)

MAPPINGS = ("wan", "backend_options", "stall_limits")
"""Settings that are mappings: their keys are judged by whom they belong to."""


def yaml_settings(path: Path, variables: Layer) -> tuple[Layer, list[str]]:
    """The settings in the file, with references replaced, and a warning for each literal key.

    `variables` are those that a `${NAME}` may mean. Raises `ConfigError`, naming file and line,
    for a file that is no flat mapping, an unknown or repeated key, and a variable that is not set.
    """
    layer: dict[str, Found] = {}
    warnings = []
    for key, raw in _entries(path):
        _check_key(key, raw.origin, layer)
        if key in SECRETS and isinstance(raw.value, str) and not REFERENCE.search(raw.value):
            warnings.append(
                f"{raw.origin}: {key} stands in the file itself; keep it in .env and write "
                f'{key}: "${{{NAMED[key].env[0]}}}"'
            )
        layer[key] = Found(_interpolated(raw.value, key, raw.origin, variables), raw.origin)
    return layer, warnings


def _entries(path: Path) -> Iterator[tuple[str, Found]]:
    """Every setting of the file, and every key of a setting that is a mapping.

    Built from the node tree, since a plain load forgets the lines and hides repeated keys. The
    parser's own words are left out of errors: they quote the text, which may hold a secret.
    """
    loader = yaml.SafeLoader(read_text(path))
    try:
        root = loader.get_single_node()
        if root is not None and not isinstance(root, yaml.MappingNode):
            raise ConfigError(f"{path} holds no settings; write one `key: value` a line")
        yield from _values(loader, root, path) if root is not None else ()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f":{mark.line + 1} (column {mark.column + 1})" if mark else ""
        raise ConfigError(f"{path}{where} is not valid YAML; check quotes and indents") from None
    except (yaml.YAMLError, ValueError):
        raise ConfigError(f"{path} holds a character or a date that YAML does not allow") from None
    finally:
        loader.dispose()


def _values(
    loader: yaml.SafeLoader, mapping: yaml.MappingNode, path: Path, prefix: str = ""
) -> Iterator[tuple[str, Found]]:
    for key_node, node in mapping.value:
        key = f"{prefix}{key_node.value}"
        if key in MAPPINGS and isinstance(node, yaml.MappingNode):
            yield from _values(loader, node, path, f"{key}.")
        else:
            origin = f"{path}:{key_node.start_mark.line + 1}"
            yield key, Found(loader.construct_object(node, deep=True), origin)


def _check_key(key: str, origin: str, seen: Layer) -> None:
    if key in seen:
        raise ConfigError(f"{origin}: {key} stands at {seen[key].origin} already; keep one of them")
    if key not in KNOWN_KEYS and key.partition(".")[0] not in MAPPINGS:
        nearest = get_close_matches(key, KNOWN_KEYS, n=1, cutoff=0)[0]
        raise ConfigError(
            f"{origin}: there is no setting {key!r}; the nearest is {nearest!r}, "
            "all of them are in docs/configure.md"
        )


def _interpolated(value: object, key: str, origin: str, variables: Layer) -> object:
    if isinstance(value, str):
        return REFERENCE.sub(lambda match: _variable(match[1], key, origin, variables), value)
    if isinstance(value, list):
        return [_interpolated(entry, key, origin, variables) for entry in value]
    if isinstance(value, dict):
        return {name: _interpolated(entry, key, origin, variables) for name, entry in value.items()}
    return value


def _variable(name: str, key: str, origin: str, variables: Layer) -> str:
    if "SUPABASE" in name.upper():
        raise ConfigError(
            f"{origin}: {key} refers to ${{{name}}}; a worker never needs a Supabase key, remove it"
        )
    if name not in variables:
        raise ConfigError(
            f"{origin}: {key} refers to ${{{name}}}, which is not set; "
            f"set {name} in the environment or in .env, or remove this line"
        )
    return str(variables[name].value or "")
