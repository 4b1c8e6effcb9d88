"""The apps of the tests of whole sweeps: one does what its task says, the other takes steps and keeps checkpoints."""

from __future__ import annotations

from pathlib import Path

from launcher_app import App, Service

TASKS = r"""
if cfg.task == "raise":
    raise ValueError("no such word: ağaç")
if cfg.task == "exit":
    sys.exit(3)
if cfg.task == "leave":
    sys.exit(0)
if cfg.task == "list":
    return [(1, 2), {"f1": 0.5}]
if cfg.task == "result":
    result = {"schema_version": 1, "status": "completed", "objective": 75.5, "metrics": {"f1": 75.5}, "cost": None}
    (out / "result.json").write_text(json.dumps(result), "utf-8")
"""

ENDED = """
from pathlib import Path


def note(sweep_dir):
    path = Path(sweep_dir, "ended.txt")
    path.write_text((path.read_text() if path.exists() else "") + "called\\n")


def bad(sweep_dir):
    note(sweep_dir)
    raise RuntimeError("the report broke")
"""

STEPS = r"""
import time
state = Path(os.environ.get("SM_CHECKPOINT_DIR", out)) / "steps"
done = int(state.read_text()) if state.exists() else 0
(out / "began").write_text(str(done))
while done < cfg.steps:
    time.sleep(0.1)
    done += 1
    new = state.with_name("steps.new")
    new.write_text(str(done))
    new.replace(state)
"""

CONFIG_OF_STEPS = """
defaults:
  - _self_
  - hardware: m5
  - override hydra/launcher: sagemaker
x: 1
task: ok
steps: 0
hydra:
  launcher:
    job_name: job
"""


def make_app_of_tasks(root: Path, service: Service) -> App:
    app = App.make(root, TASKS, environment=service.environment())
    (app.root / "ended.py").write_text(ENDED, "utf-8")
    return app


def make_app_of_steps(root: Path, service: Service) -> App:
    return App.make(root, STEPS, CONFIG_OF_STEPS, service.environment())
