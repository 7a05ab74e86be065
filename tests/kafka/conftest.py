"""One real broker for all Kafka tests."""
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
import freshet  # noqa: E402


class Broker:
    def __init__(self, folder):
        port = freshet.free_port(2)
        self.address = f"127.0.0.1:{port}"
        self.controller = port + 1  # as kafka.sh has it
        self.folder = folder
        self.env = {**freshet.os.environ, "KAFKA_DATA": str(folder)}

    def pid(self):
        return int((self.folder / "pid").read_text())

    def do(self, verb):
        done = subprocess.run([ROOT / "tests/support/kafka.sh", verb,
                               self.address], env=self.env,
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def broker(tmp_path_factory):
    broker = Broker(tmp_path_factory.mktemp("kafka"))
    broker.do("start")
    yield broker
    broker.do("stop")
