"""The folder in which a backbone is adapted."""

from __future__ import annotations

import os

from pet.runs import RunFolder
from pet.runs.folder import write_errors


class AdaptationFolder(RunFolder):
    """A folder in which a masked LM is adapted, and which is that model's folder in the end."""

    kind = "an adaptation"
    record = "adaptation.json"
    contents = (
        "checkpoint.safetensors", "model", "README.md", "config.json", "model.safetensors",
        "tokenizer.json", "tokenizer_config.json", "metrics.json", "log.jsonl",
    )  # fmt: skip

    def publish(self, name: str) -> None:
        """Move the files of a finished inner folder up into this one, and remove it."""
        with write_errors(self.path):
            for file in sorted((self.path / name).iterdir(), key=lambda f: f.name == "config.json"):
                os.replace(file, self.path / file.name)
            (self.path / name).rmdir()
