"""A W&B workspace and a W&B report for a sweep, as code. Each is made once per group and then updated."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from typing import Any

from mlqa.errors import MlqaError, RunError, UnreachableError
from mlqa.tracking.panels import (
    F1,
    FERTILITY,
    build_score_panels,
    import_workspaces,
    plot_bars,
    plot_lines,
    plot_points,
    select_members,
)
from mlqa.tracking.report_pictures import JOB_TYPE, PICTURES, upload_pictures
from mlqa.tracking.swept_keys import DEFAULT_KEYS, find_differing_keys
from mlqa.tracking.tables import EVALUATION_TABLE, FIGURE_TABLE, PREDICTION_TABLE, WORD_PAGE, WORD_TABLE
from mlqa.tracking.wandb_connection import READ_SECONDS, describe_failure
from mlqa.tracking.wandb_mode import has_key

STEP, EPOCH = "train/global_step", "train/epoch"
WORKSPACES, REPORTS = "project-view", "runs"  # what W&B calls the two kinds of a view
_VIEWS = """
query Views($entityName: String, $name: String, $viewType: String) {
    project(name: $name, entityName: $entityName) {
        allViews(viewType: $viewType) { edges { node { id name displayName } } }
    }
}
"""


def build_workspace(group: str, project: str, entity: str, swept: Sequence[str] = DEFAULT_KEYS) -> Any:
    """Build the workspace that shows the runs of `group`, without saving it.

    Args:
        group: Group of the runs in W&B.
        project: W&B project.
        entity: W&B user or team.
        swept: The settings that the members differ in, by dotted key.

    Returns:
        A `wandb_workspaces.workspaces.Workspace`.

    Raises:
        RunError: If wandb-workspaces is not installed.
    """
    panels, ws = import_workspaces()
    tokenizers = [
        panels.MediaBrowser(title="How each tokenizer cuts words", media_keys=[WORD_PAGE]),
        panels.WeavePanelSummaryTable(table_name=FIGURE_TABLE),
        panels.WeavePanelSummaryTable(table_name=WORD_TABLE),
        plot_bars(panels, "Tokens per word", FERTILITY, "label"),
        plot_bars(panels, "Words of several tokens", "tokenization/continued_words", "label"),
        plot_points(panels, "Best F1 that a tokenizer permits against F1 reached", "tokenization/oracle_f1", F1),
        plot_points(panels, "Tokens per word against F1", FERTILITY, F1),
    ]
    training = [
        plot_lines(panels, "Loss", "train/loss", STEP),
        plot_lines(panels, "F1 by step", "eval/f1", STEP),
        plot_lines(panels, "F1 by epoch", "eval/f1", EPOCH),
        plot_lines(panels, "Learning rate", "train/learning_rate", STEP),
    ]
    tables = [panels.WeavePanelSummaryTable(table_name=name) for name in (EVALUATION_TABLE, PREDICTION_TABLE)]
    machine = [
        panels.LinePlot(title=title, x="_runtime", y=[panels.Metric(f"system/gpu.0.{name}")])
        for title, name in (("GPU use, %", "gpu"), ("GPU memory, %", "memoryAllocated"), ("GPU power, W", "powerWatts"))
    ]
    return ws.Workspace(
        entity=entity,
        project=project,
        name=_name_workspace(group),
        runset_settings=ws.RunsetSettings(filters=select_members(ws, group)),
        sections=[
            ws.Section(name="Scores and cost", is_open=True, panels=build_score_panels(panels, swept)),
            ws.Section(name="Tokenizers", is_open=True, panels=tokenizers),
            ws.Section(name="Sets and questions", panels=tables),
            ws.Section(name="Training", panels=training),
            ws.Section(name="Machine", panels=machine),
        ],
    )


def build_report(
    group: str,
    project: str,
    entity: str,
    text: str,
    swept: Sequence[str] = DEFAULT_KEYS,
    offline: bool = False,
    has_pictures: bool = False,
) -> Any:
    """Build the W&B report of a sweep: what our report says, its table and pictures, and live panels.

    Args:
        group: Group of the runs in W&B.
        project: W&B project.
        entity: W&B user or team.
        text: Content of the report's results.md.
        swept: The settings that the members differ in, by dotted key.
        offline: Whether W&B must not be asked for the id of the project, which the panels' runs then lack.
        has_pictures: Whether `upload_pictures` uploads pictures of our report.

    Returns:
        A `wandb_workspaces.reports.v2.Report`.

    Raises:
        RunError: If wandb-workspaces is not installed.
    """
    panels, ws = import_workspaces()
    place = {} if offline else {"project": project, "entity": entity}
    blocks = [panels.MarkdownBlock(text=text)]
    if has_pictures:
        drawn = [ws.Metric("Group") == group, ws.Metric("JobType") == JOB_TYPE]
        layout = panels.Layout(w=24, h=30)
        browser = panels.MediaBrowser(title="Pictures", media_keys=[PICTURES], num_columns=1, layout=layout)
        runs = panels.Runset(**place, name=f"report of {group}", filters=drawn)
        blocks.append(panels.PanelGrid(runsets=[runs], panels=[browser]))
    members = panels.Runset(**place, name=group, filters=select_members(ws, group))
    blocks.append(panels.PanelGrid(runsets=[members], panels=build_score_panels(panels, swept)))
    return panels.Report(
        project=project,
        entity=entity,
        title=_name_workspace(group)[:128],
        description="Made by mlqa. A change made here is lost when it is made again.",
        blocks=blocks,
        width="fluid",
    )


def build_specification(
    group: str,
    project: str,
    entity: str,
    swept: Sequence[str] = DEFAULT_KEYS,
    text: str | None = None,
    has_pictures: bool = False,
) -> dict[str, Any]:
    """Build the specification of what would be saved. This needs neither a key nor a network.

    Args:
        group: Group of the runs in W&B.
        project: W&B project.
        entity: W&B user or team.
        swept: The settings that the members differ in, by dotted key.
        text: Content of the report's results.md, None for no report.
        has_pictures: Whether the report has pictures.

    Returns:
        Values that can be written as JSON: of the workspace, or {"workspace", "report"} if there is a text.

    Raises:
        RunError: If wandb-workspaces is not installed.
    """
    workspace = _dump(build_workspace(group, project, entity, swept))
    if text is None:
        return workspace
    report = build_report(group, project, entity, text, swept, offline=True, has_pictures=has_pictures)
    return {"workspace": workspace, "report": _dump(report)}


def _dump(view: Any) -> dict[str, Any]:
    content: dict[str, Any] = view._to_model().model_dump(by_alias=True, exclude_none=True, mode="json")
    return content


def save_dashboard(
    group: str,
    project: str,
    entity: str | None,
    swept: Sequence[str] | None,
    text: str | None,
    pictures: str = "",
) -> list[str]:
    """Save the workspace, and the report if there is a text, in W&B. What was saved before is updated.

    Args:
        group: Group of the runs in W&B.
        project: W&B project.
        entity: W&B user or team. None means the key's own.
        swept: The settings that the members differ in. None means that W&B is asked for the runs of the group.
        text: Content of the report's results.md, None for no report.
        pictures: The pictures of the report as an HTML document, "" for none.

    Returns:
        The addresses of the workspace and of the report.

    Raises:
        RunError: If there is no W&B key, or wandb-workspaces is not installed.
        UnreachableError: If W&B cannot be reached or refuses.
    """
    if not has_key():
        raise RunError("dashboard: no W&B key in WANDB_API_KEY or the netrc: give one, or use --dry-run")
    import_workspaces()
    os.environ.setdefault("WANDB_SILENT", "true")  # it prints addresses itself
    try:
        import wandb

        api = wandb.Api(timeout=READ_SECONDS)
        entity = entity or api.default_entity or ""
        if swept is None:
            members = {"group": group, "jobType": {"$ne": JOB_TYPE}}
            runs = api.runs(f"{entity}/{project}", filters=members)
            swept = find_differing_keys([run.config.get("cfg") or {} for run in runs]) or DEFAULT_KEYS
        workspace = build_workspace(group, project, entity, swept)
        saved = _find_view(api, entity, project, WORKSPACES, workspace.name)
        workspace._internal_id, workspace._internal_name = saved or ("", _name_view(group))
        addresses = [str(workspace.save().url)]
        if text is not None:
            if pictures:
                upload_pictures(pictures, group, project, entity)
            report = build_report(group, project, entity, text, swept, has_pictures=bool(pictures))
            if saved := _find_view(api, entity, project, REPORTS, report.title):
                report.id = saved[0]
            addresses.append(str(report.save().url))
    except MlqaError:
        raise
    except (Exception, SystemExit) as error:
        raise UnreachableError(f"dashboard: {describe_failure(error)}") from error
    return addresses


def _name_workspace(group: str) -> str:
    return f"mlqa {group}"


def _name_view(group: str) -> str:
    """Return W&B's own name of a workspace, the same for the same group."""
    return f"nw-{hashlib.sha256(group.encode()).hexdigest()[:11]}-v"


def _find_view(api: Any, entity: str, project: str, kind: str, title: str) -> tuple[str, str] | None:
    """Return W&B's id and name of the view with this title, None if there is none yet."""
    from wandb_workspaces._graphql import execute_graphql

    asked = {"entityName": entity, "name": project, "viewType": kind}
    found = execute_graphql(api, _VIEWS, asked).get("project") or {}
    for edge in (found.get("allViews") or {}).get("edges", []):
        if edge["node"]["displayName"] == title:
            return edge["node"]["id"], edge["node"]["name"]
    return None
