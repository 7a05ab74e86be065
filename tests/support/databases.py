"""PostgreSQL and MariaDB with a database `shop` of their own, and Kafka Connect
with Debezium, which writes what changes there to a broker."""
import getpass
import json
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile
import urllib.error
import urllib.request

import freshet

CONNECT = freshet.ROOT / ".deps/connect"


class Database:
    """A server in a folder of its own, run by another user (none of them runs
    as root) if root is who runs the tests."""

    def __init__(self, user):
        self.user = user if os.getuid() == 0 else getpass.getuser()
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="freshet-db-"))
        self.home.chmod(0o755)
        shutil.chown(self.home, self.user)
        self.port = freshet.free_port()
        self.process = None

    def command(self, *words):
        words = [str(w) for w in words]
        if self.user != getpass.getuser():
            words = ["setpriv", f"--reuid={self.user}",
                     f"--regid={pwd.getpwnam(self.user).pw_gid}",
                     "--clear-groups", *words]
        return words

    def run(self, *words):
        done = subprocess.run(self.command(*words), capture_output=True,
                              text=True, timeout=120, cwd=self.home)
        assert done.returncode == 0, (words, done.stdout, done.stderr)

    def start(self, *words):
        with open(self.home / "server.log", "ab") as log:
            self.process = subprocess.Popen(self.command(*words), stdout=log,
                                            stderr=log, cwd=self.home)
        freshet.wait_until(self.answers, 60, what="the database answers")

    def answers(self):
        log = (self.home / "server.log").read_text(errors="replace")
        assert self.process.poll() is None, log[-2000:]
        try:
            self.connect().close()
        except Exception:  # each driver has its own
            return False
        return True

    def close(self):
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
        shutil.rmtree(self.home, ignore_errors=True)


class Postgres(Database):
    PROGRAMS = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))

    def __init__(self):
        super().__init__("postgres")
        programs = self.PROGRAMS[-1]
        self.run(programs / "initdb", "-D", self.home / "data", "-A", "trust",
                 "-U", "postgres", "--no-sync", "-E", "UTF8", "--locale=C")
        self.start(programs / "postgres", "-D", self.home / "data",
                   "-c", f"port={self.port}", "-c", "listen_addresses=127.0.0.1",
                   "-c", f"unix_socket_directories={self.home}",
                   "-c", "wal_level=logical", "-c", "fsync=off",
                   "-c", "shared_buffers=32MB")
        with self.connect() as connection:
            connection.execute("CREATE DATABASE shop")
        self.name = "shop"

    name = "postgres"

    def connect(self):
        import psycopg
        return psycopg.connect(host="127.0.0.1", port=self.port,
                               user="postgres", dbname=self.name,
                               autocommit=True)

    def stop_service(self):  # SIGTERM waits for Debezium's connection
        self.process.send_signal(signal.SIGINT)

    def close(self):
        if self.process:
            self.stop_service()
        super().close()

    def connector(self, name):
        return {
            "connector.class":
                "io.debezium.connector.postgresql.PostgresConnector",
            "plugin.name": "pgoutput", "database.hostname": "127.0.0.1",
            "database.port": self.port, "database.user": "postgres",
            "database.password": "none", "database.dbname": "shop",
            "topic.prefix": name, "slot.name": "freshet",
            "publication.name": "freshet",
            "publication.autocreate.mode": "filtered",
            "table.include.list": "public.*"}


