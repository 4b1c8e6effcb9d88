"""Pack the model of a run for a SageMaker endpoint, as Hugging Face's inference containers expect it.

The archive has the model at its top and the handler in code/: the container finds code/inference.py and calls its
`model_fn` and `predict_fn` (github.com/aws/sagemaker-huggingface-inference-toolkit, handler_service.py).
"""

from __future__ import annotations

import shutil
import tarfile
import tempfile
from pathlib import Path

from mlqa.errors import ModelError, RunError, describe_status
from mlqa.inference import Predictor, find_model
from mlqa.models.heads import SUFFIX
from mlqa.result import MODEL, read_result
from mlqa.serving.clean_copy import copy_model
from mlqa.serving.export import SHIPPED, write_settings

CODE = "code"


def pack_endpoint(run_dir: Path, archive: Path) -> None:
    """Write the archive of a run's model.

    Args:
        run_dir: The directory of a completed run.
        archive: The file to write, model.tar.gz.

    Raises:
        RunError: The directory has no model, its run is not completed, or the archive cannot be written.
        ModelError: The container's transformers could not load the model.
    """
    find_model(run_dir)
    result = read_result(run_dir)
    if result["status"] != "completed":
        reason = f": {result['error']}" if result.get("error") else ""
        raise RunError(f"{run_dir}: the run {describe_status(result['status'])}{reason}; give a completed run")
    predictor = Predictor.from_run(run_dir, device="cpu")
    if type(predictor.model).__name__.endswith(SUFFIX):
        raise ModelError(
            f"transformers has no question-answering class for a {predictor.model.config.model_type} model, so a "
            "container that has transformers alone cannot load it; run mlqa export without --sagemaker and serve the "
            "ONNX graph"
        )
    partial = archive.with_name(archive.name + ".partial")
    try:
        with tempfile.TemporaryDirectory(dir=archive.parent) as scratch:
            folder = Path(scratch)
            copy_model(run_dir / MODEL, folder)
            write_settings(predictor, folder)
            (folder / CODE).mkdir()
            for name in ("inference.py", "predict.py"):
                shutil.copyfile(SHIPPED / name, folder / CODE / name)
            with tarfile.open(partial, "w:gz", compresslevel=1) as packed:  # weights hardly shrink
                for path in sorted(folder.iterdir()):
                    packed.add(path, path.name, filter=_remove_owner)
        partial.replace(archive)
    except OSError as error:
        raise RunError(f"{archive}: cannot be written: {error.strerror or error}") from None
    finally:
        partial.unlink(missing_ok=True)


def _remove_owner(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Return an entry without the names of the user and the group."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o755 if entry.isdir() else 0o644
    return entry
