"""Test that no make target takes a package of ours from an index, where anybody could have registered its name."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from distributions import OURS, clean_environment, copy_repository, link_distributions

pytestmark = pytest.mark.exhaustive
TOP = Path(__file__).parents[2]
HOSTILE = "99.0"
# A line that begins with "import" in a .pth file is executed at each start of Python.
MARKER = "import pathlib; pathlib.Path({path!r}).touch()\n"


class Index(ThreadingHTTPServer):
    """An index that has every package: empty ones, and hostile ones of our names that leave a mark.

    An empty package has the version that is installed here, those that the Makefile and the requirements pin, and 1.0,
    which satisfies upper bounds.
    """

    def __init__(self, mark: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.mark = mark
        self.asked: list[str] = []
        texts = [TOP / "Makefile", *(TOP / "requirements").glob("*.txt")]
        pins = "\n".join(path.read_text("utf-8") for path in texts)
        self.pins = re.findall(r"([a-z0-9-]+)==([0-9.]+)", pins)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/simple/"

    def list_versions(self, name: str) -> set[str]:
        if name in OURS:
            return {HOSTILE}
        pinned = {number for package, number in self.pins if package == name}
        try:
            return {"1.0", version(name).partition("+")[0], *pinned}
        except PackageNotFoundError:
            return {"1.0", *pinned}

    def make_wheel(self, name: str, number: str) -> bytes:
        folder = f"{name.replace('-', '_')}-{number}.dist-info"
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as wheel:
            if name in OURS:
                for hostile in (f"{name}.pth", f"{name.replace('-', '_')}/__init__.py", "hydra_plugins/hostile.py"):
                    wheel.writestr(hostile, MARKER.format(path=str(self.mark)))
            wheel.writestr(f"{folder}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {number}\n")
            wheel.writestr(f"{folder}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{folder}/RECORD", "")
        return content.getvalue()


class Handler(BaseHTTPRequestHandler):
    """Serve a project's page and its wheels."""

    server: Index

    def do_GET(self) -> None:
        name, _, file = self.path.removeprefix("/simple/").partition("/")
        self.server.asked.append(name)
        body = self.server.make_wheel(name, file.split("-")[1]) if file else self.list_wheels(name)
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream" if file else "text/html")
        self.end_headers()
        self.wfile.write(body)

    def list_wheels(self, name: str) -> bytes:
        stem = name.replace("-", "_")
        links = (f"{stem}-{number}-py3-none-any.whl" for number in sorted(self.server.list_versions(name)))
        return "".join(f'<a href="{link}">{link}</a>\n' for link in links).encode()

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    with Index(tmp_path / "mark") as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def variables(index: Index, tmp_path: Path) -> dict[str, str]:
    """Return an environment whose pip knows the index alone, and builds with the hatchling of this environment."""
    builder = tmp_path / "builder"
    link_distributions(["hatchling", "editables"], builder)
    return clean_environment(
        PIP_INDEX_URL=index.url,
        PIP_CONFIG_FILE="/dev/null",
        PIP_NO_CACHE_DIR="1",  # the packages of this index must not get into the user's cache
        PIP_NO_BUILD_ISOLATION="0",  # which, in pip's reading, switches the isolation off
        PYTHONPATH=str(builder),
    )


def read_origins(python: Path, variables: dict[str, str]) -> dict[str, str]:
    """Return where pip has installed each package of ours from."""
    code = (
        "import json; from importlib.metadata import distribution as d\n"
        f"print(json.dumps({{name: d(name).read_text('direct_url.json') for name in {sorted(OURS)}}}))"
    )
    done = subprocess.run([python, "-c", code], env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {name: json.loads(text)["url"] for name, text in json.loads(done.stdout).items()}


def write_python(folder: Path) -> Path:
    """Write a Python whose virtual environments see the pip of this one: installing pip anew takes seconds for each."""
    link_distributions(["pip"], folder / "pip")
    path = folder / "python"
    path.write_text(
        f"""#!/bin/sh
case "$*" in
  "-m venv "*)
    {sys.executable} -m venv --without-pip "$3" &&
    for place in "$3"/lib/python*/site-packages; do echo {folder / "pip"} > "$place"/pip.pth; done ;;
  *) exec {sys.executable} "$@" ;;
esac
""",
        "utf-8",
    )
    path.chmod(0o755)
    return path


def test_make_installs_ours_by_path_and_asks_the_index_for_none(
    index: Index, variables: dict[str, str], tmp_path: Path
) -> None:
    clone = copy_repository(tmp_path / "mlqa")
    settings = [f"VENV={tmp_path / 'venv'}", f"PYTHON={write_python(tmp_path)}", "TORCH_INDEX="]
    targets = re.findall(r"^\$\(VENV\)\S*/installed\S*(?=:)", (clone / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert len(targets) == 7  # docs and dist install nothing of ours, next-hydra is no part of `environments`
    done = subprocess.run(
        ["make", *settings, "setup", "environments"], cwd=clone, env=variables, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert {"torch", "boto3", "moto", "transformers", "sagemaker-training"} <= set(index.asked)
    assert not OURS & set(index.asked)
    folders = {"mlqa": ".", "hydra-sagemaker-launcher": "launchers", "hydra-racing-sweeper": "sweepers"}
    paths = {name: (clone / folder).as_uri() for name, folder in folders.items()}
    for name in ("venv", "venv-legacy"):
        assert read_origins(tmp_path / name / "bin" / "python", variables) == paths
    assert not index.mark.exists()


@pytest.mark.parametrize("name", sorted(OURS))
def test_the_index_would_be_asked_and_would_do_harm(
    name: str, index: Index, variables: dict[str, str], tmp_path: Path
) -> None:
    """Install by name, as no target does: this proves that the test above would see it."""
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    pip = [sys.executable, "-m", "pip", "--python", venv / "bin" / "python"]
    install = [*pip, "install", "--quiet", name]
    subprocess.run(install, env=variables, check=True, capture_output=True)
    assert name in index.asked
    subprocess.run([venv / "bin" / "python", "-c", ""], env=variables, check=True)
    assert index.mark.exists()
