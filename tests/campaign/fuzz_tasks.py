"""Random patterns and verbalizers: each is taken and keeps everything, or is refused shortly."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from three_tokenizers import bert, bpe

from campaign.outcomes import Tally
from campaign.shrinking import smallest
from pet.encoding import Chunk, Encoder, TextTokenizer
from pet.errors import PatternError, PetError, VerbalizerError
from pet.task import Pattern, Verbalizer
from pet.task.parts import Mask, written

LONGEST_MESSAGE = 6000  # the names of twenty columns fit
PIECES = [
    "{text}", "{mask}", "{a}", "{b:keep}", "{text:head}", "{text:middle}", "{sep}", "{label}",
    "{soft}", "{soft:3}", "{soft:'It was'}", '{soft:"a\'b"}', "{soft#q:2}", "{soft#q}", "{{", "}}",
    "{", "}", ":", "#", "'", '"', "\\", " ", "\n", "\t", "\r", "\0", "\ufeff", "\ud83d", "\udc00",
    "{soft:1000}", "{soft:1001}", "{soft:0}", "{soft:-1}", "{soft:٣}", "{soft:'\\ud800'}", "很好",
    "שלום", "สวัสดี", "e\u0301", "👩\u200d👩\u200d👧", "\u202e", "\x1b[2J", "{text!r}",
    "{0}", "{}", "{:}",
    "{soft:'a'+'b'}", "{soft:(((((", "{soft:[[[[", "None", "great", "It was ", "?", ".", "１２",
]  # fmt: skip
LONG = ["9" * 5000, "{soft:" + "9" * 400 + "}", "x" * 3000, "-+" * 2000, "(" * 3000, "{" * 999]


def text(chance: random.Random, most: int = 8) -> str:
    """Return a random text: pieces of the language, any characters, at times something long."""
    parts = []
    for _ in range(chance.randint(0, most)):
        kind = chance.random()
        if kind < 0.75:
            parts.append(chance.choice(PIECES))
        elif kind < 0.998:
            parts.append(chr(chance.choice([chance.randint(0, 255), chance.randint(0, 0x10FFFF)])))
        else:
            parts.append(chance.choice(LONG))
    return "".join(parts)


def template(chance: random.Random) -> str:
    """Return a random template; half have what a pattern needs."""
    found = text(chance)
    if chance.random() < 0.5:
        found = "{text}" + found + "{mask}"
    if chance.random() < 0.3 and found:
        at = chance.randrange(len(found))
        found = found[:at] + chance.choice(PIECES) + found[at + chance.randint(0, 3) :]
    return found


def tried(make: Callable[[], str], refusal: type[PetError]) -> tuple[str, bool]:
    """Return the outcome of a trial, and whether it is one that must not be."""
    try:
        return make(), False
    except AssertionError as error:
        return f"wrong: {error}"[:80], True
    except refusal as error:
        if len(str(error)) > LONGEST_MESSAGE:
            return "a message without an end", True
        return "refused", False
    except Exception as error:
        return type(error).__name__, True


def read_pattern(given: str) -> str:
    """Parse a template; what is taken must survive being written down and shown."""
    pattern = Pattern(given)
    assert pattern.parts.count(Mask()) == 1, "not one mask"
    again = Pattern("".join(map(written, pattern.parts)))
    assert again.parts == pattern.parts, "another pattern when it is written"
    example = dict.fromkeys(pattern.fields, "x")
    pattern.render(example).encode()
    for tokenizer in _tokenizers():
        encoder = Encoder(tokenizer, pattern.parts, 100_000, labels=("good", "bad"), answer="good")
        encoded = encoder.encode(Chunk(tokenizer, [example]))
        assert encoded.ids.flat[encoded.masks].tolist() == [[tokenizer.mask_id]], "no mask in a row"
    return "taken"


@cache
def _tokenizers() -> tuple[TextTokenizer, ...]:
    """Return one that keeps white space, and one that does not."""
    return bpe()[1], bert()[1]


def fuzz_patterns(seed: int, count: int) -> Tally:
    """Parse random templates."""
    chance, tally = random.Random(seed), Tally("patterns")
    for _ in range(count):
        given = template(chance)
        outcome, failed = tried(lambda given=given: read_pattern(given), PatternError)  # type: ignore[misc]
        if failed:

            def fails(shorter: str, expected: str = outcome) -> bool:
                return tried(lambda: read_pattern(shorter), PatternError) == (expected, True)

            tally.fail("template", outcome, f"Pattern({smallest(given, fails)!r})")
        else:
            tally.count("template", outcome)
    return tally.end()


LABELS: list[Any] = ["good", "bad", "1", 1, 1.0, True, "True", "", " ", "gut", "好", "\ud800", None]
ODD: list[Any] = [
    None, True, 0, -1, 3, 1e400, -0.0, math.nan, math.inf, 10**400, 10**6000, 1e-320, 1e38, "x",
    b"x", [], {}, (), {"a": 1}, ["a"], Decimal("0.5"), Decimal("NaN"), Fraction(1, 3), 2 + 3j,
    np.float32(2), np.int64(3), np.nan, object(), "x" * 100_000, [[[["a"]]]],
]  # fmt: skip
WORDS = [
    "great",
    "good",
    "bad",
    " bad",
    "awful",
    "so so",
    "好",
    "e\u0301",
    "\u00e9",
    "\ud83d",
    "",
    "\n",
    "x",
]


def words(chance: random.Random) -> Any:
    """Return what somebody could take for words of labels."""
    if chance.random() < 0.02:
        return chance.choice(ODD)
    given: dict[Any, Any] = {}
    for _ in range(chance.randint(0, 4)):
        label = chance.choice(LABELS) if chance.random() < 0.9 else text(chance, 3)
        chosen = [
            chance.choice(WORDS) if chance.random() < 0.7 else text(chance, 2)
            for _ in range(chance.randint(0, 4))
        ]
        odd = chance.random()
        if odd < 0.04:
            given[label] = chance.choice(ODD)
        elif odd < 0.5:
            given[label] = [*chosen, *([chance.choice(ODD)] if odd < 0.06 else [])]
        else:
            given[label] = {
                word: chance.choice(ODD) if chance.random() < 0.05 else chance.uniform(0.01, 5)
                for word in chosen
            }
    return given


def make_verbalizer(given: Any) -> str:
    """Make a verbalizer; it must have every label and word that it was given."""
    verbalizer = Verbalizer(given)
    assert len(verbalizer.words) == len(given), "a label was lost"
    for asked, kept in zip(given.values(), verbalizer.words.values(), strict=True):
        assert len(asked) == len(kept), "a word was lost"
        assert all(0 < np.float32(weight) < np.inf for weight in kept.values()), "no weight"
    plain = json.dumps({label: dict(kept) for label, kept in verbalizer.words.items()})
    plain.encode()
    assert Verbalizer(json.loads(plain)) == verbalizer, "another verbalizer when it is read"
    return "taken"


def fuzz_verbalizers(seed: int, count: int) -> Tally:
    """Make verbalizers of random values."""
    chance, tally = random.Random(seed), Tally("verbalizers")
    for _ in range(count):
        given = words(chance)
        outcome, failed = tried(lambda given=given: make_verbalizer(given), VerbalizerError)  # type: ignore[misc]
        if failed:
            while isinstance(given, dict) and len(given) > 1:  # leave out labels
                fewer = [{k: v for k, v in given.items() if k is not out} for out in given]
                failing = [
                    some
                    for some in fewer
                    if tried(lambda some=some: make_verbalizer(some), VerbalizerError)  # type: ignore[misc]
                    == (outcome, True)
                ]
                if not failing:
                    break
                given = failing[0]
            tally.fail("values", outcome, f"Verbalizer({given!r:.300})")
        else:
            tally.count("values", outcome)
    return tally.end()


def damaged(chance: random.Random, content: bytes) -> bytes:
    """Return bytes with some changed, cut, doubled or put in."""
    for _ in range(chance.choice([0, 1, 1, 1, 2, 5])):
        at = chance.randrange(len(content) + 1)
        match chance.randrange(7):
            case 0:
                content = content[:at]
            case 1 if content:
                at = min(at, len(content) - 1)
                flipped = content[at] ^ (1 << chance.randrange(8))
                content = content[:at] + bytes([flipped]) + content[at + 1 :]
            case 2:
                content = content[:at] + chance.randbytes(chance.randint(1, 8)) + content[at:]
            case 3:
                content = content[:at] + content[max(0, at - 20) :]
            case 4:
                put = [
                    b"\0",
                    b"\xef\xbb\xbf",
                    b"\r",
                    b'"',
                    b"\\ud800",
                    b"\\",
                    b"{",
                    b"]",
                    b",",
                    b"NaN",
                ]
                content = content[:at] + chance.choice(put) + content[at:]
            case 5:
                long = [b"[" * 3000, b"9" * 5000, b"x" * 3000, b'{"a":' * 2000, b"1e999", b"-"]
                content = content[:at] + chance.choice(long) + content[at:]
            case 6 if chance.random() < 0.1:
                content = chance.randbytes(chance.randint(0, 300))
    return content


def load_verbalizer(path: Path, content: bytes) -> str:
    """Load a file; a label or word that stands there twice must not be lost."""
    path.write_bytes(content)
    verbalizer = Verbalizer.load(path)
    pairs: list[tuple[str, Any]] = json.loads(content, object_pairs_hook=list)
    assert len(pairs) == len(verbalizer.words), "a label was lost"
    for (_, asked), kept in zip(pairs, verbalizer.words.values(), strict=True):
        assert len(asked) == len(kept), "a word was lost"
    return "taken"


def fuzz_verbalizer_files(seed: int, count: int, folder: Path) -> Tally:
    """Load damaged JSON files."""
    chance, tally = random.Random(seed), Tally("verbalizer files")
    path = folder / "words.json"
    whole = [
        {"good": ["great", "fine"], "bad": {"awful": 1, "poor": 2.5}},
        {"好": ["很好", "不错"], "差": ["糟糕"]},
        {"1": ["one"], "2": {"two": 0.1}},
    ]
    for _ in range(count):
        plain = json.dumps(chance.choice(whole), ensure_ascii=chance.random() < 0.5)
        content = damaged(chance, plain.encode(chance.choice(["utf-8", "utf-8-sig", "utf-16"])))
        outcome, failed = tried(
            lambda content=content: load_verbalizer(path, content),  # type: ignore[misc]
            VerbalizerError,
        )
        if failed:

            def fails(shorter: bytes, expected: str = outcome) -> bool:
                return tried(lambda: load_verbalizer(path, shorter), VerbalizerError) == (
                    expected,
                    True,
                )

            shortest = smallest(content, fails)
            tally.fail("file", outcome, f"Verbalizer.load of a file with {shortest!r:.300}")
        else:
            tally.count("file", outcome)
    return tally.end()
