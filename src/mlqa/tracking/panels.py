"""Panels of W&B that a workspace and a W&B report share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlqa.errors import RunError
from mlqa.tracking.report_pictures import JOB_TYPE
from mlqa.tracking.swept_keys import name_config_key

F1, UNSEEN, EXACT, COST, FERTILITY = (
    "best/f1",
    "best/f1_unseen",
    "best/exact_match",
    "cost/usd",
    "tokenization/fertility",
)
INSTALL = "mlqa dashboard needs wandb-workspaces: pip install 'wandb-workspaces>=0.4,<0.5'"


def import_workspaces() -> tuple[Any, Any]:
    """Import wandb-workspaces.

    Returns:
        Its modules for reports, which have the panels, and for workspaces.

    Raises:
        RunError: If it is not installed.
    """
    try:
        import wandb_workspaces.reports.v2 as panels
        import wandb_workspaces.workspaces as ws
    except ImportError:
        raise RunError(INSTALL) from None
    return panels, ws


def select_members(ws: Any, group: str) -> list[Any]:
    """Return the filters of the members of a group, without the run that holds the report's pictures."""
    return [ws.Metric("Group") == group, ws.Metric("JobType") != JOB_TYPE]


def build_score_panels(panels: Any, swept: Sequence[str]) -> list[Any]:
    """Build the panels of scores and cost.

    Args:
        panels: The module.
        swept: The settings that the members differ in, by dotted key.
    """
    columns = [*(panels.Config(name_config_key(key)) for key in swept)]
    columns += map(panels.SummaryMetric, (FERTILITY, "timing/train_seconds", COST, F1))
    return [
        plot_bars(panels, "F1 by model, mean and standard deviation over seeds", F1, "label"),
        plot_bars(panels, "F1 on contexts that are not in train, by model", UNSEEN, "label"),
        plot_bars(panels, "Exact match by model", EXACT, "label"),
        plot_bars(panels, "F1 by hardware", F1, "hardware"),
        plot_bars(panels, "Cost by hardware, US dollars", COST, "hardware"),
        plot_points(panels, "Cost against F1", COST, F1),
        panels.ParallelCoordinatesPlot(
            title="F1 by swept settings and cost", columns=[*map(panels.ParallelCoordinatesPlotColumn, columns)]
        ),
    ]


def plot_bars(panels: Any, title: str, metric: str, group_by: str) -> Any:
    """Build bars of the mean of a metric over the runs of a setting, with their standard deviation."""
    return panels.BarPlot(
        title=title,
        metrics=[metric],
        groupby=panels.Config(group_by),
        groupby_aggfunc="mean",
        groupby_rangefunc="stddev",
        orientation="h",
    )


def plot_points(panels: Any, title: str, x: str, y: str) -> Any:
    """Build a scatter of two numbers of the summary, a point per run."""
    return panels.ScatterPlot(title=title, x=panels.SummaryMetric(x), y=panels.SummaryMetric(y))


def plot_lines(panels: Any, title: str, metric: str, axis: str) -> Any:
    """Build the curves of a metric over an axis of its own."""
    return panels.LinePlot(title=title, x=panels.Metric(axis), y=[panels.Metric(metric)])
