"""Fine-tune and score one question-answering model: `python train.py --help`.

The entry point composes and checks the config, runs it and returns the objective. It imports nothing heavy itself.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from pathlib import Path

for folder in ("launchers", "sweepers", "src"):  # a bare clone runs without installation
    sys.path.insert(0, str(Path(__file__).resolve().parent / folder))

from mlqa.environment import pause_garbage_collection

with pause_garbage_collection():
    import hydra
    from omegaconf import DictConfig

    from mlqa import errors, on_sweep_end
    from mlqa.config import compose, loader, preflight, schema

    schema.register_schema()


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(composed: DictConfig) -> float | None:
    """Run one member.

    Returns:
        The objective for the sweeper, or None if there is no score.
    """
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    from mlqa import experiment

    hydra_config = HydraConfig.get()
    # A member of a multirun raises, so that the launcher learns that it failed. A single run exits here.
    single = hydra_config.mode is RunMode.RUN
    # `check_command_line` has not seen a config folder of the user's own, so check again.
    with errors.exit_on_error() if single else contextlib.nullcontext():
        config = preflight.check_member(composed, hydra_config)
    with errors.exit_on_error(logged=True) if single else contextlib.nullcontext():
        return experiment.run(config, compose.get_choices(hydra_config)).objective


if __name__ == "__main__":
    logging.raiseExceptions = False  # on a full disk, report it once and not for each line of train.log
    schema.disable_schema_copies()
    loader.install_loader_for_main()
    with errors.end_by_signal(), errors.exit_on_error():
        sys.argv[1:] = preflight.prepare_start(sys.argv[1:])
        try:
            main()
        finally:
            on_sweep_end.report_ended_sweeps()
