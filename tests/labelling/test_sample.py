"""The random sample: what was drawn at random stays so, unless its guess was told before."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from labelled import label_some, new_labelling, pool, session_of, truth, work

from pet.errors import DataError, RunError
from pet.labelling.bulk import Bulks
from pet.labelling.drawing import AGAIN, BULK, CHOSEN, OPENED, RANDOM
from pet.labelling.labelling import Labelling
from pet.labelling.session import Session, Shown

TAB, ANNA, BOB = "tab-of-anna", "anna", "bob"


@pytest.fixture
def labelling(tmp_path: Path) -> Labelling:
    return new_labelling(tmp_path / "labelling", pool(200))


@pytest.fixture
def session(labelling: Labelling) -> Session:
    made = session_of(labelling)
    work(made)
    return made


def shown(session: Session, drawn: str, tab: str = TAB, who: str = ANNA) -> Shown:
    """Label on until a text comes that is drawn so."""
    for _ in range(20):
        text = session.next(tab, who)
        assert text is not None
        if text.drawn == drawn:
            return text
        session.answer(text.text.number, tab, who, "positive")
    raise AssertionError(f"No text is {drawn}.")


def drawn_of(session: Session, number: int) -> list[tuple[str, str]]:
    rows = session.clicks.answers_about([number])
    return [(row["annotator"], row["drawn"]) for row in rows]


def asked(session: Session) -> int:
    """Number of texts that the accuracy is of, after all clicks."""
    session.learner.round = None
    work(session)
    latest = session.learner.round
    assert latest is not None
    return latest.accuracy.asked


def test_a_random_text_that_is_put_right_stays_in_the_sample(session: Session) -> None:
    number = shown(session, RANDOM).text.number
    session.answer(number, TAB, ANNA, "positive")
    assert asked(session) == 1
    assert session.open(number, TAB, ANNA).drawn == OPENED  # its guess was told before
    session.answer(number, TAB, ANNA, "negative")
    assert drawn_of(session, number) == [(ANNA, RANDOM)]
    assert asked(session) == 1


def test_it_stays_there_when_a_second_person_labelled_it_meanwhile(session: Session) -> None:
    label_some(session, 10)
    text = shown(session, AGAIN, "tab-of-bob", BOB).text
    again, label = text.number, truth(text.fields["text"])
    assert drawn_of(session, again) == [(ANNA, RANDOM)]
    session.answer(again, "tab-of-bob", BOB, label)
    before = asked(session)
    session.open(again, TAB, ANNA)
    session.answer(again, TAB, ANNA, label)
    assert drawn_of(session, again) == [(BOB, AGAIN), (ANNA, RANDOM)]
    assert asked(session) == before


def test_what_was_accepted_in_bulk_and_then_read_was_looked_for(session: Session) -> None:
    made = Bulks(session, 13)
    label_some(session, 10)
    offer = made.offer(0.5)
    made.accept(offer.name, {t.number: offer.guesses[t.number][0] for t in offer.sample}, TAB, ANNA)
    number = next(row["text"] for row in session.clicks.answers() if row["drawn"] == BULK)
    session.open(number, TAB, ANNA)
    session.answer(number, TAB, ANNA, "negative")
    assert drawn_of(session, number) == [(ANNA, OPENED)]


def test_an_answer_that_could_not_be_kept_is_given_again_as_it_was_drawn(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = shown(session, RANDOM)

    def full(click: object) -> None:
        raise RunError("The disk is full.")

    with monkeypatch.context() as patched, pytest.raises(RunError):
        patched.setattr(session.clicks, "answer", full)
        session.answer(text.text.number, TAB, ANNA, "positive")
    was = session.answer(text.text.number, TAB, ANNA, "positive")
    assert was == text
    assert drawn_of(session, text.text.number) == [(ANNA, RANDOM)]


def test_a_poll_that_overlaps_an_answer_changes_no_text(
    labelling: Labelling, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = session_of(labelling)  # which has no guess yet
    text = session.next(TAB, ANNA)
    assert text is not None
    guess = session.guess
    following: list[Shown | None] = []

    def slow(place: int) -> tuple[str, float] | None:
        monkeypatch.setattr(session, "guess", guess)
        session.answer(text.text.number, TAB, ANNA, "positive")
        following.append(session.next(TAB, ANNA))
        return guess(place)

    monkeypatch.setattr(session, "guess", slow)
    assert session.current(TAB) == following[0]
    assert following[0] is not None
    assert session.answer(following[0].text.number, TAB, ANNA, "positive") == following[0]
    assert drawn_of(session, following[0].text.number) == [(ANNA, RANDOM)]


def test_what_is_answered_again_after_the_guess_was_told_is_not_counted(session: Session) -> None:
    text = shown(session, RANDOM)
    session.answer(text.text.number, TAB, ANNA, "negative")
    back = session.undo(TAB, ANNA)
    assert back is not None
    assert (back.text, back.drawn, back.hides_guess) == (text.text, OPENED, False)
    session.answer(text.text.number, TAB, ANNA, "positive")
    assert drawn_of(session, text.text.number) == [(ANNA, OPENED)]
    assert asked(session) == 0


def test_a_guess_that_was_not_told_leaves_it_random(session: Session) -> None:
    text = shown(session, RANDOM)
    session.answer(text.text.number, TAB, ANNA, None)
    assert session.open(text.text.number, TAB, ANNA).hides_guess  # as it was when it was skipped
    assert session.undo(TAB, ANNA) == text
    assert session.open(text.text.number, TAB, ANNA) == text  # it is shown already
    session.answer(text.text.number, TAB, ANNA, "positive")
    assert drawn_of(session, text.text.number) == [(ANNA, RANDOM)]


def test_a_checked_sample_that_could_not_be_kept_can_be_sent_again(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Bulks(session, 13)
    label_some(session, 10)
    offer = made.offer(0.5)
    checked = {text.number: offer.guesses[text.number][0] for text in offer.sample}

    def full(clicks: object) -> None:
        raise RunError("The disk is full.")

    with monkeypatch.context() as patched, pytest.raises(RunError):
        patched.setattr(session.clicks, "add", full)
        made.accept(offer.name, checked, TAB, ANNA)
    count, accuracy = made.accept(offer.name, checked, TAB, ANNA)
    assert count == len(offer.guesses)
    assert offer.at_most[0] == pytest.approx(1 - accuracy.low)
    assert offer.at_most == sorted(offer.at_most)
    assert offer.at_most[-1] == 1
    with pytest.raises(DataError, match="too old"):
        made.accept(offer.name, checked, TAB, ANNA)


def test_skipped_texts_hold_no_places(tmp_path: Path) -> None:
    labelling = new_labelling(tmp_path, pool(1400))
    session = session_of(labelling)
    assert len(session.aside) == 280
    skipped = labelling.texts.numbers(range(110)) + labelling.texts.numbers(range(280, 1300))
    with labelling.database.writing() as writer:
        skip(writer, skipped)
    for _ in range(3):  # at random, and without a model one of the rest
        text = session.next(TAB, ANNA)
        assert text is not None
        assert text.text.number not in skipped
        session.answer(text.text.number, TAB, ANNA, "positive")
    with labelling.database.writing() as writer:
        skip(writer, labelling.texts.numbers(range(280)))
    text = session.next(TAB, ANNA)
    assert text is not None
    assert text.text.place >= 1300
    work(session)
    latest = session.learner.round
    assert latest is not None
    assert len(latest.queue) > 0
    assert not set(labelling.texts.numbers(latest.queue)) & set(skipped)


def skip(writer: sqlite3.Connection, numbers: list[int]) -> None:
    writer.executemany(
        "INSERT INTO clicks (text, annotator, tab, action, sure, drawn, time) "
        "VALUES (?, 'anna', 'tab-of-anna', 'skip', 1, ?, 0)",
        [(number, CHOSEN) for number in numbers],
    )


def test_labels_that_are_put_right_make_a_new_model(session: Session) -> None:
    label_some(session, 20)
    before = session.learner.round
    wrong = [row["text"] for row in session.clicks.answers()][:5]
    for number in wrong:
        session.open(number, TAB, ANNA)
        session.answer(number, TAB, ANNA, "negative")
    work(session)
    assert session.learner.round is not before
    latest = session.learner.round
    for _ in range(5):
        session.undo(TAB, ANNA)
    work(session)
    assert session.learner.round is not latest


def test_polls_count_again_only_after_a_click(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    label_some(session, 10)
    label_some(session, 10, "tab-of-bob", BOB)
    status = session.status(ANNA)
    assert status["labelled"] == sum(status["balance"].values()) == 19  # one by both
    assert (status["mine"], session.status(BOB)["mine"]) == (10, 10)

    def counted() -> None:
        raise AssertionError("It was counted again.")

    monkeypatch.setattr(session._tallies, "_counted", counted)
    assert session.status(ANNA) == status
    session.undo("tab-of-bob", BOB)
    with pytest.raises(AssertionError, match="counted again"):
        session.status(ANNA)
    monkeypatch.undo()
    assert session.status(BOB)["mine"] == 9
