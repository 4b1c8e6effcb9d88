"""A W&B workspace of a sweep, as code: the panels a comparison of models and hardware begins with."""

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
    """The workspace of the runs of `group`, not yet saved. Raises RunError where wandb-workspaces is not installed."""
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
                        title="What decides F1",
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
                    panels.BarPlot(title="Tokens a word", metrics=[FERTILITY], groupby="model", orientation="h"),
                    panels.ScatterPlot(
                        title="The best F1 a tokenizer permits, and the F1 reached",
                        x=panels.SummaryMetric(ORACLE),
                        y=panels.SummaryMetric(F1),
                    ),
                ],
            ),
            ws.Section(
                name="Training",
                panels=[
                    panels.LinePlot(title="Loss", x=panels.Metric(STEP), y=[panels.Metric(LOSS)]),
                    panels.LinePlot(title="F1 on the way", x=panels.Metric(STEP), y=[panels.Metric(EVAL_F1)]),
                ],
            ),
        ],
    )


def build_specification(group: str, project: str, entity: str) -> dict[str, Any]:
    """What would be saved, as JSON-able values; needs neither key nor network. Errors as of `workspace`."""
    made = build_workspace(group, project, entity)
    content: dict[str, Any] = made._to_model().model_dump(by_alias=True, exclude_none=True, mode="json")
    return content


def save_workspace(group: str, project: str, entity: str | None) -> str:
    """Saves the workspace and returns its address; `entity` None: the key's own.

    Raises RunError without a key, UnreachableError where W&B cannot be reached or refuses.
    """
    if not has_key():
        raise RunError("mlqa dashboard: no W&B key in WANDB_API_KEY or the netrc: give one, or use --dry-run")
    try:
        import wandb

        made = build_workspace(group, project, entity or wandb.Api(timeout=30).default_entity or "")
        made.save()
        return str(made.url)
    except MlqaError:
        raise
    except (Exception, SystemExit) as error:
        raise UnreachableError(f"mlqa dashboard: W&B did not take the workspace: {summarize_error(error)}") from error
