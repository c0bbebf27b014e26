"""A labelling from the first text to the last, by one person and by two, and after a restart."""

from __future__ import annotations

from pathlib import Path

import pytest
from labelled import WordReader, label_some, new_labelling, pool, session_of, truth, work

from pet import PVP, Task, Verbalizer
from pet.data import Example
from pet.errors import DataError
from pet.labelling.clicks import Click
from pet.labelling.drawing import AGAIN, CHOSEN, GIVEN, RANDOM
from pet.labelling.full_training import FullTraining
from pet.labelling.labelling import Labelling
from pet.runs import LabellingFolder

TAB, ANNA, BOB = "tab-of-anna", "anna", "bob"


@pytest.fixture
def labelling(tmp_path: Path) -> Labelling:
    return new_labelling(tmp_path / "labelling")


def test_labelling_starts_at_random_before_anything_was_read(labelling: Labelling) -> None:
    session = session_of(labelling)
    shown = session.next(TAB, ANNA)
    assert shown is not None
    assert shown.drawn == RANDOM
    assert shown.text.place in session.aside
    assert shown.guess is None
    assert session.next(TAB, ANNA) == shown  # a page that is loaded again shows the same


def test_every_fifth_text_is_random_and_only_those_are_counted(labelling: Labelling) -> None:
    session = session_of(labelling)
    work(session)
    label_some(session, 40)
    answers = labelling.clicks.answers()
    drawn = [answer["drawn"] for answer in answers]
    assert drawn.count(RANDOM) == 8
    assert drawn.count(CHOSEN) == 32
    aside = {text.number for text in labelling.texts.at(session.aside)}
    assert all((answer["text"] in aside) == (answer["drawn"] == RANDOM) for answer in answers)
    latest = session.learner.round
    assert latest is not None
    assert latest.labels == 40
    assert latest.accuracy.asked == 8
    places = {text.number: text.place for text in labelling.texts.at(range(60))}
    assert not {places[answer["text"]] for answer in answers} & set(latest.queue)


def test_the_model_learns_and_says_how_good_it_is(tmp_path: Path) -> None:
    labelling = new_labelling(tmp_path, pool(400))
    session = session_of(labelling)
    work(session)
    label_some(session, 60)
    status = session.status(ANNA)
    assert status["labelled"] == sum(status["balance"].values()) == 60
    assert status["model"]["asked"] == 12
    assert status["model"]["low"] < status["model"]["accuracy"] <= status["model"]["high"]
    assert status["model"]["accuracy"] > 0.9
    assert status["reading"] == {"done": 400, "of": 400}
    guess = session.guess(300)
    assert guess is not None
    assert guess[0] == truth(labelling.texts.at(range(300, 301))[0].fields["text"])
    label_some(session, 60)
    after = session.status(ANNA)["model"]
    assert after["compared"] == 5
    assert after["changed"] is not None
    assert after["stable"]


def test_the_guess_is_hidden_where_it_could_sway_what_is_counted(labelling: Labelling) -> None:
    session = session_of(labelling)
    work(session)
    seen = {}
    for _ in range(10):
        shown = session.next(TAB, ANNA)
        assert shown is not None
        assert shown.guess is not None
        seen[shown.drawn] = shown.hides_guess
        was = session.answer(shown.text.number, TAB, ANNA, "positive")
        assert was == shown
    assert seen == {RANDOM: True, CHOSEN: False}


def test_a_guess_comes_to_a_text_that_is_shown_already(labelling: Labelling) -> None:
    session = session_of(labelling)
    assert session.current(TAB) is None
    shown = session.open(7, TAB, ANNA)
    assert shown.guess is None
    work(session)
    later = session.current(TAB)
    assert later is not None
    assert later.text == shown.text
    assert later.guess is not None
    assert session.next(TAB, ANNA) == later


def test_undo_shows_the_text_again_and_takes_its_label_back(labelling: Labelling) -> None:
    session = session_of(labelling)
    work(session)
    label_some(session, 3)
    shown = session.next(TAB, ANNA)
    assert shown is not None
    session.answer(shown.text.number, TAB, ANNA, "positive")
    session.next(TAB, ANNA)
    back = session.undo(TAB, ANNA)
    assert back is not None
    assert (back.text, back.drawn) == (shown.text, shown.drawn)
    assert session.next(TAB, ANNA) == back
    assert len(labelling.clicks.answered()) == 3


def test_what_was_skipped_is_not_asked_again_of_the_same_person(labelling: Labelling) -> None:
    session = session_of(labelling)
    work(session)
    skipped = []
    for _ in range(60):
        shown = session.next(TAB, ANNA)
        assert shown is not None
        skipped.append(shown.text.number)
        session.answer(shown.text.number, TAB, ANNA, None)
    assert len(set(skipped)) == 60
    assert session.next(TAB, ANNA) is None
    assert session.next("tab-of-bob", BOB) is not None
    assert session.status(ANNA)["skipped"] == 60


def test_a_labelling_goes_on_where_it_was_after_a_restart(labelling: Labelling) -> None:
    session = session_of(labelling)
    work(session)
    label_some(session, 45)
    shown = session.next(TAB, ANNA)
    before = session.status(ANNA)
    path = labelling.folder.path
    labelling.database.close()
    again = Labelling.of_folder(str(path))
    session = session_of(again)
    work(session)
    after = session.status(ANNA)
    for same in ("labelled", "balance", "reading", "texts", "mine"):
        assert after[same] == before[same]
    assert after["model"]["compared"] == before["model"]["compared"] == 1
    assert after["model"]["accuracy"] == before["model"]["accuracy"]
    held = session.next(TAB, ANNA)
    assert held is not None
    assert shown is not None
    assert held.text == shown.text


