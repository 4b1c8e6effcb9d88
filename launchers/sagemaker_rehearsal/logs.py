"""The output of a job: sent to CloudWatch Logs line by line, and searched for metrics."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Sequence
from typing import IO, Any

from sagemaker_rehearsal.clients import Clients
from sagemaker_rehearsal.training_jobs import TrainingJob

GROUP = "/aws/sagemaker/TrainingJobs"
LONGEST = 200_000  # characters of a line: CloudWatch accepts 256 KB per event
SECONDS = 0.3  # between two deliveries


class LogStream:
    """The stream of one host, `<job>/algo-<n>-<time>`, delivered by a thread of its own until it is closed."""

    def __init__(self, clients: Clients, job: TrainingJob, host: str) -> None:
        """Create the stream."""
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
        """Add one line without its line end. Of a progress bar only the last state is kept."""
        text = text.rstrip("\r\n").rpartition("\r")[2][:LONGEST]
        now = time.time()
        for name, pattern in self._metrics:
            for match in pattern.finditer(text):
                try:
                    value = float(match.group(1) if pattern.groups else match.group())
                except (TypeError, ValueError):
                    continue
                with self._job.lock:
                    self._job.metrics[name] = (value, now)
        if text:  # CloudWatch accepts no empty event
            with self._lock:
                self._waiting.append({"timestamp": int(now * 1000), "message": text})

    def close(self) -> None:
        """Deliver the remaining lines and end the thread."""
        self._closed.set()
        self._thread.join()

    def _deliver(self) -> None:
        while True:
            last = self._closed.wait(SECONDS)
            with self._lock:
                events, self._waiting = self._waiting, []
            try:
                if events:
                    self._logs.put_log_events(logGroupName=GROUP, logStreamName=self._stream, logEvents=events)
            except Exception as error:  # as on AWS, the job goes on without its log
                print(f"{self._stream}: {len(events)} lines were lost: {error}", flush=True)
            if last:
                return


class OutputReader:
    """Reads the output of a process to its end into a stream, in a thread of its own.

    Attributes:
        last_lines: The last 200 lines, for the message of a failure.
    """

    def __init__(self, output: IO[bytes], stream: LogStream) -> None:
        """Start reading."""
        self._output = output
        self._stream = stream
        self.last_lines: list[str] = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def finish(self, seconds: float) -> None:
        """Wait for the end of the output.

        Args:
            seconds: How long to wait at most: a process that escaped may keep the output open.
        """
        self._thread.join(seconds)

    def _read(self) -> None:
        for raw in self._output:
            text = raw.decode("utf-8", "replace")
            self._stream.write_line(text)
            self.last_lines = [*self.last_lines[-199:], text.rstrip("\r\n")]


def extract_exception(lines: Sequence[str]) -> str:
    """Find the exception of a failed program.

    Args:
        lines: The last lines of its output.

    Returns:
        At most five lines from the end of the last traceback, empty if there is none.
    """
    starts = [number for number, line in enumerate(lines) if line.startswith("Traceback (most recent call last)")]
    if not starts:
        return ""
    rest = [line for line in lines[starts[-1] + 1 :] if line and not line.startswith((" ", "\t"))]
    return "\n".join(rest[:5])


def _create_if_missing(create: Any, **names: str) -> None:
    try:
        create(**names)
    except Exception as error:
        if "ResourceAlreadyExists" not in str(error):
            print(f"{names}: {error}", flush=True)
