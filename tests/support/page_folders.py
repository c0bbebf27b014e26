"""Folders that pages are made of, by hand, and pages as lists of their tags."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from studies import BINS, STUDY
from toy import toy_task

from pet import PVP, Task, Verbalizer
from pet.config import Settings
from pet.data import Data
from pet.evaluation.study.comparison import study_to_dict, summarise
from pet.pipeline import asked
from pet.runs import RunFolder

VOID = {"meta", "br", "use", "path"}


class Document(HTMLParser):
    """A page as a list of start tags, its ids and references, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, ...]] = []
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, *(name for name, _ in attrs)))
        for name, value in attrs:
            if name == "id":
                self.ids.append(str(value))
            if name in ("href", "xlink:href", "src"):
                self.targets.append(str(value))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return "".join(self.texts)


def checked(text: str) -> Document:
    """Parse a page that needs nothing but itself."""
    text.encode("utf-8")
    found = Document(text)
    assert text.startswith("<!DOCTYPE html>\n<html lang=")
    assert len(set(found.ids)) == len(found.ids)
    assert all(target.startswith("#") and target[1:] in found.ids for target in found.targets)
    assert all(tag[0] not in ("script", "link", "img", "iframe", "object") for tag in found.tags)
    assert not [name for tag in found.tags for name in tag[1:] if name.startswith("on")]
    assert "@import" not in text
    assert not re.search(r"url\((?!#)", text)
    return found


def figures_of(labels: list[str]) -> dict[str, Any]:
    """Figures of an evaluation, as metrics.json has them."""
    own = {"precision": 0.5, "recall": 0.25, "f1": 1 / 3, "support": 4.0}
    return {
        "n": 8, "accuracy": 0.625, "macro_f1": 0.5123, "ece": 0.0678, "mean_absolute_error": None,
        "per_class": dict.fromkeys(labels, own), "confusion": [[31, 17], [19, 23]],
        "reliability": BINS,
    }  # fmt: skip


def written(folder: Path, text: str = "plain", mark: str = "") -> RunFolder:
    """A finished run's folder, made by hand; every string that users choose holds ``text``."""
    labels = [f"{text} no", f"{text} yes"]
    words = Verbalizer({labels[0]: {f"{text} bad": 1.0}, labels[1]: {f"{text} good": 2.0}})
    pattern = "{text} It was {mask}. " + re.sub(r"[{}]", "", text)
    task = Task(f"{text} name", labels, ["text"], [PVP(pattern, words)], f"{text} about")
    run = RunFolder.start(folder / "run", asked(task, Settings(), Data([])))
    member = {"pattern": 0, "name": "m", "accuracy_before": 0.4321, "accuracy_after": 0.8769,
              "steps": 7, "loss": 0.25, "seconds": 61.5, "offsets": None}  # fmt: skip
    run.write_json("members/m/member.json", member)
    how = {"members": ["m"], "weights": [2.0], "temperatures": [1.5]}
    run.write_json("ensemble.json", how)
    test = figures_of(labels)
    shown = f"m  {pattern[:20]}"
    run.write_json(
        "metrics.json",
        {"rows": {shown: member, "ensemble": {}}, "test": {shown: test, "ensemble": test},
         "generations": [{"number": 0, "members": ["m"], "drawn": {labels[0]: 5},
                          "agreement": 0.9, "test_accuracy": 0.5}]},
    )  # fmt: skip
    shares = {labels[0]: 0.25, labels[1]: 0.75}
    example = {"texts": {"text": f"{text} one"}, "label": labels[0], "probabilities": shares}
    view = {"name": "m", "weight": 1.0, "text": f"{text} ____",
            "words": [{f"{text} asked": {f"{text} bad": -1.5}}], "offsets": [{labels[0]: 0.5}],
            "probabilities": shares}  # fmt: skip
    kinds = ("labelled", "uncertain", "disputed", "mistakes")
    run.write_json(
        RunFolder.examples,
        {"labels": {labels[0]: 3}, "mistakes": [example],
         **{kind: [{**example, "value": 0.6931}] for kind in ("uncertain", "disputed")},
         "explained": [{"kind": kind, **example, "members": [view]} for kind in kinds]},
    )  # fmt: skip
    return run


def study_folder(path: Path) -> RunFolder:
    folder = RunFolder.start(path / "study", {"settings": {"training": {"max_steps": 3}}})
    wanted = {"task": toy_task().to_dict(), "pool": {"n": 1234}, "test": {"n": 56}}
    RunFolder.start(folder.path / "tasks" / "toy", wanted)
    folder.write_json("results.json", study_to_dict(STUDY, summarise(STUDY)))
    return folder
