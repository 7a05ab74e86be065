"""Events posted to a dataset whose Kafka cannot be reached."""
import pathlib
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402


def test_a_broker_that_is_away_is_told_soon(tmp_path):
    model = freshet.sales_model(
        tmp_path / "m",
        source="{ kafka: { brokers: 127.0.0.1:1, topics: [t], format: json } }")
    with freshet.Server(model, tmp_path / "d") as server:
        answers = []

        def post():
            answers.append(server.request("POST", "/ingest/sales",
                                          '{"ts":1}\n{"ts":2}'))
        begin = time.monotonic()
        posters = [threading.Thread(target=post) for _ in range(3)]
        for one in posters:
            one.start()
        for one in posters:
            one.join()
        assert time.monotonic() - begin < 9
        assert len(answers) == 3
        for status, headers, body in answers:
            assert status == 503 and headers["Retry-After"], body
            assert b"none of the 2 events is stored" in body, body
