"""Data sets of the Hugging Face hub in SQuAD's form, read by the `datasets` library."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mlqa.config.model_facts import is_local_folder
from mlqa.data.examples import Examples
from mlqa.data.readers import add_rows
from mlqa.data.rows import ExamplesBuilder
from mlqa.errors import DataError, UnreachableError, summarize_error

if TYPE_CHECKING:
    from mlqa.config.schema import HubConfig

OFFLINE = (
    "offline, give files: dataset=squad_json dataset.language=tr dataset.train_file=... dataset.validation_file=..."
)


def read_hub(hub: HubConfig, split: str, strict: bool = False, keep_unplaced: bool = False) -> Examples:
    """Read one split of a hub data set, from the hub or from the cache of `datasets`.

    Args:
        hub: The config group's `dataset.hub`.
        split: The split's name on the hub.
        strict: Whether an answer that is not in its context is an error.
        keep_unplaced: Whether to keep rows that can be scored but not trained on (see `ExamplesBuilder`).

    Raises:
        UnreachableError: If the hub cannot be reached.
        DataError: If there is no such data set or split, its columns are not SQuAD's, or it breaks `strict`.
    """
    import datasets

    shown = f"{hub.path}{f' ({hub.name})' if hub.name else ''}"
    is_folder = is_local_folder(hub.path)
    if is_folder and not Path(hub.path).expanduser().is_dir():
        raise DataError(f"dataset.hub.path={hub.path}: there is no such folder")
    try:
        table = datasets.load_dataset(hub.path, hub.name, data_dir=hub.data_dir, split=split, revision=hub.revision)
    except datasets.exceptions.DatasetNotFoundError as error:
        hint = "check dataset.hub.path, or log in if it is gated"
        raise DataError(f"hub data set {shown}: {summarize_error(error)}; {hint}") from None
    except (ConnectionError, OSError) as error:
        reason = summarize_error(error)
        if is_folder:
            raise DataError(f"dataset.hub.path={hub.path}: {reason}") from None
        raise UnreachableError(f"hub data set {shown}: could not be reached ({reason}); {OFFLINE}") from None
    except (datasets.exceptions.DatasetsError, ValueError, RuntimeError) as error:
        # If a file is broken, the library's message gives no reason, but the error's cause does.
        raise DataError(f"hub data set {shown}, split {split}: {summarize_error(error.__cause__ or error)}") from None
    chosen = "" if hub.id_prefix is None else f", ids {hub.id_prefix}..."
    builder = ExamplesBuilder(f"{shown}, split {split}{chosen}", strict, keep_unplaced)
    rows = ((f"row {number}", row) for number, row in enumerate(table))
    if hub.id_prefix is not None:
        prefix = hub.id_prefix
        rows = ((place, row) for place, row in rows if str(row.get("id")).startswith(prefix))
    add_rows(builder, rows)
    return builder.build()
