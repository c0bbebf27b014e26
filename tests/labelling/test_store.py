"""Nothing that was clicked is lost, and no two tabs have one text."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labelled import new_labelling, pool

from pet.data import Example
from pet.errors import RunError
from pet.labelling.clicks import LEASE_SECONDS, Click, Clicks
from pet.labelling.drawing import CHOSEN
from pet.labelling.schema import Database
from pet.labelling.texts import Texts

ROOT = Path(__file__).resolve().parents[2]
# Labels text after text, and says so when a click is kept.
CLICKING = """
import sys
from pathlib import Path
from pet.labelling.clicks import Click, Clicks
from pet.labelling.schema import Database
clicks = Clicks(Database(Path(sys.argv[1])))
for number in range(1, 10_000):
    clicks.add([Click(1 + number % 20, "anna", "tab-of-anna", "positive", guess=str(number))])
    print(number, flush=True)
"""


@pytest.fixture
def database(tmp_path: Path) -> Database:
    """A file with twenty texts."""
    made = Database(tmp_path / "labels")
    Texts(made).add(((example, {}) for example in pool(20)), 13)
    return made


def click(text: int, label: str | None = "positive", tab: str = "one", who: str = "anna") -> Click:
    return Click(text, who, tab, label)


def test_clicks_outlive_a_process_that_is_killed(database: Database) -> None:
    database.close()
    with subprocess.Popen(
        [sys.executable, "-c", CLICKING, str(database.path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        text=True,
    ) as process:
        assert process.stdout is not None
        said = [int(process.stdout.readline()) for _ in range(25)]
        process.send_signal(signal.SIGKILL)
        said += [int(line) for line in process.stdout.read().split()]
    with Database(database.path).reading() as reader:
        kept = [int(row[0]) for row in reader.execute("SELECT guess FROM clicks ORDER BY id")]
    # The one that was being written may be there too.
    assert kept[: len(said)] == said
    assert len(kept) <= len(said) + 1


def test_an_add_that_fails_midway_keeps_nothing(database: Database) -> None:
    clicks = Clicks(database)
    with pytest.raises(RunError, match="FOREIGN KEY"):
        clicks.add([click(1), click(999)])
    assert clicks.answers() == []


def test_undo_takes_back_the_last_click_of_this_tab_and_keeps_it_on_record(
    database: Database,
) -> None:
    clicks = Clicks(database)
    clicks.add([click(1), click(2, tab="two")])
    clicks.add([click(3)])
    assert clicks.undo("one", "anna") == [3]
    assert clicks.undo("one", "bob") == []
    assert clicks.undo("one", "anna") == [1]
    assert clicks.undo("one", "anna") == []
    assert clicks.answered() == {2}
    with database.reading() as reader:
        assert reader.execute("SELECT count(*) FROM clicks").fetchone()[0] == 3


def test_undo_brings_back_an_earlier_answer(database: Database) -> None:
    clicks = Clicks(database)
    clicks.add([click(1, "positive")])
    clicks.add([click(1, "negative")])
    assert [row["label"] for row in clicks.answers()] == ["negative"]
    clicks.undo("one", "anna")
    assert [row["label"] for row in clicks.answers()] == ["positive"]


def test_a_bulk_is_taken_back_as_a_whole(database: Database) -> None:
    clicks = Clicks(database)
    clicks.add([click(4)])
    clicks.add([Click(n, "anna", "one", "positive", batch="b") for n in (1, 2, 3)])
    assert clicks.undo("one", "anna") == [1, 2, 3]
    assert clicks.answered() == {4}


def test_a_lease_ends_with_time_and_with_an_answer(database: Database) -> None:
    now = [0.0]
    clicks = Clicks(database, lambda: now[0])
    assert clicks.lease(1, "one", CHOSEN)
    assert not clicks.lease(1, "two", CHOSEN)
    now[0] = LEASE_SECONDS - 1
    assert clicks.leased("one") == (1, CHOSEN)  # which renews it
    now[0] = 1.5 * LEASE_SECONDS
    assert not clicks.lease(1, "two", CHOSEN)
    now[0] = 3 * LEASE_SECONDS
    assert clicks.leased("one") is None
    assert clicks.lease(1, "two", CHOSEN)
    clicks.add([click(1, tab="two")])
    assert clicks.held() == set()


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["next", "answer", "skip", "undo", "wait"]),
            st.sampled_from(["tab-1", "tab-2", "tab-3"]),
        ),
        max_size=40,
    )
)
def test_no_two_tabs_hold_one_text_whatever_they_do(moves: list[tuple[str, str]]) -> None:
    now = [0.0]
    with TemporaryDirectory() as folder:
        database = Database(Path(folder) / "labels")
        Texts(database).add(((example, {}) for example in pool(6)), 13)
        clicks = Clicks(database, lambda: now[0])
        clicked: dict[str, list[int]] = {}
        for move, tab in moves:
            has = clicks.leased(tab)
            if move == "wait":
                now[0] += LEASE_SECONDS / 2
            elif move == "next" and has is None:
                clicks.lease_first(range(1, 7), tab, tab, CHOSEN)
            elif move in ("answer", "skip") and has is not None:
                clicks.add([Click(has[0], tab, tab, "x" if move == "answer" else None)])
                clicked.setdefault(tab, []).append(has[0])
            elif move == "undo":
                expected = [clicked[tab].pop()] if clicked.get(tab) else []
                assert clicks.undo(tab, tab) == expected
            held = [
                found[0] for name in ("tab-1", "tab-2", "tab-3") if (found := _has(clicks, name))
            ]
            assert len(held) == len(set(held))
        database.close()


def _has(clicks: Clicks, tab: str) -> tuple[int] | None:
    with clicks.database.reading() as reader:
        row = reader.execute(
            "SELECT text FROM leases WHERE tab = ? AND until > ?", (tab, clicks._clock())
        ).fetchone()
    return None if row is None else (row[0],)


def test_threads_that_ask_at_once_get_different_texts(database: Database) -> None:
    clicks, got = Clicks(database), []
    start = threading.Barrier(8)

    def ask(tab: str) -> None:
        start.wait()
        got.append(clicks.lease_first(range(1, 21), tab, tab, CHOSEN))

    threads = [threading.Thread(target=ask, args=(f"tab-{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert None not in got
    assert len(set(got)) == 8


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts open files in /proc")
def test_threads_that_end_leave_no_file_open(database: Database) -> None:
    def read() -> None:
        with database.reading() as reader:
            reader.execute("SELECT count(*) FROM texts").fetchone()

    def read_in(threads: list[threading.Thread], at_once: int) -> int:
        for start in range(0, len(threads), at_once):
            for thread in threads[start : start + at_once]:
                thread.start()
            for thread in threads[start : start + at_once]:
                thread.join()
        files = [os.path.realpath(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd")]
        return sum(file.startswith(str(database.path)) for file in files)

    before = read_in([threading.Thread(target=read)], 1)
    assert read_in([threading.Thread(target=read) for _ in range(50)], 1) == before
    some = read_in([threading.Thread(target=read) for _ in range(50)], 10)
    assert some <= before + 3 * 3  # a few that are kept, each with its log and index
    database.close()


def test_a_commit_that_fails_keeps_nothing_and_the_next_one_works(database: Database) -> None:
    with (
        pytest.raises(RunError, match="FOREIGN KEY"),
        database.errors(),
        database.writing() as writer,
    ):
        writer.execute("PRAGMA defer_foreign_keys = ON")  # checked by the COMMIT
        writer.execute("INSERT INTO leases VALUES (999, 'one', 'chosen', 0)")
    clicks = Clicks(database)
    clicks.add([click(1)])
    assert clicks.answered() == {1}
    assert clicks.lease(2, "one", CHOSEN)


def test_texts_are_kept_once_in_an_order_that_stays(tmp_path: Path) -> None:
    texts = new_labelling(tmp_path, pool(30)).texts
    order = [text.number for text in texts.at(range(30))]
    assert order != sorted(order)
    assert sorted(order) == list(range(1, 31))
    aside = texts.set_aside()
    assert len(aside) == 6
    new = [*pool(30), Example({"text": "one more"})]
    again = new_labelling(tmp_path, new).texts
    assert len(again) == 31
    assert [text.number for text in again.at(range(30))] == order
    assert again.set_aside() == aside


def test_search_finds_words_and_no_patterns(tmp_path: Path) -> None:
    written = ("100 % sure", "a_b", "axb", 'say "no"', "Text", "Ärger, große Müdigkeit")
    texts = new_labelling(tmp_path, [Example({"text": text}) for text in written]).texts

    def found(words: str) -> list[str]:
        return [text.fields["text"] for text in texts.found(words, 10)]

    assert found("%") == ["100 % sure"]
    assert found("a_b") == ["a_b"]
    assert found('"no"') == ['say "no"']
    assert found("TEXT") == ["Text"]  # and not the name of the field
    assert found("sure 100") == ["100 % sure"]
    assert found("ÄRGER") == ["Ärger, große Müdigkeit"]
    assert found("GROSSE") == ["Ärger, große Müdigkeit"]
    assert len(found("")) == 6
    assert found("'; DROP TABLE texts; --") == []


def test_a_damaged_file_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "labels").write_bytes(b"no database at all" * 100)
    with pytest.raises(RunError, match="cannot be read or written"):
        Database(tmp_path / "labels")


def test_a_file_of_a_later_version_is_refused(tmp_path: Path) -> None:
    Database(tmp_path / "labels").close()
    with sqlite3.connect(tmp_path / "labels") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(RunError, match="later version"):
        Database(tmp_path / "labels")
