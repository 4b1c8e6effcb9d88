"""Read weights into a model, and compare what the files hold with what the model needs: only a head may be new."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mlqa.errors import ModelError
from mlqa.models.heads import find_encoder_class, find_model_class
from mlqa.tokenization.load import load_pretrained

UNREAD = ".pooler."  # part of the name of weights that no question-answering head reads


@dataclass(frozen=True)
class LoadedWeights:
    """Which weights of a model came from its files.

    Attributes:
        loaded: Number of weights that came from the files. Tied weights count once.
        missing: Names of the weights that did not, all of them of the head.
    """

    loaded: int
    missing: list[str]

    def to_dict(self) -> dict[str, Any]:
        """Return the node `weights` of result.json."""
        return {"loaded": self.loaded, "missing": self.missing, "head": "new" if self.missing else "kept"}


def load_weights(config: Any, pretrained: str, revision: str | None, **options: Any) -> tuple[Any, LoadedWeights]:
    """Load a model for question answering with all weights of its encoder.

    The heads that transformers puts on decoders (Llama, Qwen ...) give the encoder another name than the published
    weights have, and would start with random weights (transformers#30381). For these, the encoder is loaded by itself
    and then gets its head, unless the weights were saved with such a head.

    Args:
        config: The model's config.
        pretrained: A hub name or a local folder.
        revision: Branch, tag or commit of a hub model.
        **options: Further arguments of `from_pretrained`.

    Returns:
        The model, and what was loaded. A new head has random weights from torch's random state.

    Raises:
        ModelError: The files lack weights of the encoder or hold others.
        UnreachableError: The files cannot be fetched.
    """
    model_class = find_model_class(config)
    saved_as = (getattr(config, "architectures", None) or [""])[0]
    encoder_class = find_encoder_class(config)
    renamed = model_class.base_model_prefix != encoder_class.base_model_prefix
    read_class = encoder_class if renamed and saved_as != model_class.__name__ else model_class
    loaded, report = load_pretrained(
        read_class,
        "weights",
        pretrained,
        revision,
        config=config,
        output_loading_info=True,
        ignore_mismatched_sizes=True,
        **options,
    )
    model = loaded if read_class is model_class else _add_head(model_class, loaded)
    head = list_head_weights(model)
    missing = set(report["missing_keys"]) | {mismatch[0] for mismatch in report["mismatched_keys"]}
    _check_encoder(pretrained, config, model, report, head)
    if read_class is not model_class:
        missing = {f"{model.base_model_prefix}.{name}" for name in missing} | head
    names = {name for name, _ in model.named_parameters()}
    return model, LoadedWeights(len(names - missing), sorted(missing & head))


def _add_head(model_class: Any, encoder: Any) -> Any:
    """Put an encoder into a model whose other parts are new."""
    import torch

    with torch.device("meta"):
        model = model_class(encoder.config)
    setattr(model, model.base_model_prefix, encoder)
    for name, part in model.named_children():
        if name != model.base_model_prefix:
            part.to_empty(device="cpu").to(encoder.dtype)
            part.apply(model._init_weights)
    return model.eval()


def list_head_weights(model: Any) -> set[str]:
    """Return the names of the parameters that the plain model does not have."""
    import torch

    encoder = model.base_model_prefix
    if encoder and hasattr(model, encoder):
        parts = {encoder}
    else:  # as in T5, whose question-answering model has the parts of the plain model, not the model itself
        with torch.device("meta"):
            parts = {name for name, _ in find_encoder_class(model.config)(model.config).named_children()}
    return {name for name, _ in model.named_parameters() if name.partition(".")[0] not in parts}


def _check_encoder(pretrained: str, config: Any, model: Any, report: Any, head: set[str]) -> None:
    """Raise ModelError if a weight of the encoder is not in the files, or has another shape there."""
    from transformers import CONFIG_MAPPING

    key = f"model.pretrained={pretrained}"
    for name, in_files, in_model in sorted(report["mismatched_keys"]):
        if name not in head:
            raise ModelError(
                f"{key}: {name} is {_format_shape(in_files)} in its files, but config.json describes "
                f"{_format_shape(in_model)}; the config and the weights belong to different models"
            )
    missing = sorted(name for name in report["missing_keys"] if name not in head and UNREAD not in f".{name}")
    if not missing:
        return
    needed = sum(name not in head for name, _ in model.named_parameters())
    others = sorted(report["unexpected_keys"])
    prefix = _find_extra_prefix(missing, others, model.base_model_prefix)
    if prefix and prefix.removesuffix(".") not in CONFIG_MAPPING:  # else it is the name of another architecture
        raise ModelError(
            f"{key}: the names of its weights begin with '{prefix}', which a {config.model_type} model does not "
            f"expect (e.g. {others[0]}); save the weights without it"
        )
    held = f", which hold {others[0]} ... instead" if others else ""
    raise ModelError(
        f"{key}: {len(missing)} of {needed} weights of a {config.model_type} model are not in its files{held}: "
        f"{', '.join(missing[:3])}{' ...' if len(missing) > 3 else ''}; give the model that config.json describes"
    )


def _find_extra_prefix(missing: list[str], others: Iterable[str], encoder: str) -> str:
    """Return what the names in the files have in front of the expected ones, "" if they differ otherwise."""
    names = set(others)
    bare = {name.removeprefix(f"{encoder}.") for name in missing}
    prefixes = {name[: -len(end)] for end in bare for name in names if name.endswith("." + end)}
    found = [prefix for prefix in prefixes if all(prefix + end in names for end in bare)]
    return min(found, key=len).removesuffix(f"{encoder}.") if found else ""


def _format_shape(shape: Iterable[int]) -> str:
    return "x".join(map(str, shape))
