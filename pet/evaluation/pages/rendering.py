"""Rendering: values to HTML, by templates that escape every value, with diagrams."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from math import ceil, floor
from pathlib import Path
from typing import TYPE_CHECKING, Any

# jinja2 comes with torch, which requires it.
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pet.evaluation import plots
from pet.evaluation.metrics import METRICS, Metric
from pet.evaluation.tables import shortened
from pet.version import __version__

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LONGEST = 600
_UNREADABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def render(template: str, **context: Any) -> str:
    """Fill a template of this package; all values are escaped."""
    return _environment().get_template(template).render(version=__version__, **context) + "\n"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_readable,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": percent, "points": points, "decimals": decimals, "count": count,
        "duration": duration, "short": short, "figure": figure,
        "date": date,
    }  # fmt: skip
    return environment


def diagram(
    name: str, description: str, draw: Callable[..., Figure], *values: Any
) -> Markup | None:
    """Draw a diagram for the page; return None without matplotlib."""
    if not plots.available():
        return None
    return Markup(plots.inline_svg(draw(*values, ""), name, description))


def percent(share: float | None) -> str:
    """Format a share, such as 0.6432, as 64.3 %."""
    return "–" if share is None else f"{100 * share:.1f} %"


def points(share: float) -> str:
    """Format a difference of two shares in percentage points, with its sign."""
    return f"{100 * share:+.1f}".replace("-", "−")


def decimals(value: float | None, places: int = 3) -> str:
    """Format a number; a dash for None."""
    return "–" if value is None else f"{value:.{places}f}".replace("-", "−")


def figure(value: float | None, metric: Metric) -> str:
    """Format the value of a metric."""
    return percent(value) if metric.is_share else decimals(value)


def shown_metrics(tables: Iterable[Mapping[str, float | None]]) -> dict[str, Metric]:
    """Return the metrics, except accuracy, that have a value in one of these tables."""
    known = {name for table in tables for name in table if table[name] is not None}
    return {
        name: metric for name, metric in METRICS.items() if name in known and name != "accuracy"
    }


def count(value: float) -> str:
    """Format a whole number in groups of three digits."""
    return f"{value:,.0f}"


def duration(seconds: float | None) -> str:
    """Format seconds as seconds, minutes or hours."""
    if seconds is None:
        return "–"
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def date(seconds: float) -> str:
    """Format seconds since 1970 as a day and a time, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def tens(values: Iterable[float]) -> tuple[float, float]:
    """Return the tens of per cent between which all values are: the ends of an axis."""
    values = list(values)
    low, high = floor(10 * min(values)) / 10, ceil(10 * max(values)) / 10
    return (low, high) if low < high else (low - 0.1, high) if low else (low, 0.1)


def short(text: str, longest: int = _LONGEST) -> str:
    """Cut a text that is too long for a page."""
    return shortened(text, longest, " …")


def settings_table(settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return every setting with its value, its meaning, and whether it was changed.

    A setting that has no default today, as one of another version, counts as changed if it is set.
    """
    import json
    from dataclasses import fields

    from pet.config import CONFIGS, Settings, deciding
    from pet.errors import for_command_line

    # As a record has them: lists, where settings have tuples.
    defaults = json.loads(json.dumps(deciding(Settings())))
    rows = []
    for section, values in settings.items():
        if not isinstance(values, Mapping):
            default = defaults.get(section)
            rows.append({"name": section, "value": values, "default": default, "help": ""})
            continue
        helps = (
            {
                item.name: for_command_line(item.metadata["help"])
                for item in fields(CONFIGS[section])
            }
            if section in CONFIGS
            else {}
        )
        for name, value in values.items():
            default = defaults.get(section, {}).get(name)
            rows.append(
                {"name": name, "value": value, "default": default, "help": helps.get(name, "")}
            )
    return [
        {**row, "changed": row["value"] != row["default"], "value": _setting_text(row["value"])}
        for row in rows
    ]


def _setting_text(value: Any) -> str:
    match value:
        case None:
            return "automatic"
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(str, value))
    return str(value)


def _readable(value: Any) -> Any:
    """Replace characters that HTML does not allow: control characters, halves of surrogates."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return _UNREADABLE.sub("\ufffd", value.replace("\r\n", "\n"))
