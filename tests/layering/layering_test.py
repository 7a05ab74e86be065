#!/usr/bin/env python3
"""Greps includes against the allowed arrows between folders.

A new arrow is a design change: explain it in the folder's README first, then
add it here. Also checks that each foreign library is included only by the
files that wrap it, that source folders have a README, and that files stay
under 500 lines. Prints "N passed, N failed" last.
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

ARROWS = {
    "segments": set(),
    "ingest": {"segments"},
    "server/json": {"segments"},
    "server/query": {"segments", "server/json"},
    "server/sql": {"segments", "server/query", "server/json"},
    "server/druid": {"segments", "server/sql", "server/query", "server/json"},
    "server/model": {"segments", "server/sql", "server/query", "server/json"},
    "server/kpi": {"segments", "server/model", "server/sql", "server/query",
                   "server/json"},
    "server/alert": {"segments", "server/kpi", "server/model", "server/query",
                     "server/json"},
    "server/auth": {"segments", "server/json"},
    "server/http": {"segments", "server/auth", "server/json"},
    "server/demo": {"segments", "server/model", "server/query",
                    "server/json"},
    "server/api": {"segments", "server/json", "server/query", "server/sql",
                   "server/druid", "server/model", "server/kpi",
                   "server/alert", "server/auth", "server/http",
                   "server/demo"},
}
# Files (by prefix) that may include ingest/ besides ingest itself.
INGEST_FROM = ("server/application", "server/main", "server/command",
               "server/api/ingestion")

# Foreign header prefix -> file prefixes that may name it (tests/perf may too).
WRAPPED = {
    "roaring/": ("segments/bitmap",),
    "hwy/": ("segments/bit_unpacking", "server/query/row_mask"),
    "lz4": ("segments/text_compression",),
    "zstd": ("segments/text_compression", "ingest/file_reader",
             "server/http/content_coding"),
    "rocksdb/": ("segments/metadata_store", "ingest/embedded_log",
                 "ingest/key_spill"),
    "librdkafka/": ("ingest/kafka_",),
    "simdjson.h": ("ingest/json_decoder", "ingest/json_", "server/json/"),
    "pg_query": ("server/sql/parser",),
    "re2/": ("server/query/functions_regexp", "ingest/kafka_topics",
             "server/model/kafka_reader"),
    "boost/beast": ("server/http/",),
    "boost/asio": ("server/http/",),
    "curl/": ("server/alert/contact", "server/alert/http", "server/command",
              "ingest/curl_transfer"),
    "expat": ("ingest/xml_records",),
    "prometheus/": ("server/http/metrics",),
    "yaml-cpp/": ("server/model/",),
    "CLI/": ("server/main", "server/command"),
}


def tracked():
    out = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True,
                         text=True, check=True).stdout.split()
    return [f for f in out if (ROOT / f).exists()]


def folder_of(path):
    parts = path.split("/")
    if parts[0] == "server" and len(parts) > 2:
        return "/".join(parts[:2])
    return parts[0]


def faults(files):
    for f in files:
        if not f.endswith((".cc", ".h")):
            continue
        text = (ROOT / f).read_text(encoding="utf-8")
        top = f.split("/")[0]
        if top in ("segments", "ingest", "server"):
            yield from include_faults(f, text)
    for f in files:
        if re.search(r"\.(cc|h|ts|svelte|py|mjs)$", f):
            lines = (ROOT / f).read_text(encoding="utf-8").count("\n")
            if lines > 500:
                yield f"{f}: {lines} lines; split it by concept (500 at most)"
    folders = {str(pathlib.PurePath(f).parent) for f in files
               if f.endswith(".cc")}
    for folder in sorted(folders):
        if folder.split("/")[0] in ("segments", "ingest", "server"):
            if f"{folder}/README.md" not in files:
                yield f"{folder}: has no README.md"


def include_faults(f, text):
    own = folder_of(f)
    for line, inc in enumerate(text.splitlines(), 1):
        match = re.match(r'\s*#include\s+["<]([^">]+)[">]', inc)
        if not match:
            continue
        name = match.group(1)
        for prefix, allowed in WRAPPED.items():
            if name.startswith(prefix) and not f.startswith(allowed):
                yield (f"{f}:{line}: includes {name}, which only "
                       f"{', '.join(allowed)} may")
        if name.split("/")[0] not in ("segments", "ingest", "server", "web"):
            continue
        other = folder_of(name)
        if other == own:
            continue
        if other == "ingest":
            if not f.startswith(INGEST_FROM):
                yield f"{f}:{line}: includes {name}; ingest is not for here"
            continue
        if own not in ARROWS:  # server/application, main, commands
            continue
        if other not in ARROWS[own]:
            yield f"{f}:{line}: new arrow {own} -> {other} ({name})"


def main():
    files = tracked()
    found = list(faults(files))
    for fault in found:
        print(fault)
    checked = sum(f.endswith((".cc", ".h")) for f in files)
    print(f"{checked - min(checked, len(found))} passed, {len(found)} failed")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
