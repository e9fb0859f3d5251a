"""The API's description as one plain page, out of the OpenAPI document.

FastAPI's own page loads its scripts from the internet; this one needs nothing but the server.
"""

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 50rem;
       margin: 2rem auto; padding: 0 1rem }}
h2 {{ font: bold 1.1rem ui-monospace, monospace; border-top: 1px solid #ccc; padding-top: 1rem }}
pre {{ background: #f4f4f4; color: #222; padding: .75rem; overflow-x: auto }}
</style>
<h1>{title}</h1>
<p>{description}</p>
<p>The same for machines: <a href="openapi.json">openapi.json</a></p>
{operations}
</html>
"""


def reference_page(document: Mapping[str, Any]) -> str:
    """The HTML page for an OpenAPI document."""
    operations = (
        _operation(document, method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    )
    return _PAGE.format(
        title=escape(document["info"]["title"]),
        description=escape(document["info"].get("description", "")),
        operations="\n".join(operations),
    )


def _operation(
    document: Mapping[str, Any], method: str, path: str, operation: Mapping[str, Any]
) -> str:
    parts = [f"<h2>{method.upper()} {escape(path)}</h2>"]
    paragraphs = operation.get("description", "").split("\n\n")
    parts.extend(f"<p>{escape(paragraph)}</p>" for paragraph in paragraphs)
    names = [escape(parameter["name"]) for parameter in operation.get("parameters", ())]
    if names:
        parts.append(f"<p>Parameters: {', '.join(names)}</p>")
    parts.extend(f"<pre>{escape(body)}</pre>" for body in _bodies(document, operation))
    answers = operation.get("responses", {}).items()
    lines = [f"<li>{status} {escape(answer['description'])}</li>" for status, answer in answers]
    return "\n".join([*parts, "<ul>", *lines, "</ul>"])


def _bodies(document: Mapping[str, Any], operation: Mapping[str, Any]) -> Iterator[str]:
    content = operation.get("requestBody", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    for choice in schema.get("oneOf", [schema] if schema else []):
        name = choice["$ref"].rpartition("/")[2]
        yield json.dumps(_example(document["components"]["schemas"][name]), indent=2)


def _example(schema: Mapping[str, Any]) -> dict[str, object]:
    return {name: _value(field) for name, field in schema["properties"].items()}


def _value(field: Mapping[str, Any]) -> object:
    if "examples" in field:
        return field["examples"][0]
    if "const" in field:
        return field["const"]
    return field.get("default", f"<{field.get('format', field.get('type', 'optional'))}>")
