"""The output of jobs in CloudWatch, from its first or last lines on, in the order in which it was printed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from hydra_sagemaker_launcher.aws.error_text import get_error_code
from hydra_sagemaker_launcher.jobs.outcome import LOG_GROUP

_PAGE = 10_000  # events of one answer, which is also at most 1 MB


class Line(NamedTuple):
    """A line that a host of a job has printed."""

    time: int  # milliseconds since the epoch, by the host's clock
    member: int
    host: str  # "" if the job has one
    text: str


@dataclass
class JobLog:
    """The log of one job, read piece by piece.

    Attributes:
        member: The number of its member.
        job_name: The name of the training job.
        tail: How many of the last lines of each host to begin with. None: all lines.
    """

    member: int
    job_name: str
    tail: int | None = None
    _tokens: dict[str, str | None] = field(default_factory=dict)  # by stream: the position to go on from

    def read_new(self, logs: Any) -> list[Line]:
        """Return the lines that have come in since the last call.

        Args:
            logs: A boto3 client of CloudWatch Logs.
        """
        for stream in self._list_streams(logs):
            self._tokens.setdefault(stream, None)
        return sorted(line for stream in self._tokens for line in self._read_stream(logs, stream))

    def _list_streams(self, logs: Any) -> list[str]:
        pages = logs.get_paginator("describe_log_streams").paginate(
            logGroupName=LOG_GROUP, logStreamNamePrefix=f"{self.job_name}/"
        )
        try:
            return [stream["logStreamName"] for page in pages for stream in page["logStreams"]]
        except Exception as error:
            if get_error_code(error) == "ResourceNotFoundException":  # the first job of the account has not begun
                return []
            raise

    def _read_stream(self, logs: Any, stream: str) -> Iterable[Line]:
        # A stream is <job>/<host>-<time>. A restart after an interruption has streams of its own.
        host = stream.rpartition("/")[2].rpartition("-")[0]
        shown = host if len({name.rpartition("-")[0] for name in self._tokens}) > 1 else ""
        is_first = self._tokens[stream] is None
        while True:
            token = self._tokens[stream]
            arguments: dict[str, Any] = {"startFromHead": True, "limit": _PAGE}
            if token is not None:
                arguments["nextToken"] = token
            elif self.tail is not None:
                arguments = {"startFromHead": False, "limit": max(1, min(self.tail, _PAGE))}
            answer = logs.get_log_events(logGroupName=LOG_GROUP, logStreamName=stream, **arguments)
            self._tokens[stream] = answer["nextForwardToken"]
            if not (is_first and self.tail == 0):
                for event in answer["events"]:
                    yield Line(event["timestamp"], self.member, shown, event["message"].rstrip())
            # At the end of a stream the token stays the same. Before that, an answer may be empty.
            if answer["nextForwardToken"] == token or (is_first and self.tail is not None):
                return
            is_first = False


def read_last_line(logs: Any, job_name: str) -> str:
    """Return the last line that a job has printed, "" if there is none.

    Args:
        logs: A boto3 client of CloudWatch Logs.
        job_name: The name of the training job.
    """
    lines = [line for line in JobLog(0, job_name, tail=1).read_new(logs) if line.text.strip()]
    return lines[-1].text.strip() if lines else ""


def collect_new_lines(logs: Any, job_logs: Sequence[JobLog]) -> list[Line]:
    """Return the new lines of several jobs, by time."""
    return sorted(line for job_log in job_logs for line in job_log.read_new(logs))
