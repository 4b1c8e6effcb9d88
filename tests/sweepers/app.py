"""An app whose members note that they ran, and return a score by their overrides."""

import os
import time
from pathlib import Path

import hydra
from omegaconf import DictConfig


@hydra.main(version_base="1.3", config_path=None, config_name=None)
def main(config: DictConfig) -> float:
    with Path(config.log).open("a") as log:
        log.write(f"{config.m} {config.seed}\n")
    while os.environ.get("HANG_AT") == f"{config.m} {config.seed}":
        time.sleep(0.05)
    return {"a": 80.0, "b": 80.1, "c": 60.0}[config.m] + (config.seed * 7 + ord(config.m)) % 5 / 4


if __name__ == "__main__":
    main()
