"""The pictures of our report at W&B: an HTML file of a run of their own, which a panel of the W&B report shows.

A picture in a W&B report has an address or belongs to a run. The report's pictures are drawn by HTML and have no
address, and a member's own run must not change.
"""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from mlqa.config.schema import TrackingConfig
from mlqa.errors import UnreachableError
from mlqa.tracking.protocol import RunIdentity
from mlqa.tracking.wandb_connection import READ_SECONDS, close_run, open_run

PICTURES = "report/pictures"
JOB_TYPE = "mlqa report"  # by which charts of the members leave the run out


def upload_pictures(html: str, group: str, project: str, entity: str | None) -> None:
    """Upload pictures to the run of a group that holds them. A later call replaces what the run shows.

    Args:
        html: A document without scripts that fetches nothing.
        group: Group of the members in W&B.
        project: W&B project.
        entity: W&B user or team. None means the key's own.

    Raises:
        UnreachableError: W&B cannot be reached or refuses.
    """
    import wandb

    name = f"report-{hashlib.sha256(group.encode()).hexdigest()[:16]}"
    with tempfile.TemporaryDirectory() as folder:
        config = TrackingConfig(project=project, entity=entity, dir=folder, finish_timeout=2.0 * READ_SECONDS)
        identity = RunIdentity(name, group, (), {}, Path(folder), name=f"report of {group}"[:128], job_type=JOB_TYPE)
        run, mode = open_run(config, identity, "online")
        try:
            if mode == "online":
                run.log({PICTURES: wandb.Html(html, inject=False)})
        finally:
            close_run(run, 0, config.finish_timeout)
    if mode != "online":
        raise UnreachableError("dashboard: W&B did not take the pictures of the report; try again later")
