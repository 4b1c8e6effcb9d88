"""Learning curves of known truth: the fit finds them, the intervals cover them, the report says what they mean."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made import config, write_scored
from scipy.optimize import curve_fit
from scipy.stats import norm

from mlqa.config.compose import compose_config
from mlqa.errors import ConfigError
from mlqa.report.build import write_report
from mlqa.report.content import make_report
from mlqa.report.statistics.power_law import PowerLaw, fit_power_law
from mlqa.report.statistics.spread import estimate_spread

SIZES = [250, 500, 1000, 2000, 4000, 8000]
ORIGIN = float(np.exp(np.mean(np.log(SIZES))))
CONTEXTS, PER_CONTEXT = 120, 4
# Parts of the variance of what decides whether an answer is right: the context, the question, the run.
PARTS = (0.25, 0.35, 0.6)


def error(size: float, a: float, b: float, c: float) -> float:
    return float(a * (size / ORIGIN) ** -b + c)


def draw(
    random: np.random.Generator, law: tuple[float, float, float], seeds: int, seed_sd: float
) -> tuple[list[np.ndarray], np.ndarray]:
    """Scores (0 or 100) of a sweep over sizes whose expected errors follow a power law."""
    context_of = np.repeat(np.arange(CONTEXTS), PER_CONTEXT)
    of_context = random.normal(size=CONTEXTS) * PARTS[0] ** 0.5
    shared = of_context[context_of] + random.normal(size=len(context_of)) * PARTS[1] ** 0.5
    scores = []
    for size in SIZES:
        runs = []
        for _ in range(seeds):
            expected = np.clip(error(size, *law) + random.normal() * seed_sd, 0.5, 99.5) / 100
            own = random.normal(size=len(context_of)) * PARTS[2] ** 0.5
            runs.append(100.0 * (shared + own > norm.ppf(expected) * sum(PARTS) ** 0.5))
        scores.append(np.array(runs))
    return scores, context_of


def fit(random: np.random.Generator, law: tuple[float, float, float], seeds: int = 3, seed_sd: float = 0.7) -> PowerLaw:
    scores, context_of = draw(random, law, seeds, seed_sd)
    spread = estimate_spread(scores, context_of)
    assert spread is not None
    fitted = fit_power_law(SIZES, spread, range(len(SIZES)))
    assert fitted is not None
    return fitted


def exact(law: tuple[float, float, float], sizes: list[int] = SIZES) -> PowerLaw | None:
    """The fit of scores that lie on the curve and do not vary."""
    scores = [np.full((2, 8), 100 - error(size, *law)) for size in sizes]
    spread = estimate_spread(scores, np.arange(8) // 2)
    assert spread is not None
    return fit_power_law(sizes, spread, range(len(sizes)))


@pytest.mark.parametrize("law", [(25.0, 0.5, 10.0), (30.0, 0.3, 0.0), (8.0, 1.2, 20.0)])
def test_a_curve_without_noise_is_found(law: tuple[float, float, float]) -> None:
    fitted = exact(law)
    assert fitted is not None and fitted.misfit == pytest.approx(1, abs=0.3)
    assert fitted.best == pytest.approx(law, rel=0.03, abs=0.4)
    assert fitted.predict_score(16000).value == pytest.approx(100 - error(16000, *law), abs=0.02)
    assert fitted.predict_gain(8000, 1000).value == pytest.approx(error(8000, *law) - error(9000, *law), abs=0.01)


def test_the_fit_is_the_least_squares_of_scipy() -> None:
    random = np.random.default_rng(3)
    scores, context_of = draw(random, (25.0, 0.5, 10.0), 3, 0.7)
    spread = estimate_spread(scores, context_of)
    assert spread is not None
    fitted = fit_power_law(SIZES, spread, range(len(SIZES)))
    assert fitted is not None
    relative = np.array(SIZES) / ORIGIN
    best, _ = curve_fit(lambda x, a, b, c: a * x**-b + c, relative, 100 - spread.means, (20, 0.5, 5), maxfev=9999)
    for size in (250, 8000, 16000):
        theirs = 100 - (best[0] * (size / ORIGIN) ** -best[1] + best[2])
        assert fitted.predict_score(size).value == pytest.approx(theirs, abs=0.05)


def test_three_sizes_are_too_few() -> None:
    assert exact((25.0, 0.5, 10.0), SIZES[:3]) is None and exact((25.0, 0.5, 10.0), SIZES[:4]) is not None


@pytest.mark.slow
@pytest.mark.parametrize(("law", "seeds"), [((25.0, 0.5, 10.0), 3), ((30.0, 0.25, 0.0), 3), ((20.0, 0.4, 5.0), 1)])
def test_the_intervals_cover_the_truth(law: tuple[float, float, float], seeds: int) -> None:
    """Of 40 sweeps at least 35 are covered: a 95 % interval misses more than 5 in 1 of 70 tests."""
    random, sweeps = np.random.default_rng(0), 40
    truth = {
        "score": 100 - error(8000, *law),
        "next 1,000": error(8000, *law) - error(9000, *law),
        "doubled": error(8000, *law) - error(16000, *law),
        "b": law[1],
        "c": law[2],
    }
    covered = dict.fromkeys(truth, 0)
    for _ in range(sweeps):
        fitted = fit(random, law, seeds)
        found = [fitted.predict_score(8000), fitted.predict_gain(8000, 1000), fitted.predict_gain(8000, 8000)]
        for (name, value), one in zip(truth.items(), [*found, fitted.exponent, fitted.floor], strict=True):
            covered[name] += one.low <= value <= one.high
    assert min(covered.values()) >= 35, covered


def test_a_curve_that_levels_off_shows_by_its_misfit() -> None:
    """Errors of 40, 39, 20, 19, 10, 10 lie on no power law: the interval must not be that of the seeds alone."""
    scores = [np.full((3, 40), 100.0 - each) for each in (40, 39, 20, 19, 10, 10)]
    spread = estimate_spread(scores, np.arange(40) // 4)
    assert spread is not None
    fitted, smooth = fit_power_law(SIZES, spread, range(6)), exact((25.0, 0.5, 10.0))
    assert fitted is not None and smooth is not None and fitted.misfit > 5
    gain, usual = fitted.predict_gain(8000, 8000), smooth.predict_gain(8000, 8000)
    assert gain.high - gain.low > 1.5 * (usual.high - usual.low)


def write_sweep(folder: Path, sizes: list[int], models: tuple[str, ...] = ("berturk",), **report: Any) -> Path:
    random = np.random.default_rng(5)
    number = 0
    for model in models:
        for size in sizes:
            for seed in (1, 2):
                expected = error(size, 25.0, 0.5, 10.0 if model == "berturk" else 20.0) / 100
                context_of = np.repeat(np.arange(60), 3)
                scores = (random.random(len(context_of)) > expected).astype(float)
                settings = config(seed=seed, rows=len(scores))
                settings["dataset"]["max_train_samples"] = size
                settings["report"] = report
                write_scored(
                    folder / str(number), model, "p3", seed, scores, context_of, settings=settings,
                    overrides=[f"model={model}", f"dataset.max_train_samples={size}", f"seed={seed}"],
                    dataset={"fingerprint": f"train{size}", "train_examples": size},
                )  # fmt: skip
                number += 1
    return folder


@pytest.mark.slow
def test_the_report_says_what_more_questions_give_and_cost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sweep = write_sweep(tmp_path / "sweep", SIZES, ("berturk", "mbert"), usd_per_question=0.5)
    page = write_report([sweep]).read_text("utf-8")
    (section,) = make_report([sweep]).sections
    curves = section.curves
    assert curves is not None and [curve.name for curve in curves.curves] == ["berturk", "mbert"]
    assert curves.curves[0].sizes == SIZES
    for curve, sentence in zip(curves.curves, curves.sentences, strict=True):
        assert curve.law is not None
        gain = curve.law.predict_gain(8000, 1000)
        said = re.search(r"1,000 more questions would give ([\d.]+) \(([\d.]+) to ([\d.]+)\) F1 for \$500,", sentence)
        assert said and float(said[1]) == pytest.approx(gain.value, abs=0.05)
        price = re.search(r"for \$500, \$([\d,.]+) a point", sentence)
        assert price and float(price[1].replace(",", "")) == pytest.approx(500 / gain.value, rel=0.01)
        assert "Twice as many (16,000) would give" in sentence and "for $4,000," in sentence
        assert sentence.split(":")[0] in page
    assert "Learning curve" in page and page.count('class="s0 d2"') >= 1 and "a forecast" in page
    printed = " ".join(capsys.readouterr().err.split())
    assert "berturk: 100 − F1 = " in printed
    assert "- berturk: 100" in (sweep / "report" / "results.md").read_text("utf-8")


def test_without_a_price_the_report_says_how_to_give_one(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path / "sweep", SIZES[:4])
    (section,) = make_report([sweep]).sections
    assert section.curves is not None and "mlqa report --usd-per-question" in section.curves.sentences[-1]
    assert "$" not in section.curves.sentences[0]
    (priced,) = make_report([sweep], usd_per_question=2).sections
    assert priced.curves is not None and "for $2,000," in priced.curves.sentences[0]


def test_three_sizes_are_drawn_without_a_curve_and_two_are_no_picture(tmp_path: Path) -> None:
    (three,) = make_report([write_sweep(tmp_path / "three", SIZES[:3])]).sections
    assert three.curves is not None and three.curves.plot is not None
    assert "3 sizes are too few for a curve, which takes 4" in three.curves.sentences[0]
    assert three.curves.plot.lines == [] and len(three.curves.plot.points) == 6
    (two,) = make_report([write_sweep(tmp_path / "two", SIZES[:2])]).sections
    assert two.curves is None
    write_report([tmp_path / "three"])


def test_a_flat_curve_says_that_more_questions_are_not_shown_to_help(tmp_path: Path) -> None:
    random, context_of = np.random.default_rng(2), np.repeat(np.arange(30), 2)
    for number, size in enumerate(SIZES[:4]):
        scores = (random.random(len(context_of)) > 0.5).astype(float)
        settings = config(seed=1, rows=len(scores))
        settings["dataset"]["max_train_samples"] = size
        write_scored(
            tmp_path / "sweep" / str(number), "berturk", "p3", 1, scores, context_of, settings=settings,
            dataset={"fingerprint": f"train{size}", "train_examples": size},
        )  # fmt: skip
    (section,) = make_report([tmp_path / "sweep"]).sections
    assert section.curves is not None
    assert section.curves.sentences[0].endswith("These sizes do not show that more questions help.")


def test_a_price_below_0_is_refused() -> None:
    from mlqa.cli import main

    with pytest.raises(SystemExit) as ended:
        main(["report", "nowhere", "--usd-per-question", "-1"])
    assert ended.value.code == 2
    with pytest.raises(ConfigError, match=r"report.usd_per_question=-1.0: choose 0 or more"):
        compose_config(["report.usd_per_question=-1"])
