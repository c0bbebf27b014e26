"""A configuration is held against its weights' file before a model is built from it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open

from pet.errors import BackboneError

_LAYERS = (
    "num_hidden_layers", "n_layer", "n_layers", "num_layers", "num_decoder_layers",
    "encoder_layers", "decoder_layers",
)  # fmt: skip
_SIZES = (
    "num_labels", "vocab_size", "hidden_size", "intermediate_size", "embedding_size", "dim",
    "hidden_dim", "d_model", "d_ff", "n_embd", "n_inner",
)  # fmt: skip
# Of models that learn a vector for every position; others only count them.
_POSITIONS = ("max_position_embeddings", "n_positions")
# Size of anything in a model whose weights are not at hand.
_LARGEST = 10_000_000


def refuse_implausible(name: str, folder: str) -> None:
    """Refuse a model that is described as larger than it can be, or packed in an unknown way.

    transformers would build it first, which takes minutes and gigabytes, and then miss the weights.

    Parameters
    ----------
    name : str
        Name of the model, for messages.
    folder : str
        Folder or hub name that transformers loads.

    Raises
    ------
    BackboneError
        When there are more layers than tensors in the file, a size that no tensor has, no
        layers, or a quantisation that transformers does not know.
    """
    from transformers import PretrainedConfig

    try:
        config, _ = PretrainedConfig.get_config_dict(folder)
    except Exception:
        return  # whoever loads it tells what is wrong
    shapes = _shapes(Path(folder))
    for setting in _LAYERS:
        layers = config.get(setting)
        if isinstance(layers, int) and layers < 1 and setting != "num_decoder_layers":
            _refuse(name, f"{setting} is {layers}; a model has layers")
        if isinstance(layers, int) and shapes and layers > len(shapes):
            _refuse(name, f"{setting} is {layers}, and its weights are {len(shapes)} tensors")
    packed = config.get("quantization_config") or {}
    if packed:
        from transformers.quantizers.auto import AUTO_QUANTIZER_MAPPING

        way = packed.get("quant_method") if isinstance(packed, Mapping) else packed
        if way is not None and way not in AUTO_QUANTIZER_MAPPING:
            _refuse(name, f"quantization_config names {way!r}, which transformers does not know")
        return
    largest = max((size for shape in shapes.values() for size in shape), default=_LARGEST)
    counted = any("position" in tensor or "wpe" in tensor for tensor in shapes)
    for setting in (*_SIZES, *(_POSITIONS if counted else ())):
        size = config.get(setting)
        if isinstance(size, int) and size > largest:
            _refuse(name, f"{setting} is {size}, and no tensor of its weights has so many rows")


def _refuse(name: str, reason: str) -> None:
    raise BackboneError(
        f"Backbone {name!r} cannot be loaded: in its config.json {reason}.",
        "One of the two files was changed or comes from another model. Get the whole folder again.",
    )


def _shapes(folder: Path) -> dict[str, list[int]]:
    """Read the shapes of a folder's tensors, from the heads of its files; {} without any file."""
    shapes: dict[str, list[int]] = {}
    for path in sorted(folder.glob("*.safetensors")) if folder.is_dir() else ():
        try:
            with safe_open(path, "pt") as file:
                shapes |= {key: file.get_slice(key).get_shape() for key in file.keys()}  # noqa: SIM118
        except (OSError, SafetensorError):
            return {}  # whoever loads it tells what is wrong
    return shapes
