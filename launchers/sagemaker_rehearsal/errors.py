"""The errors of the service: to its clients, to its jobs, and to its user."""

from __future__ import annotations


class ServiceError(Exception):
    """An error answer of the service.

    Attributes:
        code: AWS's error code.
        message: The message.
        status: The HTTP status.
    """

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


def make_validation_error(message: str) -> ServiceError:
    """Return the error of an invalid request."""
    return ServiceError("ValidationException", message)


class RehearsalError(RuntimeError):
    """The rehearsal service cannot be started or reached. The message is one line for the user."""


class JobError(Exception):
    """A job cannot go on. The message becomes its FailureReason."""
