"""What every configuration is: settings that are declared once and checked when it is made."""

from __future__ import annotations

from dataclasses import field, fields, is_dataclass
from typing import Any, get_args

from pet.errors import UsageError, did_you_mean


def setting(
    default: Any, text: str, choices: Any = None, low: float | None = None, decides: bool = True
) -> Any:
    """Declare one setting: default, help text, allowed values or smallest value.

    One that does not decide a result but where it is computed is no part of what a run was asked.
    """
    values = get_args(choices) if choices is not None else None
    known = {"help": text, "choices": values, "low": low, "decides": decides}
    return field(default=default, metadata=known)


def deciding(config: Any) -> dict[str, Any]:
    """`dataclasses.asdict` of the settings that decide a result."""
    own = {f.name: getattr(config, f.name) for f in fields(config) if f.metadata.get("decides", 1)}
    return {name: deciding(v) if is_dataclass(v) else v for name, v in own.items()}


class Checked:
    """Validates a configuration once, when it is made."""

    def __post_init__(self) -> None:
        for item in fields(self):  # type: ignore[arg-type]
            value = getattr(self, item.name)
            choices, low = item.metadata.get("choices"), item.metadata.get("low")
            for own in value if isinstance(value, tuple) else (value,):
                if choices and own not in choices:
                    raise UsageError(
                        f"{item.name}={own!r} is unknown.", did_you_mean(str(own), choices)
                    )
            if isinstance(value, tuple) and (not value or len(set(value)) < len(value)):
                raise UsageError(
                    f"{item.name} must be one or more different values, not {value!r}."
                )
            if low is None or value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int | float) or not value >= low:
                raise UsageError(f"{item.name} must be a number from {low:g}, not {value!r}.")
            if str(item.type).startswith("int") and value != int(value):
                raise UsageError(f"{item.name} must be a whole number, not {value!r}.")
