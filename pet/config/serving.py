"""Settings of the service that pet serve runs: its address, its batches, its limits."""

from __future__ import annotations

from dataclasses import dataclass

from pet.config.base import Checked, setting
from pet.errors import UsageError


@dataclass(frozen=True)
class ServingConfig(Checked):
    """A service's address, batches and limits; only pet serve has these options."""

    host: str = setting("127.0.0.1", "Address to listen at. Beyond this machine, keys are needed.")
    port: int = setting(8000, "Port to listen at; 0 takes any that is free.", low=0, high=65535)
    # A batch is sorted by length: with 64 texts the padding costs a fifth, with 256 hardly a thing.
    batch_texts: int = setting(256, "Most texts that the model reads at once.", low=1)
    batch_wait: float = setting(
        5.0, "Milliseconds that a text waits for others to be read with it.", low=0
    )
    queue_texts: int = setting(
        512, "Most texts that wait; requests beyond them are refused (429), to come later.", low=1
    )
    request_texts: int = setting(256, "Most texts of a request.", low=1)
    request_bytes: int = setting(2**20, "Most bytes of a request.", low=2)
    text_characters: int = setting(20_000, "Most characters of a text, its fields together.", low=1)
    explained_texts: int = setting(8, "Most texts of a request for an explanation.", low=1)
    timeout: float = setting(30.0, "Seconds after which a request is given up (504).", above=0)
    explain: bool = setting(
        True, "Explain too, by the members of a run: they are loaded beside its classifier."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        most = max(self.request_texts, self.explained_texts)
        if most > self.queue_texts:
            raise UsageError(
                f"A request may have {most} texts, but only {self.queue_texts} may wait.",
                "Raise `--queue-texts`, or lower `--request-texts`.",
            )
