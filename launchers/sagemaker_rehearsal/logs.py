"""What a job prints: to CloudWatch Logs line by line, and held against the metric definitions on the way."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Sequence
from typing import IO, Any

from sagemaker_rehearsal.clients import Clients
from sagemaker_rehearsal.training_jobs import TrainingJob

GROUP = "/aws/sagemaker/TrainingJobs"
LONGEST = 200_000  # characters of a line; CloudWatch takes 256 KB an event
BATCH = 5_000  # CloudWatch takes 10,000 events and 1 MB a request
SECONDS = 0.3  # between two deliveries


class LogStream:
    """One host's stream, `<job>/algo-<n>-<time>`, delivered by a thread of its own until it is closed."""

    def __init__(self, clients: Clients, job: TrainingJob, host: str) -> None:
        self._logs = clients.get("logs", job.region)
        self._stream = f"{job.name}/{host}-{time.time_ns() // 1_000_000}"
        self._job = job
        self._metrics = [
            (entry["Name"], re.compile(entry["Regex"]))
            for entry in job.request["AlgorithmSpecification"].get("MetricDefinitions", [])
        ]
        self._lock = threading.Lock()
        self._waiting: list[dict[str, Any]] = []
        self._closed = threading.Event()
        _create_if_missing(self._logs.create_log_group, logGroupName=GROUP)
        _create_if_missing(self._logs.create_log_stream, logGroupName=GROUP, logStreamName=self._stream)
        self._thread = threading.Thread(target=self._deliver, daemon=True)
        self._thread.start()

    def write_line(self, text: str) -> None:
        """Takes one line, without its line end; a progress bar's line ends in what it showed last."""
        text = text.rstrip("\r\n").rpartition("\r")[2][:LONGEST]
        now = time.time()
        for name, pattern in self._metrics:
            for found in pattern.finditer(text):
                try:
                    value = float(found.group(1) if pattern.groups else found.group())
                except (TypeError, ValueError):
                    continue
                with self._job.lock:
                    self._job.metrics[name] = (value, now)
        if text:  # CloudWatch takes no empty event
            with self._lock:
                self._waiting.append({"timestamp": int(now * 1000), "message": text})

    def close(self) -> None:
        """Delivers what is left."""
        self._closed.set()
        self._thread.join()

    def _deliver(self) -> None:
        while True:
            last = self._closed.wait(SECONDS)
            with self._lock:
                events, self._waiting = self._waiting, []
            for batch in _split_into_batches(events):
                try:
                    self._logs.put_log_events(logGroupName=GROUP, logStreamName=self._stream, logEvents=batch)
                except Exception as error:  # as on AWS, a job goes on without its log
                    print(f"{self._stream}: {len(batch)} lines are lost: {error}", flush=True)
            if last:
                return


class OutputReader:
    """Reads a process's output to its end, into a stream; keeps the last lines for the failure's message."""

    def __init__(self, output: IO[bytes], stream: LogStream) -> None:
        self._output = output
        self._stream = stream
        self.last_lines: list[str] = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def finish(self, seconds: float) -> None:
        """Waits for the output's end, not for ever: a process that got away may hold it open."""
        self._thread.join(seconds)

    def _read(self) -> None:
        for raw in self._output:
            text = raw.decode("utf-8", "replace")
            self._stream.write_line(text)
            self.last_lines = [*self.last_lines[-199:], text.rstrip("\r\n")]


def extract_exception(lines: Sequence[str]) -> str:
    """The exception that the last traceback among some lines ends in; empty where there is none."""
    starts = [number for number, line in enumerate(lines) if line.startswith("Traceback (most recent call last)")]
    if not starts:
        return ""
    behind = [line for line in lines[starts[-1] + 1 :] if line and not line.startswith((" ", "\t"))]
    return "\n".join(behind[:5])


def _split_into_batches(events: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    batches: list[list[dict[str, Any]]] = []
    size = 0
    for event in events:
        length = 4 * len(event["message"]) + 26
        if not batches or len(batches[-1]) >= BATCH or size + length > 1_000_000:
            batches.append([])
            size = 0
        batches[-1].append(event)
        size += length
    return batches


def _create_if_missing(create: Any, **names: str) -> None:
    try:
        create(**names)
    except Exception as error:
        if "ResourceAlreadyExists" not in str(error):
            print(f"{names}: {error}", flush=True)
