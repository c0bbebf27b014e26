"""pet serve: a model or a bank as a service."""

from __future__ import annotations

import ipaddress
import socket
import sys

import click

from pet.cli.console import loading, remark, say
from pet.cli.importing import importing
from pet.cli.options import compute_options, settings_options
from pet.config import ServingConfig
from pet.errors import UsageError
from pet.runs import PromptFiles, RunFolder
from pet.runs.finding import model_folder
from pet.web import (
    bound,
    checked_host,
    listen,
    most_connections,
    name_of,
    raise_open_files,
    require_web,
)

# Seconds in which a thread that computes lets another have its turn. While the model computes,
# requests are read and answered by another thread; Python's own 5 ms for each turn add up.
_TURN = 0.0005
# Seconds that an idle connection stays open: longer than proxies keep theirs, which else would send
# a request into one that is just being closed.
_KEEP_ALIVE = 75
# Connections for each text that may wait: requests of one text fill the queue, and as many again
# are idle, slow, or told that it is full.
_CONNECTIONS_A_TEXT = 8


@click.command(name="serve")
@click.argument("model")
@click.option(
    "--keys",
    "key_file",
    metavar="FILE",
    help="File with the keys that may use the service, one a line.  [default: those of the "
    "environment variable PET_API_KEYS, if it is set]",
)
@click.option(
    "--without-keys",
    is_flag=True,
    help="Let everybody use it who reaches it, though --host is not this machine alone.",
)
@click.option(
    "--host-name",
    "host_names",
    metavar="NAME",
    multiple=True,
    help="Name by which others reach it, through a proxy on this machine, such as "
    "pet.example.com. Keys are needed then. Repeatable.",
)
@settings_options(ServingConfig)
@compute_options
def command(
    model: str,
    key_file: str | None,
    without_keys: bool,
    host_names: tuple[str, ...],
    device: str,
    precision: str,
    **options: object,
) -> None:
    """Answer requests over HTTP with MODEL, a run folder, a saved model or a prompt bank.

    \b
    POST /predict       label texts; in a bank of all tasks at once
    POST /explain       each pattern's view, also with other patterns or words
    GET  /              a page to try it on
    GET  /tasks         labels, fields, patterns and label words
    GET  /healthz       whether it answers
    GET  /metrics       counters for Prometheus
    GET  /openapi.json  all of this, described
    POST /admin/reload  load the model and the file of keys anew (needs a key); so does SIGHUP

    Requests become batches, within bounds: what cannot be taken is refused with status 429 and the
    seconds after which to come back. SIGTERM and Ctrl-C end it when all that was taken is answered;
    the exit code is 0 then.

    \b
    Example: pet serve runs/first
             curl -s localhost:8000/predict -H 'content-type: application/json' \\
               -d '{"texts": ["The soup was cold."]}'
    """
    config = ServingConfig(**options)  # type: ignore[arg-type]
    require_web("pet serve")
    if RunFolder.is_at(model) or not PromptFiles.in_bank(model):
        model_folder(model)
    with importing():
        from pet.serving.keys import Keys

    keys = Keys.given(key_file)
    called = [checked_host(name) for name in host_names]
    at_home = _is_loopback(config.host)
    if not (keys or (at_home and not called) or without_keys):
        where = ", ".join(called) or config.host
        raise UsageError(
            f"At {where} others reach this service, and there are no keys.",
            "Name a file of keys with --keys, set PET_API_KEYS, or say --without-keys.",
        )
    with bound(config.host, config.port) as taken:
        loading(model)
        _serve(model, config, keys, called, taken, device, precision)


def _serve(
    model: str,
    config: ServingConfig,
    keys: object,
    called: list[str],
    taken: socket.socket,
    device: str,
    precision: str,
) -> None:
    with importing():
        from pet.serving import Keys, Metrics, Served, Service, load_served, make_app

    assert isinstance(keys, Keys)
    metrics = Metrics()

    def load() -> Served:
        keys.read_again()  # first: a key that was taken away opens nothing even if loading fails
        return load_served(model, device, precision, config)

    service = Service(
        load,
        config,
        metrics.on_batch,
        metrics.on_reload,
    )
    name, port = taken.getsockname()[:2]
    address = f"http://{f'[{name}]' if ':' in name else name}:{port}"
    hosts = [*_names(config.host), *map(name_of, called)] if _is_loopback(config.host) else None
    app = make_app(service, keys, metrics, hosts, called)
    sys.setswitchinterval(_TURN)

    def ready() -> None:
        tasks = ", ".join(service.served.tasks)
        remark(f"Serving {service.served.name} ({tasks}) at {address}")
        say("The page to try it on is there; Ctrl-C ends it.")

    listen(
        app,
        taken,
        ready,
        service.reload_soon,
        grace=config.timeout + 5,
        timeout_keep_alive=_KEEP_ALIVE,
        limit_concurrency=most_connections(
            _CONNECTIONS_A_TEXT * config.queue_texts, raise_open_files()
        ),
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _names(host: str) -> list[str]:
    """Return the names by which this machine calls itself."""
    return ["localhost", "127.0.0.1", "::1", host]
