#!/usr/bin/env python3
"""Writes the queries of tests/queries/*.test as seeds of sql_fuzz, over the one
dataset that it has: sql_seeds.py FOLDER."""
import pathlib
import re
import sys

QUERIES = pathlib.Path(__file__).resolve().parents[1] / "queries"
# Columns of the fuzzer's dataset: s, n, d, m, b.
NAMES = {"store": "s", "sku": "s", "channel": "s", "g": "s", "k": "s",
         "qty": "n", "i": "n", "net": "m", "p": "m", "weight": "d",
         "paid": "b"}


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for path in sorted(QUERIES.glob("*.test")):
        for block in path.read_text().split("\n\n"):
            lines = [x for x in block.splitlines() if not x.startswith("#")]
            if not lines or not lines[0].startswith(("query", "error")):
                continue
            end = lines.index("----") if "----" in lines else len(lines)
            sql = "\n".join(lines[1:end])
            for old, new in NAMES.items():
                sql = re.sub(rf"\b{old}\b", new, sql)
            sql = re.sub(r"\bFROM \w+", "FROM sales", sql)
            (folder / f"query_{count}").write_text(sql)
            count += 1
    print(f"{count} seeds of SQL")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
