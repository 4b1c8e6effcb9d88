"""The output of a job: put into moto's CloudWatch Logs line by line, and searched for metrics."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Sequence

from moto.backends import get_backend

from sagemaker_rehearsal.training_jobs import ACCOUNT, TrainingJob

GROUP = "/aws/sagemaker/TrainingJobs"
LONGEST = 200_000  # characters of a line: CloudWatch accepts 256 KB per event
_lock = threading.Lock()  # moto's backend has none


class LogStream:
    """The stream of one host, `<job>/algo-<n>-<time>`."""

    def __init__(self, job: TrainingJob, host: str) -> None:
        """Create the stream."""
        self._logs = get_backend("logs")[ACCOUNT][job.region]
        self._stream = f"{job.name}/{host}-{time.time_ns() // 1_000_000}"
        self._job = job
        self._metrics = [
            (entry["Name"], re.compile(entry["Regex"]))
            for entry in job.request["AlgorithmSpecification"].get("MetricDefinitions", [])
        ]
        with _lock:
            if GROUP not in self._logs.groups:
                self._logs.create_log_group(GROUP, tags={})
            self._logs.create_log_stream(GROUP, self._stream)

    def write_line(self, text: str) -> None:
        """Add one line without its line end. Of a progress bar only the last state is kept."""
        text = text.rstrip("\r\n").rpartition("\r")[2][:LONGEST]
        for name, pattern in self._metrics:
            for match in pattern.finditer(text):
                try:
                    value = float(match.group(1) if pattern.groups else match.group())
                except (TypeError, ValueError):
                    continue
                with self._job.lock:
                    self._job.metrics[name] = (value, time.time())
        if not text:  # CloudWatch accepts no empty event
            return
        try:
            with _lock:
                event = {"timestamp": int(time.time() * 1000), "message": text}
                self._logs.put_log_events(GROUP, self._stream, [event])
        except Exception as error:  # as on AWS, the job goes on without its log
            print(f"{self._stream}: a line was lost: {error}", flush=True)


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
