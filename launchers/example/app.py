"""Which slope fits the points best? A Hydra app of a few lines whose members run here or on SageMaker.

    python launchers/example/app.py -m x=1,2 hardware=here,m5 hydra.launcher.service=rehearsal

The command runs four members without an account: two in this process, and two as jobs of a stand-in on this machine.
Give `hydra.launcher.dry_run=true` instead of the service to see what would be submitted, and at what price. Without
either option the members of m5 run on AWS: launchers/README.md says what that needs. Without `-m`, `x=2` is one run in
this process.

    conf/config.yaml                     the app's own settings: `points` is a local file
    conf/hardware/                       where a member runs: here, or on an instance type with a YAML of its own
    conf/hydra/launcher/sagemaker.yaml   the launcher's settings: the file of points travels as a channel
    report.py                            what happens at the end of a sweep
"""

from __future__ import annotations

import csv
from pathlib import Path

import hydra
from omegaconf import DictConfig, OmegaConf

# Resolve a path next to this file, whatever the working directory is.
OmegaConf.register_new_resolver("beside_app", lambda name: str(Path(__file__).parent / name))


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(config: DictConfig) -> float:
    """Return the mean squared error of y = x * t over the points. A sweeper can minimize it."""
    with Path(config.points).open(encoding="utf-8", newline="") as file:
        points = [(float(row["t"]), float(row["y"])) for row in csv.DictReader(file)]
    error = float(sum((config.x * t - y) ** 2 for t, y in points) / len(points))
    print(f"x={config.x:g}: mean squared error {error:.4f} on {config.hardware.instance_type or 'this machine'}")
    return error


if __name__ == "__main__":
    main()
