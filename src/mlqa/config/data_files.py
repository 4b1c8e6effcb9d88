"""The files of the user's own that a data set reads, those of a mix's sets included."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

SPLIT_FILES = ("train_file", "validation_file", "test_file")  # a path or a list of paths
REFERENCE_FILES = ("segmentation_file", "parallel_file")
WORD_FILES = (".txt", ".tsv", ".csv", ".conllu")  # formats of files of words


def find_ending_problem(path: str) -> str | None:
    """Return why the format of a file of words is unknown and what to do, None if it is known by the name's ending."""
    ending = Path(path).suffix
    if ending.lower() in WORD_FILES:
        return None
    wrong = f"does not end in {', '.join(WORD_FILES[:-1])} or {WORD_FILES[-1]}, so its format is unknown"
    return f"{wrong}; if it has one word per line, call it {Path(path).stem}.txt"


def list_paths(value: Any) -> list[str]:
    """Return the paths that a setting names.

    Args:
        value: A path, a list of paths, or None.
    """
    if value is None:
        return []
    return [value] if isinstance(value, str) else [str(path) for path in value]


def iter_data_files(dataset: Any, key: str = "dataset") -> Iterator[tuple[str, str]]:
    """Yield the key and the path of each file.

    Args:
        dataset: The config group `dataset`, typed or as it is composed.
        key: The dotted key of that node.
    """
    for name in (*SPLIT_FILES, *REFERENCE_FILES):
        for path in list_paths(_read(dataset, name)):
            yield f"{key}.{name}", path
    for name, mixed_set in iter_sets(dataset):
        yield from iter_data_files(mixed_set, f"{key}.mix.sets.{name}")


def iter_sets(dataset: Any) -> Iterator[tuple[str, Any]]:
    """Yield the name and the node of each set of a mix.

    Args:
        dataset: The config group `dataset`, typed or as it is composed.
    """
    mix = _read(dataset, "mix")
    sets = _read(mix, "sets") if mix is not None else None
    if isinstance(sets, Mapping):
        yield from ((str(name), mixed_set) for name, mixed_set in sets.items())


def describe_sets(dataset: Any) -> str:
    """Return what the sets of a mix are and how much of each an epoch reads, e.g. "tquad + 0.2 squad_tr".

    Args:
        dataset: The config group `dataset`, typed or as it is composed.

    Returns:
        The sets, "" if it is no mix.
    """
    parts = []
    for name, mixed_set in iter_sets(dataset):
        weight, most = _read(mixed_set, "weight"), _read(mixed_set, "max_train_samples")
        share = "" if weight in (None, 1.0) else f"{weight:g} "
        parts.append(share + name + (f" (at most {most:,} rows)" if most is not None else ""))
    return " + ".join(parts)


def needs_hub(dataset: Any) -> bool:
    """Return whether anything of a data set comes from the Hugging Face hub."""
    return any(_read(node, "hub") is not None for node in (dataset, *(node for _, node in iter_sets(dataset))))


def _read(node: Any, name: str) -> Any:
    return node.get(name) if isinstance(node, Mapping) else getattr(node, name, None)
