"""Connections: how many a server holds, and the open files that they need."""

from __future__ import annotations

# Files that a server has open beside its connections: the model's, the log, its own.
_OTHER_FILES = 128
_LEAST = 16


def raise_open_files() -> int | None:
    """Raise this process's soft limit of open files to its hard limit.

    Returns
    -------
    int or None
        Number of files that it may have open; None where there is no limit, or none is known.
    """
    try:
        import resource
    except ImportError:  # not a system of POSIX
        return None
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
        except (OSError, ValueError):  # some systems say more than they give
            pass
    return None if soft == resource.RLIM_INFINITY else soft


def most_connections(wanted: int, files: int | None) -> int:
    """Return how many connections a server may hold: as wanted, as far as there are open files.

    Parameters
    ----------
    wanted : int
        Number of connections, if there are files for them.
    files : int or None
        Number of files that the process may have open; None if there is no limit.

    Examples
    --------
    >>> from pet.web import most_connections
    >>> most_connections(4096, None), most_connections(4096, 1024)
    (4096, 896)
    """
    return wanted if files is None else max(_LEAST, min(wanted, files - _OTHER_FILES))
