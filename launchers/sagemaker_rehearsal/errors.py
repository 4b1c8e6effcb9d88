"""What the service answers when it refuses a request."""

from __future__ import annotations


class ServiceError(Exception):
    """An error answer of the service: AWS's error code, its message, the HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


def make_validation_error(message: str) -> ServiceError:
    """The error of a request that cannot be accepted as it is written."""
    return ServiceError("ValidationException", message)


class RehearsalError(RuntimeError):
    """The rehearsal service cannot be started or reached; one line for the user."""


class JobError(Exception):
    """A job that cannot go on; the message becomes its FailureReason."""
