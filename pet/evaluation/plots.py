"""Diagrams of figures. Need matplotlib: the extra ``plots``.

A diagram is a matplotlib `Figure` made without pyplot, so no window, backend or global state is
touched. `save` writes it as a file; `inline_svg` returns it as an element of a page, in the page's
colours and font.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import escape
from io import StringIO
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pet.errors import RunError, UsageError
from pet.evaluation.metrics import Evaluation
from pet.evaluation.tables import shortened
from pet.task import Task

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's colours, without yellow and black: colour-blind people tell them apart too, and
# they are clear on white and on dark grey.
COLOURS = ("#2a83c6", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_FADED = 0.16
# Stands for the colour of the text around; nothing else in a diagram has it.
_INK = "#010203"
_MANY_LABELS = 25


class Point(NamedTuple):
    """One point of a learning curve; ``deviation`` is None for one seed."""

    shots: int
    accuracy: float
    deviation: float | None


def available() -> bool:
    """Tell whether matplotlib is installed."""
    from importlib.util import find_spec

    return find_spec("matplotlib") is not None


def require() -> None:
    """Raise a UsageError without matplotlib."""
    if not available():
        raise UsageError(
            "Diagrams need the package 'matplotlib'.",
            "Install it with: pip install 'pet-fewshot[plots]'",
        )


def learning_curves(curves: Mapping[str, Sequence[Point]], title: str) -> Figure:
    """Draw accuracy over shots, a line a method with a band of one standard deviation."""
    with _figure(title, 6.4, 3.6) as (figure, (axes,)):
        ticks = sorted({point.shots for points in curves.values() for point in points})
        looks = zip(cycle(COLOURS), cycle(_MARKERS), strict=False)
        for (name, points), (colour, marker) in zip(curves.items(), looks, strict=False):
            shots = [point.shots for point in points]
            means = np.array([100 * point.accuracy for point in points])
            spread = np.array([100 * (point.deviation or 0) for point in points])
            axes.fill_between(
                shots, means - spread, means + spread, color=colour, alpha=_FADED, linewidth=0
            )
            axes.plot(shots, means, color=colour, marker=marker, markersize=5, label=_plain(name))
        axes.set_xscale("log", base=2)
        axes.set_xticks(ticks, [str(tick) for tick in ticks])
        axes.minorticks_off()
        axes.set_xlabel("labelled examples of each label")
        axes.set_ylabel("test accuracy, %")
        axes.legend(
            loc="upper center",
            bbox_to_anchor=(0.5, -0.17),
            frameon=False,
            ncols=min(3, len(curves)),
        )
    return figure


def pattern_spread(
    patterns: Mapping[str, Sequence[float]], together: Mapping[str, float], title: str
) -> Figure:
    """Draw every pattern's accuracies, a dot a seed, its mean, and lines for the combinations.

    Parameters
    ----------
    patterns : mapping
        A pattern's title to its accuracy with each seed.
    together : mapping
        Name to mean accuracy of each combination of the patterns, such as the ensemble.
    title : str
        Title above the diagram.
    """
    with _figure(title, 6.4, 1.3 + 0.34 * len(patterns)) as (figure, (axes,)):
        for row, values in enumerate(patterns.values()):
            shares = [100 * value for value in values]
            axes.plot([min(shares), max(shares)], [row, row], color=COLOURS[0], alpha=0.3)
            axes.plot(shares, [row] * len(shares), "o", color=COLOURS[0], alpha=0.45, markersize=4)
            axes.plot([float(np.mean(shares))], [row], "|", color=_INK, markersize=14)
        for (name, value), colour in zip(together.items(), cycle(COLOURS[1:]), strict=False):
            axes.axvline(100 * value, color=colour, linestyle="--", label=_plain(name))
        axes.set_yticks(range(len(patterns)), [_plain(name) for name in patterns])
        axes.set_ylim(len(patterns) - 0.5, -0.5)
        axes.set_xlabel("test accuracy, % (dots: seeds; bars: means)")
        if together:
            below = -0.42 / (1.3 + 0.34 * len(patterns))  # clear of the name of the axis
            axes.legend(loc="upper center", bbox_to_anchor=(0.5, below), frameon=False, ncols=2)
    return figure


def reliability_diagram(reliability: Sequence[Mapping[str, float]], title: str) -> Figure:
    """Draw accuracy over confidence: on the diagonal 0.9 means right nine times in ten.

    ``reliability`` has the bins of `pet.model.reliability.reliability`. The bars below show the
    share of predictions in each bin.
    """
    with _figure(title, 4.2, 4.2, rows=(3, 1)) as (figure, (axes, below)):
        filled = [bin_ for bin_ in reliability if bin_["n"]]
        total = sum(bin_["n"] for bin_ in filled)
        axes.plot([0, 1], [0, 1], color=_INK, alpha=0.5, linestyle=":", label="as sure as right")
        confidence = [bin_["confidence"] for bin_ in filled]
        accuracy = [bin_["accuracy"] for bin_ in filled]
        gaps = "gap: below, too sure"
        axes.vlines(confidence, confidence, accuracy, color=COLOURS[1], alpha=0.6, label=gaps)
        axes.plot(
            confidence, accuracy, "o-", color=COLOURS[0], markersize=5, label="texts, in bins"
        )
        axes.set_ylabel("accuracy")
        axes.tick_params(labelbottom=False)
        places = (np.arange(len(reliability)) + 0.5) / len(reliability)
        shares = [100 * bin_["n"] / max(total, 1) for bin_ in reliability]
        below.bar(places, shares, 0.8 / len(reliability), color=COLOURS[0], alpha=0.6)
        below.set_ylabel("% of texts")
        below.set_xlabel("confidence")
        axes.legend(loc="upper left", frameon=False)
        # Of C labels the likeliest has 1/C or more: nothing is left of the first filled bin.
        first = next((n for n, bin_ in enumerate(reliability) if bin_["n"]), 0)
        start = max(0, first / max(len(reliability), 1) - 0.02)
        for both in (axes, below):
            both.set_xlim(start, 1.02)
        axes.set_ylim(min([start, *(share - 0.03 for share in accuracy)]), 1.03)
    return figure


def confusion_diagram(
    confusion: Sequence[Sequence[float]], labels: Sequence[str], title: str
) -> Figure:
    """Draw true labels (rows) against predicted ones (columns), shaded by the share of the row."""
    counts = np.asarray(confusion, dtype=float)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = 1.6 + min(0.55, 8 / len(labels)) * len(labels)
    with _figure(title, side + 1.0, side) as (figure, (axes,)):
        axes.pcolormesh(
            shares, cmap="Blues", vmin=0, vmax=1, edgecolors="white", linewidth=0.5, alpha=0.9
        )
        axes.set_xlabel("predicted")
        axes.set_ylabel("true")
        axes.invert_yaxis()
        axes.grid(visible=False)
        axes.set_aspect("equal")
        if len(labels) > _MANY_LABELS:
            return figure
        places = np.arange(len(labels)) + 0.5
        names = [_plain(label) for label in labels]
        axes.set_xticks(places, names, rotation=45, ha="right", rotation_mode="anchor")
        axes.set_yticks(places, names)
        for row, column in np.argwhere(counts > 0).tolist():
            axes.text(
                column + 0.5, row + 0.5, f"{counts[row, column]:g}", ha="center", va="center",
                color="white" if shares[row, column] > 0.55 else "#08306b", fontsize=8,
            )  # fmt: skip
    return figure


def evaluation_figures(evaluation: Evaluation, task: Task) -> Iterator[tuple[str, Figure]]:
    """Yield the named diagrams of one set of predictions: reliability and, if any, confusion."""
    title = f"{task.name}, {evaluation.n} examples"
    yield "reliability", reliability_diagram(evaluation.reliability, title)
    if evaluation.confusion:
        yield "confusion", confusion_diagram(evaluation.confusion, task.labels, title)


def save(figures: Iterable[tuple[str, Figure]], folder: str | Path, suffix: str) -> int:
    """Write named diagrams as ``<folder>/<name>.<suffix>`` and return their number.

    The suffix is svg, pdf or png; the same diagram gives the same bytes every time.
    """
    require()
    folder, count = Path(folder), 0
    undated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {"Software": None}}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, figure in figures:
            path = folder / f"{name}.{suffix}"
            with _style():
                figure.savefig(
                    path, format=suffix, bbox_inches="tight", dpi=150, metadata=undated[suffix]
                )
            count += 1
    except OSError as error:
        raise RunError(f"{folder}: cannot be written: {error.strerror or error}.") from error
    return count


def inline_svg(figure: Figure, name: str, description: str) -> str:
    """Return a diagram as an ``<svg>`` element that takes the page's colour and font.

    Parameters
    ----------
    figure : Figure
        A diagram of this module.
    name : str
        Letters and digits, different for every diagram of a page: the prefix of all its ids.
    description : str
        A sentence about the diagram, for people who hear the page.
    """
    stream = StringIO()
    with _style():
        figure.savefig(
            stream, format="svg", bbox_inches="tight", transparent=True, metadata={"Date": None}
        )
    svg = stream.getvalue()
    svg = svg[svg.index("<svg") :]
    # A style element would act on the whole page, which has these two rules itself.
    svg = re.sub(r"<(metadata|style)\b.*?</\1>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    label = escape(_plain(description, longest=200))
    start = f'<svg class="plot" role="img" aria-label="{label}"'
    return svg.replace(_INK, "currentColor").replace("<svg", start, 1)


@contextmanager
def _figure(
    title: str, width: float, height: float, rows: tuple[int, ...] = (1,)
) -> Iterator[tuple[Figure, Any]]:
    """Yield a figure and its axes, one above the other; inside, the style of `_style` holds."""
    require()
    from matplotlib.figure import Figure

    with _style():
        figure = Figure(figsize=(width, height))  # saving includes whatever stands outside
        axes = figure.subplots(len(rows), squeeze=False, height_ratios=rows).ravel()
        axes[0].set_title(_plain(title))
        yield figure, axes


@contextmanager
def _style() -> Iterator[None]:
    """Set the style inside this context; text of users is never read as a formula."""
    import matplotlib

    style: Any = {
        "text.parse_math": False,
        "svg.fonttype": "none",
        "svg.hashsalt": "pet",
        "font.size": 9,
        "axes.titlesize": 10,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.alpha": 0.15,
        **dict.fromkeys(
            ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color",
             "grid.color"), _INK,
        ),
    }  # fmt: skip
    with matplotlib.rc_context(style), warnings.catch_warnings():
        # Labels may be in a script that matplotlib's font lacks; a browser has a font for it.
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from")
        yield


def _plain(text: str, longest: int = 48) -> str:
    """Return one line of printable characters, as diagrams and their files need it."""
    line = "".join(mark if mark.isprintable() else " " for mark in text)
    return shortened(line, longest, "…")
