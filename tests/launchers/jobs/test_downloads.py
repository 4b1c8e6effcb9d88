"""What is being fetched does not keep the process alive."""

from __future__ import annotations

import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from launcher_app import LAUNCHERS


def test_a_fetch_does_not_keep_the_process_alive() -> None:
    code = (
        "import time\n"
        "from hydra_sagemaker_launcher.jobs.downloads import OutcomeFetcher\n"
        "begun = []\n"
        "fetches = OutcomeFetcher(lambda job: (begun.append(job), time.sleep(60)), lambda: None)\n"
        "for job in range(6): fetches.submit(job)\n"
        "while len(begun) < 4: time.sleep(0.01)\n"
        "fetches.shutdown()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=20, env={"PYTHONPATH": str(LAUNCHERS)})


class Endless(BaseHTTPRequestHandler):
    """Has one large object, and stops in the middle of it."""

    begun = threading.Event()
    over = threading.Event()

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "50000000")
        self.send_header("ETag", '"a"')
        self.end_headers()

    def do_GET(self) -> None:
        self.do_HEAD()
        self.wfile.write(b"a" * 1000)
        self.begun.set()
        self.over.wait(60)

    def log_message(self, *_: Any) -> None:
        pass


def test_a_download_does_not_keep_the_process_alive(tmp_path: Path) -> None:
    code = (
        "import boto3, sys\n"
        "from pathlib import Path\n"
        "from hydra_sagemaker_launcher.aws.session import Aws\n"
        "from hydra_sagemaker_launcher.jobs.downloads import OutcomeFetcher\n"
        "from hydra_sagemaker_launcher.aws.s3 import Storage\n"
        "session = boto3.Session(aws_access_key_id='a', aws_secret_access_key='b', region_name='us-east-1')\n"
        "storage = Storage(Aws(session, 'us-east-1', sys.argv[1]), 'bucket', 'prefix', None)\n"
        "fetch = lambda job: storage.download('s3://bucket/key', Path(sys.argv[2]), 10**9)\n"
        "OutcomeFetcher(fetch, lambda: None).submit('job')\n"
        "sys.stdin.readline()\n"
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), Endless)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    command = [sys.executable, "-c", code, f"http://127.0.0.1:{server.server_port}", str(tmp_path / "key")]
    with subprocess.Popen(command, env={"PYTHONPATH": str(LAUNCHERS)}, stdin=subprocess.PIPE) as process:
        try:
            assert Endless.begun.wait(40)
            assert process.stdin is not None
            process.stdin.close()
            assert process.wait(10) == 0
        finally:
            process.kill()
            Endless.over.set()
            server.shutdown()
