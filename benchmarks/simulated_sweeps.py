"""Sweeps whose truth is known, made question by question.

An answer is better or worse with its context, its question, the treatment on this context and question, the run (its
seed), and a flip of its own. Strengths are mean scores over all questions that could be asked and all seeds, so that
truth is known exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr

# A score is the share of these thresholds that the quality of an answer exceeds: 0, 1/3, 2/3 or 1 (exact).
THRESHOLDS = np.array([0.0, -0.45, -0.95])
# Variance of the quality by its causes. Their sum is 1.
SHARED_CONTEXT, SHARED_QUESTION, OWN_CONTEXT, OWN_QUESTION, FLIP = 0.10, 0.50, 0.03, 0.17, 0.20
PER_CONTEXT = 3.7  # questions, on average: TQuAD's


@dataclass(frozen=True)
class Setting:
    """What a sweep is made with.

    Attributes:
        treatments: Number of treatments.
        seeds: Number of seeds of each, repeated for further treatments.
        questions: Number of questions.
        run_sd: Standard deviation between seeds in points, beyond flips, of each treatment, repeated for further ones.
        crashes: Probability with which a run has no score.
    """

    treatments: int
    seeds: tuple[int, ...]
    questions: int
    run_sd: tuple[float, ...]
    crashes: float = 0.0

    @property
    def name(self) -> str:
        """Names the setting in the table."""
        seeds = " v ".join(map(str, self.seeds)) + (f", {self.crashes:.0%} crash" if self.crashes else "")
        return f"{self.treatments} | {seeds} | {self.questions} | {' and '.join(f'{sd:g}' for sd in self.run_sd)}"


@dataclass(frozen=True)
class Sweep:
    """What the report takes, and the truth about the treatments that have a run.

    Attributes:
        scores: [seeds, questions] of each treatment.
        context_of: [questions].
        strengths: Mean over all questions that could be asked and all seeds, of each treatment.
        strengths_here: Mean over these questions and all seeds.
    """

    scores: list[np.ndarray]
    context_of: np.ndarray
    strengths: list[float]
    strengths_here: list[float]


def compute_strength(location: float, run_variance: float) -> float:
    """Return the mean score (0-100) over all questions and seeds of a treatment whose answers lie around `location`."""
    return 100 * float(np.mean(ndtr((location - THRESHOLDS) / (1 + run_variance) ** 0.5)))


@cache
def place(strength: float, run_sd: float) -> tuple[float, float]:
    """Return the location of a treatment of this strength, and the standard deviation of its runs there."""
    location = brentq(lambda at: compute_strength(at, 0.0) - strength, -5, 5)
    slope = 100 * float(np.mean(np.exp(-((location - THRESHOLDS) ** 2) / 2))) / (2 * np.pi) ** 0.5
    spread = run_sd / slope
    return brentq(lambda at: compute_strength(at, spread**2) - strength, -5, 5), spread


def make_sweep(setting: Setting, strengths: Sequence[float], draw: np.random.Generator) -> Sweep:
    """Make a sweep of treatments with these strengths."""
    contexts = max(2, round(setting.questions / PER_CONTEXT))
    context_of = np.sort(
        np.concatenate([np.arange(contexts), draw.integers(0, contexts, setting.questions - contexts)])
    )
    shared = draw.normal(0, SHARED_CONTEXT**0.5, contexts)[context_of]
    shared = shared + draw.normal(0, SHARED_QUESTION**0.5, setting.questions)
    sweep = Sweep([], context_of, [], [])
    for number, strength in enumerate(strengths):
        seeds = setting.seeds[number % len(setting.seeds)]
        seeds = int(np.count_nonzero(draw.random(seeds) >= setting.crashes))
        location, run_sd = place(strength, setting.run_sd[number % len(setting.run_sd)])
        own = draw.normal(0, OWN_CONTEXT**0.5, contexts)[context_of]
        own = shared + own + draw.normal(0, OWN_QUESTION**0.5, setting.questions)
        quality = location + own + draw.normal(0, run_sd, (seeds, 1))
        quality = quality + draw.normal(0, FLIP**0.5, (seeds, setting.questions))
        if seeds:
            sweep.scores.append(100 * np.mean([quality > threshold for threshold in THRESHOLDS], axis=0))
            sweep.strengths.append(strength)
            chances = ndtr((location + own[:, None] - THRESHOLDS) / (FLIP + run_sd**2) ** 0.5)
            sweep.strengths_here.append(100 * float(chances.mean()))
    return sweep
