"""A W&B workspace for a sweep, as code: the first panels of a comparison of models and hardware."""

from __future__ import annotations

from typing import Any

from mlqa.errors import MlqaError, RunError, UnreachableError, summarize_error
from mlqa.tracking.tables import FIGURE_TABLE, WORD_TABLE
from mlqa.tracking.wandb_mode import has_key

F1, COST, TRAIN_SECONDS = "best/f1", "cost/usd", "timing/train_seconds"
FERTILITY, ORACLE = "tokenization/fertility", "tokenization/oracle_f1"
STEP, LOSS, EVAL_F1 = "train/global_step", "train/loss", "eval/f1"
INSTALL = "mlqa dashboard needs wandb-workspaces: pip install 'mlqa[dashboard]'"


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

    return ws.Workspace(
        entity=entity,
        project=project,
        name=f"mlqa {group}",
        runset_settings=ws.RunsetSettings(filters=[ws.Metric("Group") == group]),
        sections=[
            ws.Section(
                name="Scores and cost",
                is_open=True,
                panels=[
                    panels.BarPlot(title="F1 by model", metrics=[F1], groupby="model", orientation="h"),
                    panels.BarPlot(title="F1 by hardware", metrics=[F1], groupby="hardware", orientation="h"),
                    panels.ScatterPlot(
                        title="Cost against F1", x=panels.SummaryMetric(COST), y=panels.SummaryMetric(F1)
                    ),
                    panels.ParallelCoordinatesPlot(
                        title="F1 by settings and cost",
                        columns=[
                            panels.ParallelCoordinatesPlotColumn(panels.Config("model")),
                            panels.ParallelCoordinatesPlotColumn(panels.Config("hardware")),
                            panels.ParallelCoordinatesPlotColumn(panels.SummaryMetric(FERTILITY)),
                            panels.ParallelCoordinatesPlotColumn(panels.SummaryMetric(TRAIN_SECONDS)),
                            panels.ParallelCoordinatesPlotColumn(panels.SummaryMetric(COST)),
                            panels.ParallelCoordinatesPlotColumn(panels.SummaryMetric(F1)),
                        ],
                    ),
                ],
            ),
            ws.Section(
                name="Tokenizers",
                is_open=True,
                panels=[
                    panels.WeavePanelSummaryTable(table_name=FIGURE_TABLE),
                    panels.WeavePanelSummaryTable(table_name=WORD_TABLE),
                    panels.BarPlot(title="Tokens per word", metrics=[FERTILITY], groupby="model", orientation="h"),
                    panels.ScatterPlot(
                        title="Best F1 that a tokenizer permits against F1 reached",
                        x=panels.SummaryMetric(ORACLE),
                        y=panels.SummaryMetric(F1),
                    ),
                ],
            ),
            ws.Section(
                name="Training",
                panels=[
                    panels.LinePlot(title="Loss", x=panels.Metric(STEP), y=[panels.Metric(LOSS)]),
                    panels.LinePlot(title="F1 during training", x=panels.Metric(STEP), y=[panels.Metric(EVAL_F1)]),
                ],
            ),
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
        raise RunError("mlqa dashboard: no W&B key in WANDB_API_KEY or the netrc: give one, or use --dry-run")
    try:
        import wandb

        workspace = build_workspace(group, project, entity or wandb.Api(timeout=30).default_entity or "")
        workspace.save()
        return str(workspace.url)
    except MlqaError:
        raise
    except (Exception, SystemExit) as error:
        raise UnreachableError(f"mlqa dashboard: W&B did not save the workspace: {summarize_error(error)}") from error
