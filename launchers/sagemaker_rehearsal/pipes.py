"""Channels in Pipe mode: a named pipe per pass over the data, <channel>_0, <channel>_1 and so on."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

_TICK = 0.05  # seconds between two looks for a reader
_CHUNK = 1 << 16


class Pipe:
    """Feeds the pipes of one channel of a host, in a thread of its own."""

    def __init__(self, objects: Path, channel: Path) -> None:
        """Make the first pipe, and feed each with all objects.

        Args:
            objects: The folder of the downloaded objects.
            channel: The path of the channel, to which the number of the pass is added.
        """
        self._files = sorted(path for path in objects.rglob("*") if path.is_file())
        self._channel = channel
        self._closing = threading.Event()
        self._make(0)
        threading.Thread(target=self._run, name=channel.name, daemon=True).start()

    def close(self) -> None:
        """Feed no more."""
        self._closing.set()

    def _make(self, number: int) -> Path:
        path = self._channel.with_name(f"{self._channel.name}_{number}")
        os.mkfifo(path)
        return path

    def _run(self) -> None:
        number = 0
        while not self._closing.is_set():
            path = self._channel.with_name(f"{self._channel.name}_{number}")
            descriptor = self._open(path)
            if descriptor is None:
                return
            self._make(number + 1)  # before this one ends: the program may open it at once
            os.set_blocking(descriptor, True)
            try:
                with os.fdopen(descriptor, "wb") as pipe:
                    for file in self._files:
                        with file.open("rb") as source:
                            while chunk := source.read(_CHUNK):
                                pipe.write(chunk)
            except BrokenPipeError:  # the program has read enough
                pass
            number += 1

    def _open(self, path: Path) -> int | None:
        """Open a pipe when the program reads it. None if it never does."""
        while not self._closing.is_set():
            try:
                return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            except OSError:
                time.sleep(_TICK)
        return None