def test_texts_that_were_read_are_not_read_again(labelling: Labelling) -> None:
    session = session_of(labelling)
    work(session)
    path = labelling.folder.path
    again = session_of(Labelling.of_folder(str(path)))
    again.learner._make_reader = None  # type: ignore[assignment]
    work(again)
    assert again.learner.round is not None
    for name in (LabellingFolder.vectors, LabellingFolder.probabilities):
        assert (path / name).is_file()
    # 60 texts with 18 numbers each, 2 bytes a number.
    assert (path / LabellingFolder.vectors).stat().st_size == 60 * 18 * 2


def test_of_a_pool_that_grew_only_the_new_texts_are_read(tmp_path: Path) -> None:
    session = session_of(new_labelling(tmp_path, pool(40)))
    work(session)
    before = session.learner._evidence.rows(slice(0, 40))
    readers: list[WordReader] = []

    def make() -> WordReader:
        readers.append(WordReader())
        return readers[-1]

    again = session_of(new_labelling(tmp_path, pool(70)))
    again.learner._make_reader = make  # type: ignore[assignment]
    work(again)
    assert again.learner.read == (70, 70)
    assert [reader.read_texts for reader in readers] == [30]
    after = again.learner._evidence.rows(slice(0, 40))
    assert (after.vectors == before.vectors).all()
    fewer = session_of(new_labelling(tmp_path, pool(70)), limit=20)
    assert fewer.learner.read == (20, 20)


def test_of_a_large_pool_a_random_sample_is_read_and_the_rest_can_be_labelled(
    tmp_path: Path,
) -> None:
    session = session_of(new_labelling(tmp_path), limit=30)
    work(session)
    assert session.learner.read == (30, 30)
    assert session.guess(29) is not None
    assert session.guess(30) is None
    label_some(session, 60)
    assert session.next(TAB, ANNA) is None


def test_a_second_person_is_asked_some_texts_again(labelling: Labelling) -> None:
    session = session_of(labelling)
    work(session)
    label_some(session, 20)
    label_some(session, 20, "tab-of-bob", BOB)
    drawn = [row["drawn"] for row in labelling.clicks.answers() if row["annotator"] == BOB]
    assert drawn.count(AGAIN) == 2
    (pair,) = session.status(ANNA)["people"]
    assert (pair["people"], pair["both"], pair["share"]) == ((ANNA, BOB), 2, 1.0)


def test_unknown_texts_and_labels_are_refused_and_nothing_is_kept(labelling: Labelling) -> None:
    session = session_of(labelling)
    with pytest.raises(DataError, match="no text 999"):
        session.answer(999, TAB, ANNA, "positive")
    with pytest.raises(DataError, match="no label 'good'"):
        session.answer(1, TAB, ANNA, "good")
    with pytest.raises(DataError, match="no text 999"):
        session.open(999, TAB, ANNA)
    session.open(5, TAB, ANNA)
    with pytest.raises(DataError, match="Another tab"):
        session.open(5, "tab-of-bob", BOB)
    assert labelling.clicks.answers() == []


def test_pace_counts_pauses_as_two_minutes(labelling: Labelling) -> None:
    now = [0.0]
    labelling.clicks._clock = lambda: now[0]
    for number, gap in enumerate([0, 10, 10, 10, 3600], 1):
        now[0] += gap
        labelling.clicks.add([Click(number, ANNA, TAB, "positive")])
    assert labelling.clicks.pace(ANNA) == pytest.approx(3600 * 4 / 150)
    assert labelling.clicks.pace(BOB) is None


def test_labels_from_files_are_learned_from_and_not_counted_as_random(tmp_path: Path) -> None:
    labelling = new_labelling(tmp_path, [])
    given = [
        (Example(example.texts, truth(example.texts["text"])), dict(example.texts))
        for example in pool(20)
    ]
    labelling.add_given(given, 13)
    labelling.add_given(given, 13)
    labelling.add_pool(((example, {}) for example in pool(80)), 13)
    session = session_of(labelling)
    assert session.aside == range(20, 32)
    work(session)
    latest = session.learner.round
    assert latest is not None
    assert (latest.labels, latest.accuracy.asked) == (20, 0)
    assert {row["drawn"] for row in labelling.clicks.answers()} == {GIVEN}
    shown = session.next(TAB, ANNA)
    assert shown is not None
    assert shown.text.place == 20


def test_training_waits_for_a_text_of_every_label(labelling: Labelling) -> None:
    training = FullTraining(labelling.folder, labelling.texts, labelling.clicks, labelling.task)
    labelling.clicks.add([Click(1, ANNA, TAB, "positive")])
    with pytest.raises(DataError, match="No text has the label 'negative' yet"):
        training.start()
    assert training.state()["state"] == "idle"
    assert training.report("../../etc") is None


def test_tasks_with_several_labels_a_text_are_refused(tmp_path: Path) -> None:
    words = Verbalizer({"yes": ["yes"], "no": ["no"]})
    task = Task(
        "both", ["a", "b"], ["text"], [PVP("{text} {label}? {mask}", words)], kind="multi-label"
    )
    with pytest.raises(DataError, match="several labels"):
        new_labelling(tmp_path, task=task)


def test_a_reader_that_fails_is_told_and_labelling_goes_on(labelling: Labelling) -> None:
    def broken() -> None:
        raise DataError("The model is not there.", "Get it.")

    session = session_of(labelling)
    session.learner._make_reader = broken  # type: ignore[assignment]
    session.learner.start()
    session.learner._thread.join(timeout=30)
    assert "The model is not there" in session.status(ANNA)["error"]
    label_some_without_model = session.next(TAB, ANNA)
    assert label_some_without_model is not None
