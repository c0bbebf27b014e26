"""The extra ``serve``, and what its tests need beside it: there, or a test module is skipped."""

from __future__ import annotations

import pytest

PACKAGES = ("fastapi", "uvicorn", "prometheus_client")
CLIENT = "httpx2"  # of starlette's test client


def need_serve(client: bool = True) -> None:
    """Skip the test or the module that calls this, unless it can be run.

    Parameters
    ----------
    client : bool
        Whether it asks by starlette's test client.
    """
    for package in (*PACKAGES, *((CLIENT,) if client else ())):
        pytest.importorskip(package, reason=f"needs {package}, of the extra serve or test")
