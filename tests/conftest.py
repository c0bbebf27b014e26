"""Shared fixtures, and the markers that skip."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

# One thread here and in every process a test starts: with another number of threads sums are added
# in another order, and numbers that tests compare bit by bit would differ in their last digits.
os.environ["OMP_NUM_THREADS"] = "1"

import pytest
import torch
from chinese import save_chinese_bert
from golden import Naive
from killing import killer
from sentences import save_bert_with_sentences
from tiny import save_lively_bert, save_tiny_bert
from toy import Files

from pet.backbone import MaskedLM

SHARED = Path(__file__).resolve().parents[2] / "shared"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="also run tests marked slow")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    reasons = {
        "slow": None if config.getoption("--slow") else "slow; run with --slow",
        "gpu": None if torch.cuda.is_available() else "needs a CUDA GPU",
        "shared_data": None
        if (SHARED / "data").is_dir()
        else "needs the shared data sets, absent here",
    }
    # What takes minutes in one piece starts first, so that the other worker goes on beside it.
    items.sort(key=lambda item: "whole" not in item.path.parts)
    for item in items:
        for marker, reason in reasons.items():
            if reason and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session", autouse=True)
def plain_processor() -> Iterator[None]:
    """Compute in fp32 on every CPU: "auto" would take bf16 where the processor has it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.cpu, "get_capabilities", dict, raising=False)
        yield


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Folder of a random 2-layer BERT masked LM with 32 hidden units."""
    return str(save_tiny_bert(tmp_path_factory.mktemp("tiny") / "bert"))


@pytest.fixture(scope="session")
def chinese_bert(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Folder of a tiny BERT whose tokens are Chinese characters."""
    return str(save_chinese_bert(tmp_path_factory.mktemp("chinese") / "bert"))


@pytest.fixture(scope="session")
def lively_bert(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Folder of a tiny BERT with larger random weights, so that scores differ clearly."""
    return str(save_lively_bert(tmp_path_factory.mktemp("lively") / "bert"))


@pytest.fixture(scope="session")
def beside(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Folder of the lively BERT with a sentence encoder beside it."""
    return str(save_bert_with_sentences(tmp_path_factory.mktemp("beside") / "bert"))


@pytest.fixture(scope="module")
def backbone(lively_bert: str) -> MaskedLM:
    """The lively BERT, ready to score; tests that train on it use the fixture ``fresh`` too."""
    return MaskedLM.load(lively_bert, "cpu", "fp32")


@pytest.fixture
def fresh(backbone: MaskedLM) -> None:
    """Start from the backbone's own weights, and from one seed."""
    backbone.weights.put({})
    torch.manual_seed(0)


@pytest.fixture(scope="module")
def naive(lively_bert: str) -> Naive:
    """The lively BERT, used the obvious way."""
    return Naive(lively_bert)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """The toy task's files, the same ones for all tests of a module."""
    return Files.write(tmp_path_factory.mktemp("toy"))


@pytest.fixture
def dying(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Write a checkpoint after every step, and be killed right after so many from a call on."""
    return killer(monkeypatch)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with the labelled data sets; use with the marker shared_data."""
    return SHARED
