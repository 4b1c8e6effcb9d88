"""An OpenAI-compatible endpoint on loopback whose answers are known. A plan says how it treats each request."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "sk-stand-in-0123456789"
MODEL = "stand-in/known-answers"
Answer = tuple[int, dict[str, str], bytes]  # status, headers, body


@dataclass
class StandIn:
    """The server, what it was asked, and how it answers.

    Attributes:
        answer: From the last message or the prompt to what the model writes.
        troubles: Taken one per request before any answer: a status, a raw answer, or seconds to keep silent.
        key: The key that it wants, None if it wants none.
        counts: Whether it counts tokens: one per 4 characters of the request, one per word of the answer.
    """

    base_url: str = ""
    answer: Callable[[str], str | None] = lambda asked: "kedi"
    troubles: list[int | float | Answer] = field(default_factory=list)
    key: str | None = None
    counts: bool = True
    finish: str = "stop"
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    busy: int = 0
    most_busy: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def reply(self, route: str, body: dict[str, Any]) -> Answer:
        asked = body["messages"][-1]["content"] if route == "chat" else body["prompt"]
        text = self.answer(asked)
        if text is None:
            return 400, {}, json.dumps({"error": {"message": "content filter"}}).encode()
        choice: dict[str, Any] = {"index": 0, "finish_reason": self.finish}
        choice |= {"message": {"role": "assistant", "content": text}} if route == "chat" else {"text": text}
        content: dict[str, Any] = {"model": MODEL, "choices": [choice]}
        if self.counts:
            size = len(json.dumps(body.get("messages", body.get("prompt")), ensure_ascii=False))
            content["usage"] = {"prompt_tokens": size // 4, "completion_tokens": len(text.split())}
        return 200, {}, json.dumps(content, ensure_ascii=False).encode()


class _Handler(BaseHTTPRequestHandler):
    stand_in: StandIn
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # headers and body in one packet, or each reply would wait 40 ms for an acknowledgement

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        if self.path.endswith("/models"):
            self._send((200, {}, json.dumps({"data": [{"id": MODEL}]}).encode()))
        else:
            self._send((404, {}, b"{}"))

    def do_POST(self) -> None:
        it = self.stand_in
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with it.lock:
            it.bodies.append(body)
            it.headers.append(dict(self.headers))
            it.busy += 1
            it.most_busy = max(it.most_busy, it.busy)
            trouble = it.troubles.pop(0) if it.troubles else None
        try:
            if it.key is not None and self.headers.get("Authorization") != f"Bearer {it.key}":
                # As some servers do, it repeats the key that it refuses.
                said = f"Incorrect API key provided: {self.headers.get('Authorization')}"
                self._send((401, {}, json.dumps({"error": {"message": said}}).encode()))
            elif isinstance(trouble, int):
                self._send((trouble, {}, json.dumps({"error": {"message": f"trouble {trouble}"}}).encode()))
            elif isinstance(trouble, float):
                time.sleep(trouble)
                self.close_connection = True
            elif trouble is not None:
                self._send(trouble)
            else:
                self._send(it.reply("chat" if self.path.endswith("/chat/completions") else "completions", body))
        except (BrokenPipeError, ConnectionResetError):
            pass
        finally:
            with it.lock:
                it.busy -= 1

    def _send(self, answer: Answer) -> None:
        status, headers, body = answer
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


@contextmanager
def serve(**settings: Any) -> Iterator[StandIn]:
    """Run a stand-in as long as the block lasts."""
    stand_in = StandIn(**settings)
    handler = type("Handler", (_Handler,), {"stand_in": stand_in})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    stand_in.base_url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield stand_in
    finally:
        server.shutdown()
        server.server_close()
