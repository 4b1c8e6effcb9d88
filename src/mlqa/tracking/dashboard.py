"""A W&B workspace for a sweep, as code: the first panels of a comparison of models and hardware."""

from __future__ import annotations

from typing import Any

from mlqa.errors import MlqaError, RunError, UnreachableError, summarize_error
from mlqa.tracking.tables import FIGURE_TABLE, WORD_TABLE
from mlqa.tracking.wandb_mode import has_key

F1, COST, FERTILITY = "best/f1", "cost/usd", "tokenization/fertility"
INSTALL = "mlqa dashboard needs wandb-workspaces: pip install 'wandb-workspaces>=0.4,<0.5'"


def build_workspace(group: str, project: str, entity: str) -> Any:
    """Build the workspace that shows the runs of `group`, without saving it.

    Args:
        group: Group of the runs in W&B.
        project: W&B project.
        entity: W&B user or team.

    Returns:
        A `wandb_workspaces.workspaces.Workspace`.

    Raises:
        RunError: If wandb-workspaces is not installed.
    """
    try:
        import wandb_workspaces.reports.v2 as panels
        import wandb_workspaces.workspaces as ws
    except ImportError:
        raise RunError(INSTALL) from None

    def plot_bars(title: str, metric: str, group_by: str) -> Any:
        return panels.BarPlot(title=title, metrics=[metric], groupby=group_by, orientation="h")

    def plot_points(title: str, x: str, y: str) -> Any:
        return panels.ScatterPlot(title=title, x=panels.SummaryMetric(x), y=panels.SummaryMetric(y))

    def plot_lines(title: str, metric: str) -> Any:
        return panels.LinePlot(title=title, x=panels.Metric("train/global_step"), y=[panels.Metric(metric)])

    columns = [*map(panels.Config, ("model", "hardware"))]
    columns += map(panels.SummaryMetric, (FERTILITY, "timing/train_seconds", COST, F1))
    scores = [
        plot_bars("F1 by model", F1, "model"),
        plot_bars("F1 by hardware", F1, "hardware"),
        plot_points("Cost against F1", COST, F1),
        panels.ParallelCoordinatesPlot(
            title="F1 by settings and cost", columns=[*map(panels.ParallelCoordinatesPlotColumn, columns)]
        ),
    ]
    tokenizers = [
        panels.WeavePanelSummaryTable(table_name=FIGURE_TABLE),
        panels.WeavePanelSummaryTable(table_name=WORD_TABLE),
        plot_bars("Tokens per word", FERTILITY, "model"),
        plot_points("Best F1 that a tokenizer permits against F1 reached", "tokenization/oracle_f1", F1),
    ]
    training = [plot_lines("Loss", "train/loss"), plot_lines("F1 during training", "eval/f1")]
    return ws.Workspace(
        entity=entity,
        project=project,
        name=f"mlqa {group}",
        runset_settings=ws.RunsetSettings(filters=[ws.Metric("Group") == group]),
        sections=[
            ws.Section(name="Scores and cost", is_open=True, panels=scores),
            ws.Section(name="Tokenizers", is_open=True, panels=tokenizers),
            ws.Section(name="Training", panels=training),
        ],
    )


def build_specification(group: str, project: str, entity: str) -> dict[str, Any]:
    """Build the specification that would be saved. This needs neither a key nor a network.

    Args:
        group: Group of the runs in W&B.
        project: W&B project.
        entity: W&B user or team.

    Returns:
        Values that can be written as JSON.

    Raises:
        RunError: If wandb-workspaces is not installed.
    """
    workspace = build_workspace(group, project, entity)
    content: dict[str, Any] = workspace._to_model().model_dump(by_alias=True, exclude_none=True, mode="json")
    return content


def save_workspace(group: str, project: str, entity: str | None) -> str:
    """Save the workspace in W&B.

    Args:
        group: Group of the runs in W&B.
        project: W&B project.
        entity: W&B user or team. None means the key's own.

    Returns:
        The address of the workspace.

    Raises:
        RunError: If there is no W&B key, or wandb-workspaces is not installed.
        UnreachableError: If W&B cannot be reached or refuses the workspace.
    """
    if not has_key():
        raise RunError("dashboard: no W&B key in WANDB_API_KEY or the netrc: give one, or use --dry-run")
    try:
        import wandb

        workspace = build_workspace(group, project, entity or wandb.Api(timeout=30).default_entity or "")
        workspace.save()
        return str(workspace.url)
    except MlqaError:
        raise
    except (Exception, SystemExit) as error:
        raise UnreachableError(f"dashboard: W&B did not save the workspace: {summarize_error(error)}") from error
