"""Finds the templates: `templates/` beside the package in a checkout, `derive/templates` in an installed wheel."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import jinja2

from derive.errors import InternalError

HERE = Path(__file__).resolve().parent
PLACES = (HERE / "templates", HERE.parent / "templates")


def folder() -> Path:
    for place in PLACES:
        if place.is_dir():
            return place
    raise InternalError(f"no templates in {' or '.join(map(str, PLACES))}")


@lru_cache
def environment() -> jinja2.Environment:
    """For Python: a field that is missing is an error, not an empty string."""
    return _environment()


@lru_cache
def latex_environment() -> jinja2.Environment:
    """For LaTeX, whose braces mean something else: ((* statement *)), ((( value ))), ((= comment =))."""
    return _environment(
        block_start_string="((*",
        block_end_string="*))",
        variable_start_string="(((",
        variable_end_string=")))",
        comment_start_string="((=",
        comment_end_string="=))",
    )


def _environment(**delimiters: str) -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder()),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
        **delimiters,  # type: ignore[arg-type]
    )
