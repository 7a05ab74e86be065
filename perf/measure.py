"""What the benchmarks share: medians, tables with ratios, equal answers, and a
client whose connection stays open."""
import decimal
import http.client
import json
import re
import statistics
import sys
import threading
import time

REPEATS = 5


def table(title, header, rows):
    print(f"\n{title}")
    widths = [max(len(str(r[i])) for r in [header, *rows])
              for i in range(len(header))]
    for row in [header, *rows]:
        print("  " + "  ".join(str(c).rjust(w) if i else str(c).ljust(w)
                               for i, (c, w) in enumerate(zip(row, widths))))
    sys.stdout.flush()


def ratios(values):
    """Ours and the peers' numbers, and what ours is of each of theirs."""
    return (*(f"{v:.1f}" for v in values),
            *(f"{values[0] / v:.2f}x" for v in values[1:]))


def median_ms(call):
    call()
    spent = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        call()
        spent.append((time.perf_counter() - start) * 1e3)
    return statistics.median(spent)


def at_once(count, work):
    """Sorted milliseconds of all that work(0) .. work(count - 1) give, each in
    a thread of its own."""
    spent, lock = [], threading.Lock()

    def run(number):
        mine = work(number)
        with lock:
            spent.extend(mine)
    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(spent)


TIME = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)")


def plain(value):
    """A value as every engine could have written it."""
    if value is None:
        return "null"
    if isinstance(value, (int, float, decimal.Decimal)):
        return f"{float(value):.4f}"
    found = TIME.match(str(value))
    return f"{found[1]} {found[2]}" if found else str(value)


def same(ours, theirs):
    """Whether two answers are the same rows, whatever their order."""
    def rows(answer):
        return sorted(tuple(map(plain, row)) for row in answer)
    return rows(ours) == rows(theirs)


class Client:
    """SQL to a server without its caches, over one connection."""

    def __init__(self, port, **context):
        self.connection = http.client.HTTPConnection("127.0.0.1", port,
                                                     timeout=600)
        self.context = {"useCache": False, "populateCache": False, **context}

    def ask(self, sql):
        body = json.dumps({"query": sql, "resultFormat": "array",
                           "context": self.context})
        self.connection.request("POST", "/druid/v2/sql", body,
                                {"Content-Type": "application/json"})
        reply = self.connection.getresponse()
        text = reply.read()
        assert reply.status == 200, (sql, text[:500])
        return text

    def rows(self, sql):
        return json.loads(self.ask(sql))
