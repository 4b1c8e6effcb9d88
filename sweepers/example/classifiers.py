"""Which classifier is best? A Hydra app of a few lines whose members differ from seed to seed.

    python sweepers/example/classifiers.py -m hydra/sweeper=racing model=centroid,logistic,stump

Each member draws a training set, fits a small classifier of plain Python on it by stochastic gradient descent, and
returns the share of the test set that it gets right, in per cent. The test set is the same for all.
"""

from __future__ import annotations

import math
import random

import hydra
from omegaconf import DictConfig

Point = tuple[tuple[float, float], int]


def draw_points(count: int, generator: random.Random) -> list[Point]:
    """Draw points of two overlapping classes, -1 and 1."""
    points = []
    for _ in range(count):
        label = generator.choice((-1, 1))
        points.append(((generator.gauss(0.7 * label, 1), generator.gauss(0.4 * label, 1.5)), label))
    return points


def fit(model: str, points: list[Point], epochs: int, generator: random.Random) -> tuple[float, float, float]:
    """Return the two weights and the bias of a linear classifier."""
    if model != "logistic":
        means = [[sum(x[axis] for x, y in points if y == label) for axis in (0, 1)] for label in (1, -1)]
        return means[0][0] - means[1][0], 0.0 if model == "stump" else means[0][1] - means[1][1], 0.0
    w = [0.0, 0.0, 0.0]
    for epoch in range(epochs):
        for x, y in generator.sample(points, len(points)):
            margin = y * (w[0] * x[0] + w[1] * x[1] + w[2])
            step = 0.1 / (1 + epoch) / (1 + math.exp(min(margin, 50.0)))
            w = [w[0] + step * y * x[0], w[1] + step * y * x[1], w[2] + step * y]
    return w[0], w[1], w[2]


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(config: DictConfig) -> float:
    """Train one classifier, and return its accuracy in per cent."""
    generator = random.Random(config.seed)
    a, b, bias = fit(config.model, draw_points(config.points, generator), config.epochs, generator)
    test = draw_points(config.test_points, random.Random(0))
    right = sum((a * x[0] + b * x[1] + bias > 0) == (y > 0) for x, y in test)
    return 100 * right / len(test)


if __name__ == "__main__":
    main()
