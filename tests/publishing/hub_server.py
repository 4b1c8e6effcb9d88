"""A stand-in of the Hugging Face hub on loopback: the calls of an upload, and what they left."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "hf_" + "loopback" * 5
USER = "tester"


class Hub:
    """What the stand-in has seen. Files lie by repository and name."""

    def __init__(self) -> None:
        self.repositories: dict[str, dict[str, Any]] = {}
        self.files: dict[str, dict[str, bytes]] = {}
        self.blobs: dict[str, bytes] = {}
        self.calls: list[str] = []
        self.url = ""
        self.may_write = True


def make_handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def reply(self, content: Any, status: int = 200) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def read(self) -> bytes:
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))

        def is_known(self) -> bool:
            if self.headers.get("Authorization") == f"Bearer {TOKEN}":
                return True
            self.reply({"error": "Invalid username or password."}, 401)
            return False

        def do_GET(self) -> None:
            hub.calls.append(f"GET {self.path}")
            if not self.is_known():
                return
            if self.path.startswith("/api/whoami"):
                self.reply({"name": USER, "type": "user", "auth": {"accessToken": {"role": "write"}}})
            else:
                self.reply({"error": "not found"}, 404)

        def do_PUT(self) -> None:
            hub.calls.append(f"PUT {self.path}")
            hub.blobs[self.path.rpartition("/")[2]] = self.read()
            self.reply({})

        def do_POST(self) -> None:
            hub.calls.append(f"POST {self.path}")
            body = self.read()
            if not self.is_known():
                return
            path = self.path.partition("?")[0]
            if path == "/api/repos/create":
                if not hub.may_write:
                    self.reply({"error": "You don't have the rights"}, 403)
                    return
                asked = json.loads(body)
                name = f"{asked.get('organization') or USER}/{asked['name']}"
                hub.repositories[name] = asked
                self.reply({"url": f"{hub.url}/{name}", "name": name})
            elif path == "/api/validate-yaml":
                self.reply({"errors": [], "warnings": []})
            elif "/preupload/" in path:
                files = [
                    {
                        "path": file["path"],
                        "uploadMode": "lfs" if file["path"].endswith((".safetensors", ".onnx")) else "regular",
                        "shouldIgnore": False,
                        "oid": None,
                    }
                    for file in json.loads(body)["files"]
                ]
                self.reply({"files": files})
            elif path.endswith("/info/lfs/objects/batch"):
                objects = json.loads(body)["objects"]
                self.reply(
                    {
                        "transfer": "basic",
                        "objects": [
                            {**one, "actions": {"upload": {"href": f"{hub.url}/blobs/{one['oid']}", "header": {}}}}
                            for one in objects
                        ],
                    }
                )
            elif "/commit/" in path:
                name = path.removeprefix("/api/models/").partition("/commit/")[0]
                for line in body.splitlines():
                    operation = json.loads(line)
                    value = operation["value"]
                    if operation["key"] == "file":
                        hub.files.setdefault(name, {})[value["path"]] = base64.b64decode(value["content"])
                    elif operation["key"] == "lfsFile":
                        hub.files.setdefault(name, {})[value["path"]] = hub.blobs[value["oid"]]
                oid = "0" * 40
                self.reply({"success": True, "commitOid": oid, "commitUrl": f"{hub.url}/{name}/commit/{oid}"})
            else:
                self.reply({"error": f"no such call: {path}"}, 404)

    return Handler


@contextmanager
def serve_hub() -> Iterator[Hub]:
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), make_handler(hub))
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
