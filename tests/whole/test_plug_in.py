"""Another package adds one thing of every kind, and each is used from the command line."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from toy import BAD, GOOD, Files

ROOT = Path(__file__).resolve().parents[2]
ENTRY_POINTS = """
[pet.soft_kinds]
guest-kind = guest:GuestKind
[pet.member_kinds]
guest-member = guest:GuestMember
[pet.readouts]
guest-readout = guest:guest_readout
[pet.objectives]
guest-objective = guest:GuestObjective
[pet.combiners]
guest-combiner = guest:guest_combiner
[pet.measures]
guest-measure = guest:guest_measure
[pet.baselines]
guest-baseline = guest:guest_baseline
[pet.metrics]
guest-metric = guest:guest_metric
[pet.formats]
guest = guest:guest_format
[pet.tasks]
guest-task = guest:guest_task
[pet.task_kinds]
guest-sort = guest:guest_sort
"""
RUN = """
import sys
from pet.cli import main
for line in sys.stdin.read().splitlines():
    print(">", line, flush=True)
    sys.argv = ["pet", *line.split()]
    main()
"""


def install(site: Path, entry_points: str, name: str = "pet-guest") -> None:
    """Install the package of tests/support/guest.py, as an installer would leave it."""
    folder = site / f"{name.replace('-', '_')}-1.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text(entry_points)
    shutil.copy(ROOT / "tests/support/guest.py", site)


def call(site: Path, *command: str, lines: str = "") -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(site), str(ROOT)]),
        "GUEST_BOOK": str(site / "book.txt"),
        "OMP_NUM_THREADS": "1",
    }
    return subprocess.run(
        [sys.executable, *command],
        input=lines, env=environment, cwd=site.parent, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


def test_one_thing_of_every_kind_is_used(tmp_path: Path, tiny_bert: str) -> None:
    site = tmp_path / "site"
    install(site, ENTRY_POINTS)
    files = Files.write(tmp_path)
    labelled = [*(f"negative | {text}" for text in BAD), *(f"positive | {text}" for text in GOOD)]
    (tmp_path / "train.guest").write_text("\n".join(labelled) + "\n")
    plain = f"--backbone {tiny_bert} --device cpu --precision fp32"
    result = call(
        site, "-c", RUN,
        lines=f"""tasks
train --task guest-task --train train.guest --test {files.test} {plain} --max-steps 2
 --members cloze,guest-member --soft none,guest-kind --readout guest-readout
 --objective guest-objective
 --combine-members guest-combiner --combine-verbalizers guest-combiner -o run
evaluate run --test {files.test} --device cpu
report run -o page.html
suggest run --unlabeled {files.unlabeled} --by guest-measure -n 2 -o next.csv --device cpu
fewshot --task guest-task --train train.guest --test {files.test} {plain}
 --methods guest-baseline,guest-kind --shots 2 --seeds 13 --max-steps 1 -o study
""".replace("\n ", " "),
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    noted = set((site / "book.txt").read_text().splitlines())
    assert noted == {
        "guest-kind", "guest-readout", "guest-objective", "guest-combiner", "guest-measure",
        "guest-baseline", "guest-member", "guest-sort",
    }  # fmt: skip
    listed, trained, evaluated, _, _, compared = result.stdout.split("\n> ")
    assert "guest-task: Sentiment, from outside." in listed
    assert "pattern-0-guest-kind" in trained
    assert "guest-member" in trained
    assert "guest accuracy" in trained.splitlines()[1]
    assert "Brier score" in trained.splitlines()[1]
    assert "guest-metric 0." in evaluated
    assert "Brier score 0." in evaluated
    assert "Brier score" in (tmp_path / "page.html").read_text()
    assert compared.count("guest-baseline") > 1
    metrics = json.loads((tmp_path / "run/metrics.json").read_text())["test"]["ensemble"]
    assert 0 < metrics["guest-metric"] < 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--readout guest-redout", "guest-readout"),
        ("--objective guest-objectiv", "guest-objective"),
        ("--soft guestkind", "guest-kind"),
        ("--members guest-membr", "guest-member"),
    ],
)
def test_a_misspelt_name_is_refused_before_anything_heavy(
    tmp_path: Path, arguments: str, message: str
) -> None:
    site = tmp_path / "site"
    install(site, ENTRY_POINTS)
    script = (
        "import sys; from pet.cli import main\n"
        "try: main()\n"
        "finally: print([n for n in ('torch', 'numpy', 'guest') if n in sys.modules])"
    )
    command = f"train --task reviews --train none.jsonl -o run {arguments}".split()
    result = call(site, "-c", script, *command)
    assert result.returncode == 2
    assert message in result.stderr
    assert result.stdout.strip() == "[]"


def test_a_broken_package_is_named(tmp_path: Path) -> None:
    site = tmp_path / "site"
    install(
        site,
        "[pet.tasks]\nmissing = broken:nothing\nwrong = broken:number\n"
        "[pet.combiners]\nvote = broken:number\n",
    )
    (site / "broken.py").write_text("number = 3\n")
    script = """
from pet.errors import UsageError
from pet.model.combiners import COMBINERS
from pet.task import load_task
print(COMBINERS["logits"].__name__)
for wrong in (lambda: load_task("missing"), lambda: load_task("wrong"), lambda: [*COMBINERS]):
    try: wrong()
    except UsageError as error: print(" ".join(str(error).split()))
"""
    result = call(site, "-c", script)
    assert result.returncode == 0, result.stderr
    known, missing, wrong, taken = result.stdout.splitlines()
    assert known == "mean_logits"
    assert missing.startswith(
        "The task 'missing' from the package 'pet-guest' cannot be imported: AttributeError"
    )
    assert wrong.startswith(
        "The task 'wrong' from the package 'pet-guest' must be an object of the class Task, found"
    )
    assert taken.startswith(
        "There is a combiner 'vote' already; another one from the package 'pet-guest' cannot have"
    )
