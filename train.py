"""Fine-tunes and scores one question-answering model: `python train.py --help`.

The entry point composes, checks, runs and returns the objective; it imports nothing heavy itself.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "src"))  # a bare clone runs without installation

import hydra
from omegaconf import DictConfig

from mlqa import compose, config, errors

config.register()


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(composed: DictConfig) -> float | None:
    """The task of one member: runs it and returns the objective to the sweeper (None where there is no score)."""
    from hydra.core.hydra_config import HydraConfig

    from mlqa import experiment

    hydra_config = HydraConfig.get()
    choices = compose.choices_of(hydra_config)
    return experiment.run(config.from_hydra(composed), choices).objective


if __name__ == "__main__":
    with errors.shown_as_one_line():
        compose.check_command_line(sys.argv[1:])
        main()
