"""Keys: from a file or the environment, never too short, never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from pet.errors import UsageError
from pet.serving.keys import Keys, key_of


def test_keys_come_from_a_file_or_else_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PET_API_KEYS", raising=False)
    assert not Keys.given()
    monkeypatch.setenv("PET_API_KEYS", " first-key-of-ours, second-key-of-ours\n")
    keys = Keys.given()
    assert keys.opens("first-key-of-ours")
    assert keys.opens("second-key-of-ours")
    assert not keys.opens("")
    (tmp_path / "keys").write_text("# who: a program\nthird-key-of-ours\n\n", encoding="utf-8")
    keys = Keys.given(str(tmp_path / "keys"))
    assert keys.opens("third-key-of-ours")
    assert not keys.opens("first-key-of-ours")


def test_a_file_of_keys_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("first-key-of-ours\n", encoding="utf-8")
    keys = Keys.given(str(file))
    file.write_text("second-key-of-ours\n", encoding="utf-8")
    keys.read_again()
    assert keys.opens("second-key-of-ours")
    assert not keys.opens("first-key-of-ours")
    for wrong in ("short\n", "# none\n"):
        file.write_text(wrong, encoding="utf-8")
        with pytest.raises(UsageError):
            keys.read_again()
        assert keys.opens("second-key-of-ours")
    other = Keys(["third-key-of-ours"])
    other.read_again()
    assert other.opens("third-key-of-ours")


def test_a_short_key_is_refused_and_not_shown(tmp_path: Path) -> None:
    for key in ("short", "long enough but blank", "schlüssel-mit-umlaut"):
        with pytest.raises(UsageError, match="Key 2 has") as refused:
            Keys(["a-key-that-is-long-enough", key])
        assert key not in str(refused.value)
    (tmp_path / "keys").write_text("# none\n", encoding="utf-8")
    with pytest.raises(UsageError, match="no key"):
        Keys.given(str(tmp_path / "keys"))
    (tmp_path / "keys").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="cannot be read"):
        Keys.given(str(tmp_path / "keys"))
    with pytest.raises(UsageError, match="cannot be read"):
        Keys.given(str(tmp_path / "missing"))


def test_every_key_is_compared_whatever_the_first_says(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bytes] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append(other)
        return one == other

    keys = Keys(["first-key-of-ours", "second-key-of-ours"])
    monkeypatch.setattr("pet.serving.keys.hmac.compare_digest", compare)
    assert keys.opens("first-key-of-ours")
    assert not keys.opens(None)
    assert len(compared) == 4
    assert {len(hashed) for hashed in compared} == {32}


def test_the_key_of_a_request() -> None:
    assert key_of("Bearer abc", None) == "abc"
    assert key_of("bearer  abc ", None) == "abc"
    assert key_of(None, "abc") == "abc"
    assert key_of("Basic abc", None) is None
    assert key_of("Bearer ", None) is None
    assert key_of(None, None) is None
