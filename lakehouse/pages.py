"""Pages that need no other file: one look in light and dark, charts within, numbers as people read them."""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Mapping

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from lakehouse.months import spell


def environment(package: str, charts: Mapping[str, bytes]) -> Environment:
    """The environment that renders the templates of a package; `page.css` is the look of all pages.

    `charts` are PNG by file name, which a template finds without its suffix as `images`.
    """
    made = Environment(
        loader=ChoiceLoader([PackageLoader(package, "."), PackageLoader("lakehouse", ".")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(
        images={name.removesuffix(".png"): _data_uri(png) for name, png in charts.items()},
        number=_number,
        signed=_signed,
        percent=_percent,
        spell=spell,
        count="{:,}".format,
        prose=_prose,
    )
    return made


def _data_uri(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def _prose(text: str) -> Markup:
    """The sentence as HTML; a command between backticks becomes `<code>`."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def _number(value: float) -> str:
    return "none" if math.isnan(value) else f"{value:.3f}"


def _signed(value: float) -> str:
    return "none" if math.isnan(value) else f"{value:+.3f}"


def _percent(share: float) -> str:
    return "none" if math.isnan(share) else f"{share:.1%}"