class MariaDb(Database):
    def __init__(self):
        super().__init__("nobody")
        self.run("mariadb-install-db", "--no-defaults",
                 f"--datadir={self.home}/data", "--skip-test-db",
                 "--auth-root-authentication-method=normal")
        self.start("mariadbd", "--no-defaults", f"--datadir={self.home}/data",
                   f"--socket={self.home}/socket", f"--port={self.port}",
                   f"--pid-file={self.home}/pid", "--bind-address=127.0.0.1",
                   "--server-id=1", "--log-bin=bin", "--binlog-format=ROW",
                   "--binlog-row-image=FULL", "--character-set-server=utf8mb4",
                   "--innodb-buffer-pool-size=32M", "--default-time-zone=+00:00",
                   "--innodb-flush-log-at-trx-commit=0")
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute("CREATE DATABASE shop")
        self.name = "shop"

    name = None

    def connect(self):
        import pymysql
        return pymysql.connect(unix_socket=str(self.home / "socket"),
                               user="root", database=self.name,
                               charset="utf8mb4", autocommit=True)

    def connector(self, name):
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute("CREATE OR REPLACE USER cdc@'%' IDENTIFIED BY 'cdc'")
            cursor.execute("GRANT SELECT, RELOAD, SHOW DATABASES, REPLICATION "
                           "SLAVE, REPLICATION CLIENT, LOCK TABLES ON *.* "
                           "TO cdc@'%'")
        return {
            "connector.class":
                "io.debezium.connector.mariadb.MariaDbConnector",
            "database.hostname": "127.0.0.1", "database.port": self.port,
            "database.user": "cdc", "database.password": "cdc",
            "database.server.id": 4711, "topic.prefix": name,
            "database.include.list": "shop"}


class Connect:
    """Kafka Connect, one process, fed by its REST interface."""

    def __init__(self, broker, folder):
        self.folder, self.broker = pathlib.Path(folder), broker
        self.url = f"http://127.0.0.1:{freshet.free_port()}"
        self.process = None

    def start(self):
        json_converter = "org.apache.kafka.connect.json.JsonConverter"
        settings = {
            "bootstrap.servers": self.broker, "listeners": self.url,
            "key.converter": json_converter, "value.converter": json_converter,
            "key.converter.schemas.enable": "false",
            "value.converter.schemas.enable": "false",
            "offset.storage.file.filename": self.folder / "offsets",
            "offset.flush.interval.ms": "1000",
            "plugin.path": CONNECT / "plugins"}
        (self.folder / "worker.properties").write_text("".join(
            f"{key}={value}\n" for key, value in settings.items()))
        (self.folder / "log4j.properties").write_text(
            "log4j.rootLogger=WARN, out\n"
            "log4j.appender.out=org.apache.log4j.ConsoleAppender\n"
            "log4j.appender.out.layout=org.apache.log4j.SimpleLayout\n")
        with open(self.folder / "connect.log", "ab") as log:
            self.process = subprocess.Popen(
                ["java", "-Xmx256m", "-XX:+UseSerialGC",
                 f"-Dlog4j.configuration=file:{self.folder}/log4j.properties",
                 "-cp", f"{CONNECT}/libs/*",
                 "org.apache.kafka.connect.cli.ConnectStandalone",
                 str(self.folder / "worker.properties")], stdout=log, stderr=log)
        freshet.wait_until(self.alive, 120, 0.2, "Kafka Connect answers")

    def log(self):
        return (self.folder / "connect.log").read_text(errors="replace")[-3000:]

    def request(self, method, path, body=None):
        request = urllib.request.Request(
            self.url + path, method=method,
            data=json.dumps(body).encode() if body else None,
            headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as reply:
            return json.loads(reply.read() or "null")

    def alive(self):
        assert self.process.poll() is None, self.log()
        try:
            return self.request("GET", "/connectors") is not None
        except (OSError, urllib.error.HTTPError):
            return False

    def add(self, name, settings):
        """Makes a connector and waits until it works."""
        self.request("PUT", f"/connectors/{name}/config",
                     {k: str(v) for k, v in settings.items()})

        def running():
            try:
                status = self.request("GET", f"/connectors/{name}/status")
            except urllib.error.HTTPError:
                return False
            states = [t["state"] for t in status["tasks"]]
            assert "FAILED" not in states, json.dumps(status)[:3000]
            return states == ["RUNNING"]
        freshet.wait_until(running, 60, 0.2, f"connector {name}")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()
