"""The command as it was typed, for records of how something was made."""

from __future__ import annotations

import shlex
import sys


def typed_command() -> str:
    """Return the command line of this process, as a shell reads it."""
    return shlex.join(["pet", *sys.argv[1:]])
