"""`/v1/docs`: the OpenAPI document as one page, without a script and without anybody else's server."""

import json
from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

from tfchain.web.api.endpoint import Endpoint
from tfchain.web.api.openapi import ABOUT, PATH
from tfchain.web.api.parameters import Parameter

STYLE: Final = """
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem }
code, pre { font-family: ui-monospace, monospace; font-size: .9em }
pre { overflow: auto; padding: .5rem; border: 1px solid }
table { border-collapse: collapse } th, td { text-align: left; padding: .1rem 1rem .1rem 0 }
summary { cursor: pointer } section { margin: 1.5rem 0 }
"""


def page(endpoints: Sequence[Endpoint]) -> str:
    """The page."""
    tags = list(dict.fromkeys(one.tag for one in endpoints))
    links = " · ".join(f'<a href="#{tag}">{tag}</a>' for tag in tags)
    parts = [_head(), f"<p>{escape(ABOUT)}</p>", f"<nav>{links}</nav>"]
    for tag in tags:
        parts.append(f'<h2 id="{tag}">{tag}</h2>')
        parts += [_section(one) for one in endpoints if one.tag == tag]
    return "\n".join([*parts, "</main></body></html>"])


def _head() -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>tfchain API</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head><body><main><h1>tfchain API</h1>"
        f'<p>The same for programs: <a href="{PATH}">{PATH}</a></p>'
    )


def _section(one: Endpoint) -> str:
    rows = "".join(map(_row, one.parameters))
    names = "<tr><th>parameter</th><th>in</th><th>what</th></tr>"
    table = f"<table>{names}{rows}</table>" if rows else ""
    schemas = "".join(f"<pre>{escape(text)}</pre>" for text in _schemas(one))
    return (
        f"<section><h3><code>{one.method} {escape(one.path)}</code></h3>"
        f"<p>{escape(one.summary)}.</p>{table}"
        f"<details><summary>{escape(one.media)}</summary>{schemas}</details></section>"
    )


def _schemas(one: Endpoint) -> Iterator[str]:
    if one.body is not None:
        yield json.dumps({"body": one.body}, indent=1)
    yield json.dumps(one.answer, indent=1)


def _row(one: Parameter) -> str:
    without = "" if one.default is None else f" (by default {one.default})"
    about = escape(one.about + without)
    return f"<tr><td><code>{escape(one.name)}</code></td><td>{one.where}</td><td>{about}</td></tr>"
