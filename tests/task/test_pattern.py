"""The template language: what parses to what, and errors that point at the place."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pet.errors import PatternError
from pet.task import Pattern
from pet.task.parts import Field, Mask, Separator, Soft, Words, input_parts


@pytest.mark.parametrize(
    ("template", "parts"),
    [
        ("{text} It was {mask}.", (Field("text"), Words(" It was "), Mask(), Words("."))),
        (
            "{premise}?{sep}{mask}, {hypothesis}",
            (
                Field("premise"), Words("?"), Separator(), Mask(), Words(", "), Field("hypothesis"),
            ),
        ),
        (
            "{title:keep} {body:head}{tail:tail}{middle:middle}{mask}",
            (
                Field("title", keep=True), Words(" "), Field("body", cut="head"), Field("tail"),
                Field("middle", cut="middle"), Mask(),
            ),
        ),
        (
            "{soft:3} {text} {soft:'It was'}{soft}{mask}",
            (
                Soft(3), Words(" "), Field("text"), Words(" "), Soft(1, "It was"), Soft(), Mask(),
            ),
        ),
        ("{{a}} {text}{mask}", (Words("{a} "), Field("text"), Mask())),
        ("{{{text}}}{mask}", (Words("{"), Field("text"), Words("}"), Mask())),
        ("{ text }{ mask }", (Field("text"), Mask())),
        ("{soft:'a } brace'}{text}{mask}", (Soft(1, "a } brace"), Field("text"), Mask())),
        ('{soft:"it\'s"}{text}{mask}', (Soft(1, "it's"), Field("text"), Mask())),
    ],
)  # fmt: skip
def test_template_becomes_parts(template: str, parts: tuple[object, ...]) -> None:
    assert Pattern(template).parts == parts


def test_fields_are_named_once_in_order_of_appearance() -> None:
    assert Pattern("{b} {a} {mask} {b}").fields == ("b", "a")


def test_patterns_with_the_same_template_are_equal() -> None:
    assert Pattern("{text} {mask}") == Pattern("{text} {mask}")
    assert Pattern("{text} {mask}") != Pattern("{mask} {text}")
    assert len({Pattern("{text} {mask}"), Pattern("{text} {mask}")}) == 1


@pytest.mark.parametrize(
    ("template", "soft"), [("{text}{mask}", False), ("{soft}{text}{mask}", True)]
)
def test_is_soft_tells_whether_there_are_learned_tokens(template: str, soft: bool) -> None:
    assert Pattern(template).is_soft is soft


def test_rendering_fills_every_kind_of_part() -> None:
    pattern = Pattern("{{{a}}}{sep}{soft:'It was'} {soft:2} {mask}!")
    shown = pattern.render({"a": "{x}"}, mask="<m>", separator="<s>")
    assert shown == "{{x}}<s><It was> <2> <m>!"


@pytest.mark.parametrize(
    ("template", "problem", "caret"),
    [
        ("a } {text}{mask}", "'}' without '{'", 2),
        ("{text} {mask", "never closed", 7),
        ("{text {mask}", "never closed", 0),
        ("{soft:'oops} {text}{mask}", "never closed", 0),
        ("{text} {mask} {mask}", "a second {mask}", 14),
        ("{a}{sep}{b}{sep}{mask}", "a second {sep}", 11),
        ("{text} word", "no {mask}", 11),
        ("only {mask}", "no text field", 11),
        ("{} {mask}", "expected a field name, found ''", 1),
        ("{2x}{mask}", "found '2x'", 1),
        ("{a.b}{mask}", "found 'a.b'", 1),
        ("{text!r}{mask}", "found 'text!r'", 1),
        ("{text:}{mask}", "nothing after 'text:'", 1),
        ("{text}{mask:3}", "{mask} takes no option", 7),
        ("{text}{sep:3}{mask}", "{sep} takes no option", 7),
        ("{text:tall}{mask}", "unknown option 'tall'", 1),
        ("{text}{soft:0}{mask}", "soft takes", 7),
        ("{text}{soft:-1}{mask}", "soft takes", 7),
        ("{text}{soft:²}{mask}", "soft takes", 7),
        ("{text}{soft:''}{mask}", "soft takes", 7),
        ("{text}{soft:'a' + 1}{mask}", "soft takes", 7),
        ("{text}{soft:'a' b}{mask}", "soft takes", 7),
        ("{text}{soft:words}{mask}", "soft takes", 7),
        ("{text}{soft:1001}{mask}", "a soft slot has at most 1000 learned tokens", 7),
        ("{text}{soft:999999999}{mask}", "a soft slot has at most 1000", 7),
        ("{text}{soft:'\\ud800'}{mask}", "half of a surrogate pair", 7),
    ],
)
def test_error_shows_the_template_with_a_caret_under_the_place(
    template: str, problem: str, caret: int
) -> None:
    with pytest.raises(PatternError) as caught:
        Pattern(template)
    first, shown, marker = str(caught.value).splitlines()
    assert problem in first
    assert shown == "    " + template
    assert marker == " " * (4 + caret) + "^"


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("{soft:" + "9" * 5000 + "}{text}{mask}", "at most 1000"),
        # What Python's own parser gives up on, though each is short enough to type.
        ("{soft:'a' + " + "-+" * 50_000 + "1}{text}{mask}", "soft takes"),
        ("{soft:'a'" + "(" * 50_000 + "}{text}{mask}", "soft takes"),
        ("{" + "x y" * 50_000 + "}{text}{mask}", "expected a field name"),
        ("{text:" + "x" * 50_000 + "}{mask}", "unknown option"),
        ("x" * 50_000 + "}" + "y" * 50_000, "'}' without '{'"),
        ("{text} \ud800 {mask}", "half of a surrogate pair"),
        (None, "expected text with slots, found None"),
        (7, "expected text with slots, found 7"),
    ],
)
def test_no_template_is_too_long_or_too_strange_for_a_short_message(
    template: Any, problem: str
) -> None:
    with pytest.raises(PatternError, match=problem) as caught:
        Pattern(template)
    assert len(str(caught.value)) < 800


def test_the_longest_soft_slot_has_a_thousand_tokens() -> None:
    assert Soft(1000) in Pattern("{text}{soft:1000}{mask}").parts


def test_the_caret_stands_under_a_character_that_is_two_columns_wide() -> None:
    with pytest.raises(PatternError) as caught:
        Pattern("\u5f88\u597d } {text}{mask}")
    assert str(caught.value).splitlines()[2] == "    \u3000\u3000 ^"


def test_the_shown_template_cannot_change_the_terminal() -> None:
    with pytest.raises(PatternError) as caught:
        Pattern("\x1b[2J } {text}{mask}")
    assert "\x1b" not in str(caught.value)


def test_caret_stays_in_place_when_the_template_has_several_lines() -> None:
    with pytest.raises(PatternError) as caught:
        Pattern("{text}\nIs it } {mask}?")
    _, shown, marker = str(caught.value).splitlines()
    assert shown[marker.index("^")] == "}"


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="{}: abmskeoft'\"\\123²\n", max_size=30))
def test_any_text_parses_or_is_refused_with_a_pattern_error(template: str) -> None:
    try:
        parts = Pattern(template).parts
    except PatternError:
        return
    assert sum(isinstance(part, Mask) for part in parts) == 1
    assert any(isinstance(part, Field) for part in parts)


@settings(max_examples=100, deadline=None)
@given(before=st.text(max_size=20), after=st.text(max_size=20), value=st.text(max_size=20))
def test_any_words_survive_when_their_braces_are_doubled(
    before: str, after: str, value: str
) -> None:
    def escape(words: str) -> str:
        return words.replace("{", "{{").replace("}", "}}")

    pattern = Pattern(f"{escape(before)}{{text}}{escape(after)}{{mask}}")
    assert pattern.render({"text": value}, mask="M") == f"{before}{value}{after}M"


@pytest.mark.parametrize(
    ("fields", "parts"),
    [
        (["a"], (Field("a"),)),
        (["a", "b"], (Field("a"), Separator(), Field("b"))),
        (["a", "b", "c"], (Field("a"), Separator(), Field("b"), Words(" "), Field("c"))),
    ],
)
def test_plain_input_is_the_fields_in_two_segments(
    fields: list[str], parts: tuple[object, ...]
) -> None:
    assert input_parts(fields) == parts


def test_a_group_of_slots_is_named_once_and_repeated_by_its_name() -> None:
    parts = Pattern("{soft#q:2} {text} {soft#q} {mask} {soft #r: 'It was'}{soft#r}").parts
    assert [part for part in parts if isinstance(part, Soft)] == [
        Soft(2, None, "q"), Soft(2, None, "q"), Soft(1, "It was", "r"), Soft(1, "It was", "r"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("{soft#q:2} {text} {mask} {soft#q:3}", "the group 'q' was given before"),
        ("{soft#:2} {text} {mask}", "expected a field name"),
        ("{text#q} {mask}", "only soft takes a group"),
    ],
)
def test_groups_that_make_no_sense_are_refused(template: str, problem: str) -> None:
    with pytest.raises(PatternError, match=problem):
        Pattern(template)


def test_quoted_words_may_hold_quotes_and_braces() -> None:
    part = Pattern("{text} {soft:'it\\'s \"{so}\"'} {mask}").parts[2]
    assert part == Soft(text='it\'s "{so}"')
