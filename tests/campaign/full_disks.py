"""Full and read-only disks, at every write: one message; with room again, the same numbers."""

from __future__ import annotations

import errno
import mmap
import os
import random
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from campaign.outcomes import Tally
from campaign.processes import run
from campaign.world import Scene, World, differences, numbers

SCENES = ("train", "ipet", "single", "adapt", "bank", "predict", "study")
_ALWAYS = ("os.mkdir", "os.rename")
_READ_ONLY = (*_ALWAYS, "os.remove", "os.rmdir", "os.chmod")
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Refusing:
    """Makes the n-th write of a process fail, and those after it if the disk stays full.

    Python tells hooks of every file that is opened, made, renamed or removed; what is written in
    Rust is not among them, and is left to the small disks.

    Parameters
    ----------
    place : Path
        Only what lies in this folder counts.
    at : int
        Number of the first write that fails, from 1.
    code : int
        Error number.
    stays : bool
        Whether all writes after it fail too.
    """

    def __init__(self, place: Path, at: int, code: int, stays: bool) -> None:
        self.place, self.at, self.code, self.stays = str(place), at, code, stays
        # Shared with the forked process, which counts.
        self._done = mmap.mmap(-1, 8)

    @property
    def done(self) -> int:
        """Number of writes so far."""
        return int.from_bytes(self._done[:8], "little")

    def __call__(self) -> None:
        """Start, in the process that shall meet the errors."""
        sys.addaudithook(self._heard)

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = arguments
            writes = bool(flags & _WRITES) if isinstance(flags, int) else "w" in str(mode)
        elif event in ("os.mkdir", "os.rename") or (
            event in ("os.remove", "os.rmdir", "os.chmod") and self.code == errno.EROFS
        ):
            path, writes = arguments[0], True
        else:
            return
        if not writes or not isinstance(path, str | os.PathLike):
            return
        where = os.path.abspath(path)
        if not where.startswith(f"{self.place}{os.sep}out") and where != self.place:
            return
        self._done[:8] = (self.done + 1).to_bytes(8, "little")
        if self.done == self.at or (self.stays and self.done > self.at):
            raise OSError(self.code, os.strerror(self.code), where)


def refuse_writes(seed: int, count: int, world: World, names: Sequence[str] = SCENES) -> Tally:
    """Let every write of every command fail once, in turn, then all from it on."""
    chance, tally = random.Random(seed), Tally("writes refused")
    cases: list[tuple[str, int, int, bool]] = []
    for name in names:
        for at in range(1, _writes(world, world.scene(name)) + 1):
            for code, stays in ((errno.ENOSPC, False), (errno.ENOSPC, True), (errno.EROFS, True)):
                cases.append((name, at, code, stays))
    chance.shuffle(cases)
    for name, at, code, stays in cases[: count or None]:
        scene = world.scene(name)
        place = world.fresh(f"{name}-refused")
        what = f"{errno.errorcode[code]} {'from a write on' if stays else 'at one write'}"
        how = f"write {at} of {' '.join(map(str, scene.arguments))}"
        _judge(tally, world, scene, place, f"{name}: {what}", how, Refusing(place, at, code, stays))
    return tally.end()


def _writes(world: World, scene: Scene) -> int:
    """Count the writes of a command."""
    place = world.fresh(f"{scene.name}-counted")
    counting = Refusing(place, 10**9, errno.EROFS, False)
    run(scene.arguments, place, prepare=counting)
    return counting.done


def _judge(
    tally: Tally,
    world: World,
    scene: Scene,
    place: Path,
    kind: str,
    how: str,
    prepare: Callable[[], None] | None,
    room_again: Callable[[], None] = lambda: None,
) -> None:
    """Run a command that cannot write, then the same with room, and compare."""
    expected, _ = world.expected(scene)
    ended = run(scene.arguments, place, prepare=prepare)
    if ended.outcome not in ("done", "one message"):
        tally.fail(kind, ended.outcome, f"{how} -> {ended.last_line}")
        return
    if ended.outcome == "done":
        different = differences(numbers(place / "out"), expected)
        if different:
            tally.fail(kind, f"exit 0, but {different}", how)
            return
        tally.count(kind, "went on, same numbers")
        return
    left = [file.name for file in place.with_suffix(".tmp").iterdir()]
    if left:
        tally.fail(kind, "temporary files left", f"{how}: {left[:5]}")
        return
    room_again()
    again = run(scene.arguments, place)
    if again.outcome != "done":
        tally.fail(kind, f"with room again: {again.outcome}", f"{how} -> {again.last_line}")
        return
    different = differences(numbers(place / "out"), expected)
    if different:
        tally.fail(kind, f"with room again: {different}", how)
    else:
        tally.count(kind, "one message; with room again the same numbers")


def fill_disks(seed: int, count: int, world: World, names: Sequence[str] = SCENES) -> Tally:
    """Run commands on disks that are too small, or with files that may not grow."""
    chance, tally = random.Random(seed), Tally("full disks")
    is_allowed = _may_mount(world.folder)
    for number in range(count):
        scene = world.scene(names[number % len(names)])
        whole = world.expected(scene)  # so that the folder below is empty
        del whole
        size = _size(world, scene)
        place = world.fresh(f"{scene.name}-full")
        if is_allowed and chance.random() < 0.8:
            room = chance.randint(1, max(2, size // 4096)) * 4096
            with _mounted(place / "out", room) as disk:
                _judge(
                    tally, world, scene, place, f"{scene.name}: small disk", f"{room} bytes", None,
                    lambda disk=disk: _remount(disk),
                )  # fmt: skip
        else:
            room = chance.randint(1, size)
            limit = _Limit(room)
            _judge(tally, world, scene, place, f"{scene.name}: small files", f"{room} bytes", limit)
    return tally.end()


class _Limit:
    """Largest file that a process may write."""

    def __init__(self, room: int) -> None:
        self.room = room

    def __call__(self) -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.room, hard))


def _size(world: World, scene: Scene) -> int:
    """Bytes that a command leaves, and some for what it removes again."""
    folder = world.folder / f"{scene.name}-second" / "out"
    return 2 * sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _may_mount(folder: Path) -> bool:
    probe = folder / "probe"
    probe.mkdir(exist_ok=True)
    try:
        with _mounted(probe, 4096):
            return True
    except (OSError, subprocess.CalledProcessError):
        return False


@contextmanager
def _mounted(folder: Path, size: int) -> Iterator[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True, capture_output=True)


def _remount(folder: Path) -> None:
    command = ["mount", "-o", "remount,size=64m", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
