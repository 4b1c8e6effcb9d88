"""The environment of the tests: the same for everybody, whatever the person who runs them has set."""

from __future__ import annotations

from collections.abc import MutableMapping
from pathlib import Path

# Read by the tests themselves: where the data and other interpreters are.
OF_THE_TESTS = {"MLQA_ASSETS", "MLQA_LEGACY_PYTHON", "SAGEMAKER_TOOLKIT_PYTHON"}
# What mlqa, the launcher and their libraries read, by the beginning of its name ...
PREFIXES = (
    *("MLQA_", "HYDRA_", "WANDB_", "AWS_", "BOTO_", "MOTO_", "SAGEMAKER_", "SM_", "TRAINING_JOB_"),
    *("HF_", "HUGGINGFACE_", "HUGGING_FACE_", "TRANSFORMERS_", "TOKENIZERS_", "DATASETS_", "ACCELERATE_"),
    *("OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_", "NUMEXPR_", "VECLIB_", "TORCH_", "TORCHELASTIC_", "PYTORCH_"),
    *("OMPI_", "PMI_", "SLURM_", "COMP_", "LC_", "CLICOLOR"),
)
# ... and by its name.
NAMES = {
    *("RANK", "LOCAL_RANK", "GROUP_RANK", "ROLE_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "GROUP_WORLD_SIZE"),
    *("ROLE_WORLD_SIZE", "ROLE_NAME", "MASTER_ADDR", "MASTER_PORT"),
    *("COLUMNS", "LINES", "TERM", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"),
    *("LANG", "LANGUAGE", "TZ", "NETRC", "SOURCE_DATE_EPOCH"),
    *("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"),
    *("PYTHONHASHSEED", "PYTHONWARNINGS", "PYTHONIOENCODING", "PYTHONUTF8", "PYTHONOPTIMIZE", "PYTHONSAFEPATH"),
    *("PYTHONDEVMODE", "PYTHONASYNCIODEBUG", "PYTHONSTARTUP", "PYTHONINSPECT", "PYTHONDONTWRITEBYTECODE"),
}


def clean_environment(environ: MutableMapping[str, str], home: Path) -> None:
    """Remove what could change a result and set what the tests count on.

    Args:
        environ: The variables. Those of the machine stay, e.g. PATH, proxies, certificates and devices.
        home: An empty folder to take the place of the home directory, which holds keys, settings and caches.
    """
    for name in list(environ):
        if name not in OF_THE_TESTS and (name in NAMES or name.startswith(PREFIXES)):
            del environ[name]
    environ.update(
        HOME=str(home),
        LANG="C.UTF-8",
        TZ="UTC",
        AWS_EC2_METADATA_DISABLED="true",  # boto3 would look for the keys of an instance, for seconds
        HF_HUB_OFFLINE="1",  # huggingface_hub would retry each file for half a minute if there is no network
    )
    for name in ("no_proxy", "NO_PROXY"):  # the services of the tests are on this machine
        environ[name] = ",".join(filter(None, [environ.get(name), "localhost,127.0.0.1"]))
