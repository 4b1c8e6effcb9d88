"""Hydra's own overrides reach a job as they reach a member on this machine, also those that add a key."""

from __future__ import annotations

from pathlib import Path

import pytest
from launcher_app import App, Service

BODY = '    (out / "env.txt").write_text(os.environ.get("NOTE", "none"), "utf-8")\n'


@pytest.mark.slow
def test_a_key_of_hydra_that_is_added(service: Service, tmp_path: Path) -> None:
    """`+hydra.job.env_set.NOTE=X` was added twice, after the upload."""
    app = App.make(tmp_path, BODY, environment=service.environment())
    done = app.run("hardware=local,m5", "+hydra.job.env_set.NOTE=X", sweep="plus")
    assert done.code == 0, done.output
    for number in range(2):
        assert (app.root / "plus" / str(number) / "env.txt").read_text("utf-8") == "X"
