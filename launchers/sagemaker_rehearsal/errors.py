"""The errors of the service: to its clients, to its jobs, and to its user."""

from __future__ import annotations


class ServiceError(Exception):
    """An error answer of the service.

    Attributes:
        code: AWS's error code.
        message: The message.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def make_validation_error(message: str) -> ServiceError:
    """Return the error of an invalid request."""
    return ServiceError("ValidationException", message)


class RehearsalError(RuntimeError):
    """The rehearsal service cannot be started or reached. The message is one line for the user."""


class JobError(Exception):
    """A job cannot go on. The message becomes its FailureReason."""
