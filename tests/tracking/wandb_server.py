"""A stand-in for the W&B server, on loopback, with the part of its GraphQL and file stream that these tests need.

That is a run, a sync, a sweep with its agent, a correction of a summary and a saved workspace. The server keeps what it
is sent. It answers 400 to an unknown request, because wandb retries a 5xx for minutes.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlparse

from omegaconf import OmegaConf

ENTITY = "team"
KEY = "k" * 40
SETTINGS = ("groupName", "jobType", "tags", "displayName", "notes", "commit")


@dataclass
class Run:
    """What the server has received about one run."""

    name: str
    project: str = "mlqa"
    sweep: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)  # group, job type, tags, display name, notes, commit
    config: dict[str, Any] = field(default_factory=dict)
    history: dict[int, dict[str, Any]] = field(default_factory=dict)  # by line
    summary: dict[str, Any] = field(default_factory=dict)
    exit_code: int | None = None
    files: dict[str, bytes] = field(default_factory=dict)

    def rows(self) -> list[dict[str, Any]]:
        return [self.history[line] for line in sorted(self.history)]


class WandbServer:
    """A context manager for use with WANDB_BASE_URL=server.url. If `deaf` is set, it hangs like a lost network."""

    def __init__(self) -> None:
        self.runs: dict[str, Run] = {}
        self.sweeps: dict[str, dict[str, Any]] = {}
        self.views: list[dict[str, Any]] = []
        self.artifacts: list[dict[str, Any]] = []
        self.used: list[str] = []  # numbers of artifacts that are the input of a run
        self.unknown: list[str] = []
        self.everything: list[bytes] = []  # every body, to look for what must not be in it
        self.deaf = threading.Event()
        self._closing = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                pass

            def _body(self) -> bytes:
                if "chunked" not in self.headers.get("Transfer-Encoding", ""):
                    return self.rfile.read(int(self.headers.get("Content-Length", 0)))
                parts = []
                while size := int(self.rfile.readline().split(b";")[0], 16):
                    parts.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                return b"".join(parts)

            def _handle(self) -> None:
                body = self._body()
                server.everything.append(body)
                if server.deaf.is_set():
                    server._closing.wait(120)
                    return
                status, answer = server.answer(self.command, urlparse(self.path).path, body)
                content = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = _handle  # noqa: N815  # the names that http.server calls

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._http.handle_error = lambda *_: None  # type: ignore[method-assign]  # clients that hang up
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def __enter__(self) -> WandbServer:
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._closing.set()
        self._http.shutdown()
        self._http.server_close()

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        if stream := re.fullmatch(r"/files/[^/]+/[^/]+/([^/]+)/file_stream", path):
            self._stream(self.runs[stream[1]], json.loads(body))
            return 200, {}
        if upload := re.fullmatch(r"/upload/([^/]+)/(.+)", path):
            self.runs[upload[1]].files[upload[2]] = body
            return 200, {}
        if path.startswith("/sdk/otel/"):  # wandb's own telemetry
            return 200, {}
        if path != "/graphql":
            self.unknown.append(f"{method} {path}")
            return 400, {"errors": [{"message": f"unknown path {path}"}]}
        request = json.loads(body)
        name = request.get("operationName") or re.findall(r"(?:query|mutation)\s+(\w+)", request["query"])[0]
        operation = getattr(self, f"_op_{name}", None)
        if operation is None:
            self.unknown.append(f"{name}: {request['query'][:300]}")
            return 400, {"errors": [{"message": f"unknown operation {name}"}]}
        return 200, {"data": operation(request.get("variables") or {})}

    def _stream(self, run: Run, content: dict[str, Any]) -> None:
        for name, chunk in content.get("files", {}).items():
            rows = (
                [json.loads(line) for line in chunk["content"] if line.strip()] if name.endswith(("l", "son")) else []
            )
            if name == "wandb-history.jsonl":
                run.history.update({chunk["offset"] + number: row for number, row in enumerate(rows)})
            elif name == "wandb-summary.json":
                run.summary = rows[-1]
        if content.get("complete"):
            run.exit_code = content["exitcode"]

    def _op_ServerFeaturesQuery(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"serverInfo": {"features": []}}

    def _op_Viewer(self, _: dict[str, Any]) -> dict[str, Any]:
        teams = {"edges": [{"node": {"id": "T", "name": ENTITY}}]}
        return {
            "viewer": {
                "id": "V",
                "entity": ENTITY,
                "username": "somebody",
                "flags": "{}",
                "teams": teams,
                "admin": False,
            }
        }

    def _op_GetDefaultEntity(self, sent: dict[str, Any]) -> dict[str, Any]:
        return self._op_Viewer(sent)

    def _op_UpsertBucket(self, sent: dict[str, Any]) -> dict[str, Any]:
        name = sent.get("name") or base64.b64decode(sent["id"]).decode().split(":")[-1]
        inserted = name not in self.runs
        run = self.runs.setdefault(name, Run(name, sent.get("project") or "mlqa", sent.get("sweep")))
        run.settings.update(
            {
                key: sent[key]
                for key in ("groupName", "jobType", "tags", "displayName", "notes", "commit")
                if sent.get(key)
            }
        )
        if sent.get("config"):
            run.config = json.loads(sent["config"])
        if sent.get("summaryMetrics"):
            run.summary = json.loads(sent["summaryMetrics"])
        return {"upsertBucket": {"bucket": self._bucket(run), "inserted": inserted}}

    def _op_RunResumeStatus(self, sent: dict[str, Any]) -> dict[str, Any]:
        run = self.runs.get(sent["name"])
        project = {"id": "P", "name": sent["project"], "entity": {"id": "T", "name": ENTITY}}
        return {"model": {**project, "bucket": self._bucket(run) if run else None}}

    def _op_Run(self, sent: dict[str, Any]) -> dict[str, Any]:
        run = self.runs.get(sent["name"])
        return {"project": {"run": self._bucket(run) if run else None}}

    def _op_RunHistoryKeys(self, sent: dict[str, Any]) -> dict[str, Any]:
        rows = self.runs[sent["name"]].rows()
        return {"project": {"run": {"historyKeys": {"lastStep": rows[-1]["_step"] if rows else -1}}}}

    def _op_RunParquetHistory(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"project": {"run": {"parquetHistory": {"parquetUrls": [], "liveData": []}}}}

    def _op_HistoryPage(self, sent: dict[str, Any]) -> dict[str, Any]:
        wanted = range(sent["minStep"], sent["maxStep"])
        rows = [json.dumps(row) for row in self.runs[sent["run"]].rows() if row["_step"] in wanted]
        return {"project": {"run": {"history": rows}}}

    def _op_OrganizationCoreWeaveOrganizationID(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"entity": None}

    def _op_ArtifactType(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"project": {"artifact": None}}

    def _op_GetRun(self, sent: dict[str, Any]) -> dict[str, Any]:
        return {"project": {"internalId": "1", "run": self._bucket(self.runs[sent["name"]])}}

    def _op_CreateRunFiles(self, sent: dict[str, Any]) -> dict[str, Any]:
        name = sent.get("run") or sent.get("runName")
        files = [{"name": file, "uploadUrl": f"{self.url}/upload/{name}/{file}"} for file in sent["files"]]
        return {"createRunFiles": {"runID": name, "uploadHeaders": [], "files": files}}

    def _op_CreateArtifact(self, sent: dict[str, Any]) -> dict[str, Any]:
        asked = sent["input"]
        self.artifacts.append(asked)
        number = f"A{len(self.artifacts) - 1}"
        return {
            "createArtifact": {
                "artifact": {"id": number, "state": "PENDING", "artifactSequence": {"latestArtifact": None}}
            }
        }

    def _op_CreateArtifactManifest(self, sent: dict[str, Any]) -> dict[str, Any]:
        url = f"{self.url}/upload/{self._any_run()}/manifest.json"
        file = {"id": "F", "name": "manifest", "displayName": "manifest", "uploadUrl": url, "uploadHeaders": []}
        return {"createArtifactManifest": {"artifactManifest": {"id": "M", "file": file}}}

    def _op_CreateArtifactFiles(self, sent: dict[str, Any]) -> dict[str, Any]:
        asked = sent.get("artifactFiles") or sent["input"]["artifactFiles"]
        edges = [
            {
                "node": {
                    "id": "F", "name": file["name"], "displayName": file["name"], "uploadHeaders": [],
                    "uploadUrl": f"{self.url}/upload/{self._any_run()}/artifact/{file['name']}",
                    "uploadMultipartUrls": None, "storagePath": file["name"],
                    "artifact": {"id": file.get("artifactID")},
                }
            }
            for file in asked
        ]  # fmt: skip
        return {"createArtifactFiles": {"files": {"edges": edges}}}

    def _op_CommitArtifact(self, sent: dict[str, Any]) -> dict[str, Any]:
        return {"commitArtifact": {"artifact": {"id": sent["artifactID"], "digest": "D", "state": "COMMITTED"}}}

    def _op_UseArtifact(self, sent: dict[str, Any]) -> dict[str, Any]:
        self.used.append(sent["input"]["artifactID"])
        return {"useArtifact": {"artifact": {"id": sent["input"]["artifactID"]}}}

    def _op_ArtifactByID(self, _: dict[str, Any]) -> dict[str, Any]:
        """Know nothing more of an artifact: the client then gives up to look at what it has sent."""
        return {"artifact": None}

    def _any_run(self) -> str:
        return next(reversed(self.runs))

    def _op_UpsertSweep(self, sent: dict[str, Any]) -> dict[str, Any]:
        name = f"sweep{len(self.sweeps)}"
        self.sweeps[name] = {"config": sent["config"], "left": list(self.grid), "project": sent["projectName"]}
        project = {"id": "P", "name": sent["projectName"], "entity": {"id": "T", "name": ENTITY}}
        return {"upsertSweep": {"sweep": {"name": name, "project": project}, "configValidationWarnings": []}}

    def _op_SweepWithRuns(self, sent: dict[str, Any]) -> dict[str, Any]:
        sweep = self.sweeps[sent["sweep"]]
        described = {
            "id": sent["sweep"],
            "name": sent["sweep"],
            "method": "grid",
            "state": "RUNNING",
            "description": "",
        }
        times = dict.fromkeys(("createdAt", "heartbeatAt", "updatedAt"), "2026-01-01T00:00:00")
        rest = {
            "config": sweep["config"],
            "bestLoss": None,
            "controller": None,
            "scheduler": None,
            "runs": {"edges": []},
        }
        return {"project": {"sweep": {**described, **times, **rest, "earlyStopJobRunning": False}}}

    grid: list[dict[str, Any]] = []  # noqa: RUF012  # the runs that the server draws from its next sweep
    too_bad: set[str] = set()  # noqa: RUF012  # runs that it stops after their first evaluation

    def _op_CreateAgent(self, sent: dict[str, Any]) -> dict[str, Any]:
        return {"createAgent": {"agent": {"id": f"agent:{sent['sweep']}"}}}

    def _op_Heartbeat(self, sent: dict[str, Any]) -> dict[str, Any]:
        """Stop the agent's run if it is too bad, as early termination does, or give it its next one."""
        sweep = self.sweeps[sent["id"].split(":")[-1]]
        current = sweep.get("current")
        running = json.loads(sent.get("runState") or sent.get("state") or "{}")
        commands: list[dict[str, Any]] = []
        if current in running:
            if current in self.too_bad & self.runs.keys() and any(
                "eval/f1" in row for row in self.runs[current].rows()
            ):
                commands = [{"type": "stop", "run_id": current}]
        elif sweep["left"]:
            args = {key: {"value": value} for key, value in sweep["left"].pop(0).items()}
            sweep["current"] = f"drawn{len(sweep['left'])}"
            program = OmegaConf.create(sweep["config"])["program"]
            commands = [{"type": "run", "run_id": sweep["current"], "program": program, "args": args}]
        else:
            commands = [{"type": "exit"}]
        return {"agentHeartbeat": {"agent": {"id": sent["id"]}, "commands": json.dumps(commands)}}

    def _op_UpsertView2(self, sent: dict[str, Any]) -> dict[str, Any]:
        """Save a workspace or a report: over the one with this id, or as a new one."""
        known = [view for view in self.views if sent.get("id") and view["id"] == sent["id"]]
        view = known[0] if known else {"id": f"W{len(self.views)}"}
        view.update({**sent, "id": view["id"]})
        if not known:
            self.views.append(view)
        shown = {
            "id": view["id"], "name": view["name"], "type": view["type"], "displayName": view["displayName"],
            "spec": view["spec"], "description": view["description"], "previewUrl": None,
            "project": {"id": "P", "name": view["projectName"], "entityName": ENTITY},
        }  # fmt: skip
        return {"upsertView": {"view": shown, "inserted": not known}}

    _op_upsertView = _op_UpsertView2  # noqa: N815

    def _op_Views(self, sent: dict[str, Any]) -> dict[str, Any]:
        found = [{"node": view} for view in self.views if view["type"] == sent["viewType"]]
        return {"project": {"allViews": {"edges": found}}}

    def _op_ProjectInternalId(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"project": {"id": "P", "internalId": "1"}}

    def _op_GetProjects(self, _: dict[str, Any]) -> dict[str, Any]:
        node = {
            "__typename": "Project", "id": "P", "name": "mlqa", "entityName": ENTITY, "isBenchmark": False,
            "createdAt": "2026-01-01T00:00:00", "user": None,
        }  # fmt: skip
        page = {"__typename": "PageInfo", "endCursor": None, "hasNextPage": False}
        return {"models": {"pageInfo": page, "edges": [{"node": node}]}}

    def _op_Runs(self, sent: dict[str, Any]) -> dict[str, Any]:
        asked = json.loads(sent["filters"])
        left_out = (asked.get("jobType") or {}).get("$ne")
        runs = [run for run in self.runs.values() if run.settings.get("groupName") == asked.get("group")]
        runs = [run for run in runs if not left_out or run.settings.get("jobType") != left_out]
        edges = [{"node": self._bucket(run), "cursor": run.name} for run in runs]
        page = {"endCursor": None, "hasNextPage": False}
        return {
            "project": {
                "internalId": "1",
                "runCount": len(edges),
                "readOnly": False,
                "runs": {"edges": edges, "pageInfo": page},
            }
        }

    def _bucket(self, run: Run) -> dict[str, Any]:
        project = {"id": "P", "name": run.project, "internalId": "1", "entity": {"id": "T", "name": ENTITY}}
        tail = [json.dumps(row) for row in run.rows()[-1:]]
        return {
            "id": base64.b64encode(f"Run:v1:{run.name}".encode()).decode(), "name": run.name, "project": project,
            "displayName": run.settings.get("displayName", run.name), "description": None, "notes": None,
            "config": json.dumps(run.config), "summaryMetrics": json.dumps(run.summary), "sweepName": run.sweep,
            "tags": run.settings.get("tags", []), "state": "finished", "group": run.settings.get("groupName"),
            "jobType": run.settings.get("jobType"), "historyLineCount": len(run.history), "eventsLineCount": 0,
            "logLineCount": 0, "historyTail": json.dumps(tail), "eventsTail": "[]",
            "wandbConfig": json.dumps({"t": {}}),  # a run without it is taken for one that never began
            "createdAt": "2026-01-01T00:00:00", "heartbeatAt": "2026-01-01T00:00:00", "commit": None,
            "user": {"name": "somebody", "username": "somebody"},
            "readOnly": False, "systemMetrics": "{}", "historyKeys": {}, "runInfo": None, "projectId": "1",
        }  # fmt: skip
