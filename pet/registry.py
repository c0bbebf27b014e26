"""Registries: named entries of one sort, to which other packages can add."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from pet.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

T = TypeVar("T")
_REGISTRIES: dict[str, Registry[Any]] = {}


class UnknownName(UsageError, KeyError):
    """A name that a registry does not know."""

    __str__ = Exception.__str__  # KeyError shows its message quoted


class Registry(Mapping[str, T]):
    """Named entries of one sort: those of `pet`, and those that other packages add.

    An installed package adds an entry by an entry point of the group ``pet.<group>``, a program by
    `register`. Entry points are listed without being imported; one is imported when its name is
    looked up.

    Parameters
    ----------
    group : str
        Name of the registry, in the plural: "readouts".
    noun : str
        Name of an entry, for messages: "readout".
    entries : mapping
        The entries of `pet` itself.
    holds : type, optional
        Class of the entries, if they are objects.
    subclasses_of : type, optional
        Base class of the entries, if they are classes.
    arguments : sequence of str
        Names of the positional arguments of the entries, if they are functions.

    Examples
    --------
    >>> shapes = Registry("shapes", "shape", {"disc": max}, arguments=("width", "height"))
    >>> shapes["dics"]
    Traceback (most recent call last):
    ...
    pet.registry.UnknownName: Unknown shape 'dics'.
      Did you mean 'disc'?
    """

    def __init__(
        self,
        group: str,
        noun: str,
        entries: Mapping[str, T],
        *,
        holds: type | None = None,
        subclasses_of: type | None = None,
        arguments: tuple[str, ...] = (),
    ) -> None:
        self.noun = noun
        self._group = group
        self._holds, self._subclasses_of, self._arguments = holds, subclasses_of, arguments
        self._entries: dict[str, T] = {}
        for name, entry in entries.items():
            self._add(name, entry, "")
        self._built_in = tuple(self._entries)
        _REGISTRIES[group] = self

    def register(self, name: str, entry: T) -> T:
        """Add an entry and return it.

        Raises
        ------
        UsageError
            When the name is taken, or the entry is not of the right type.
        """
        if name in self._plug_ins():
            raise self._taken(name, "")
        return self._add(name, entry, "")

    @property
    def built_in(self) -> tuple[str, ...]:
        """Names of the entries of `pet` itself."""
        return self._built_in

    def __getitem__(self, name: str) -> T:
        if name not in self._entries:
            plug_in = self._plug_ins().get(name)
            if plug_in is None:
                raise UnknownName(f"Unknown {self.noun} {name!r}.", did_you_mean(str(name), self))
            self._add(name, self._imported(plug_in), _from_package(plug_in))
        return self._entries[name]

    def __contains__(self, name: object) -> bool:
        return name in self._entries or name in self._plug_ins()

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*self._entries, *self._plug_ins()]))

    def __len__(self) -> int:
        return len({*self._entries, *self._plug_ins()})

    def _add(self, name: str, entry: Any, source: str) -> T:
        if name in self._entries:
            raise self._taken(name, source)
        if not isinstance(name, str) or not name or name != name.strip() or "," in name:
            raise UsageError(
                f"{name!r}{source} cannot name a {self.noun}.",
                "Expected a text without commas, such as 'my-own'.",
            )
        expected = self._expected(entry)
        if expected is not None:
            raise UsageError(
                f"The {self.noun} {name!r}{source} must be {expected}, found {entry!r}."
            )
        self._entries[name] = entry
        return entry  # type: ignore[no-any-return]

    def _expected(self, entry: Any) -> str | None:
        """Describe the entry that was expected; None if this one is good."""
        if self._holds is not None:
            description = f"an object of the class {self._holds.__name__}"
            return None if isinstance(entry, self._holds) else description
        if (base := self._subclasses_of) is not None:
            derived = isinstance(entry, type) and issubclass(entry, base)
            return None if derived else f"a subclass of {base.__name__}"
        description = f"a function of ({', '.join(self._arguments)})"
        if not callable(entry):
            return description
        return None if _takes(entry, len(self._arguments)) else description

    def _plug_ins(self) -> dict[str, EntryPoint]:
        """Return the entry points of other packages by name; refuse a name that is taken."""
        plug_ins = _entry_points(self._group)
        for name, plug_in in plug_ins.items():
            if name in self._built_in:
                raise self._taken(name, _from_package(plug_in))
        return plug_ins

    def _taken(self, name: str, source: str) -> UsageError:
        return UsageError(
            f"There is a {self.noun} {name!r} already; another one{source} cannot have its name.",
            "Register it under another name.",
        )

    def _imported(self, plug_in: EntryPoint) -> Any:
        try:
            return plug_in.load()
        except Exception as error:
            raise UsageError(
                f"The {self.noun} {plug_in.name!r}{_from_package(plug_in)} cannot be imported: "
                f"{type(error).__name__}: {error}",
                "Repair or uninstall that package.",
            ) from error


@dataclass(frozen=True)
class Names:
    """Names that a setting takes: fixed ones, and those of a registry.

    ``built_in`` repeats the names that `pet` itself registers, so that settings are checked
    without importing the entries. Without a ``group`` there are no others.
    """

    built_in: tuple[str, ...]
    group: str | None = None

    def all(self) -> tuple[str, ...]:
        """Return all names; no entry is imported."""
        if self.group is None:
            return self.built_in
        others = _REGISTRIES.get(self.group) or _entry_points(self.group)
        return tuple(dict.fromkeys([*self.built_in, *others]))


@cache
def _entry_points(group: str) -> dict[str, EntryPoint]:
    """Return the entry points of the group ``pet.<group>`` by name, sorted.

    Raises
    ------
    UsageError
        When two packages use one name.
    """
    from importlib.metadata import entry_points

    plug_ins: dict[str, EntryPoint] = {}
    for plug_in in sorted(entry_points(group=f"pet.{group}"), key=lambda point: point.name):
        other = plug_ins.setdefault(plug_in.name, plug_in)
        if other.value != plug_in.value:
            raise UsageError(
                f"{plug_in.name!r} in pet.{group} is defined twice:{_from_package(other)} and"
                f"{_from_package(plug_in)}.",
                "Uninstall one of these packages.",
            )
    return plug_ins


def _from_package(plug_in: EntryPoint) -> str:
    package = plug_in.dist.name if plug_in.dist else plug_in.module
    return f" from the package {package!r}"


def _takes(function: Callable[..., Any], count: int) -> bool:
    """Tell whether a function can be called with ``count`` positional arguments."""
    try:
        inspect.signature(function).bind(*range(count))
    except TypeError:
        return False
    except ValueError:  # functions in C may have no signature
        return True
    return True
