"""How errors reach the user: one line each, an exit code, a traceback only if it is asked for."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from mlqa import errors


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("\n  first line.  \nsecond"), "first line"),
        (KeyError(), "KeyError"),
        (RuntimeError("  \n "), "RuntimeError"),
    ],
)
def test_any_exception_is_one_line(error: Exception, line: str) -> None:
    assert errors.summarize_error(error) == line


def chain(cause: BaseException) -> BaseException:
    """An exception of a library that hides its cause."""
    try:
        try:
            raise cause
        except BaseException as inner:
            raise RuntimeError("could not save") from inner
    except RuntimeError as outer:
        return outer


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (chain(OSError(errno.ENOSPC, "No space left on device")), "No space left on device"),
        (RuntimeError("I/O error: x (os error 13)"), "Permission denied"),  # safetensors, tokenizers
        (RuntimeError("[enforce fail at inline_container.cc:659]. unexpected pos 0 vs 64"), None),
    ],
)
def test_the_systems_reason_is_found(tmp_path: Path, error: BaseException, reason: str | None) -> None:
    assert errors.explain_write_failure(error, tmp_path) == (reason or str(error))


def test_a_folder_that_takes_nothing_more_is_the_reason(tmp_path: Path) -> None:
    """torch hides what the system said. Here the folder is gone."""
    assert errors.explain_write_failure(RuntimeError("unexpected pos"), tmp_path / "gone") == os.strerror(errno.ENOENT)


@pytest.mark.parametrize(
    ("error", "code", "printed"),
    [
        (
            errors.ConfigError(["model=x: unknown", "seed=y: no number"]),
            2,
            "error: model=x: unknown\nerror: seed=y: no number\n",
        ),
        (errors.DataError("a.json: empty"), 1, "error: a.json: empty\n"),
        (KeyboardInterrupt(), 130, "stopped by Ctrl-C\n"),
        (errors.SigtermInterrupt(), 143, "stopped by SIGTERM\n"),
    ],
)
def test_exit_codes_and_lines(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, printed: str
) -> None:
    """Exit codes as in shells: 128 plus the number of the signal."""
    with pytest.raises(SystemExit) as end, errors.exit_on_error():
        raise error
    assert end.value.code == code
    assert capsys.readouterr().err == printed
    monkeypatch.setenv("RANK", "1")
    with pytest.raises(SystemExit), errors.exit_on_error():
        raise error
    assert capsys.readouterr().err == "", "only rank 0 prints"
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    with pytest.raises(type(error)), errors.exit_on_error():
        raise error


def test_what_was_logged_is_not_printed_again(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit), errors.exit_on_error(logged=True):
        raise errors.RunError("said")
    assert capsys.readouterr().err == ""


def test_a_bug_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError), errors.exit_on_error():
        raise ZeroDivisionError
