#!/usr/bin/env python3
"""Runs the test suites and prints "N passed, N failed" alone on the last line.

  run_suites.py default     the short tier (continuous integration)
  run_suites.py all         the long tier as well
  run_suites.py NAME        one suite
  run_suites.py list        names and what each does

A suite is a command whose output tells its counts: doctest's summary, pytest's
last line, or a last line "N passed, N failed". A suite that cannot run here is
reported as skipped in the last lines, never silently.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
PYTHON = str(ROOT / ".deps/venv/bin/python")
TESTS = ROOT / "build/tests/tests"


def need_kafka():
    if not (ROOT / ".deps/kafka/libs/.complete").exists():
        return "no Kafka broker: Java 17 and Maven are needed (./run deps)"
    return None


def need_databases():
    if need_kafka() or not (ROOT / ".deps/connect/.complete").exists():
        return "no Kafka Connect: Java 17 and Maven are needed (./run deps)"
    if not shutil.which("mariadbd", path="/usr/sbin:/usr/bin"):
        return "no MariaDB (./run deps)"
    if not list(pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres")):
        return "no PostgreSQL (./run deps)"
    return None


def need_chromium():
    return None if shutil.which("chromium") else "no chromium"


def need_clang():
    return None if shutil.which("clang++-19") else "no clang++-19"


def pytest(path):
    return [PYTHON, "-m", "pytest", "-q", "-x", "--no-header", "-p",
            "no:cacheprovider", path]


# name, tier, what it does, command, check
SUITES = [
    ("layering", "default", "includes against the allowed arrows",
     ["python3", "tests/layering/layering_test.py"], None),
    ("unit", "default", "doctest programs of every folder", None, None),
    ("queries", "default", "the hand-written queries against DuckDB",
     [PYTHON, "tests/queries/duckdb_check.py"], None),
    ("commands", "default", "the binary's commands, exit codes, bad input",
     pytest("tests/commands"), None),
    ("oracle", "default", "10,000 random queries beside DuckDB",
     pytest("tests/oracle"), None),
    ("starter", "default", "every starter KPI by hand, and equal to DuckDB",
     pytest("tests/starter"), None),
    ("log", "default", "embedded log end to end, kill -9, ledger",
     pytest("tests/crash"), None),
    ("kafka", "default", "real broker end to end, kill -9, ledger",
     pytest("tests/kafka"), need_kafka),
    ("databases", "default", "PostgreSQL and MariaDB followed by Debezium",
     pytest("tests/databases"), need_databases),
    ("sources", "default", "files: a folder, FTP, S3; kills, faults, packing",
     pytest("tests/sources"), None),
    ("clients", "default", "pydruid and SQLAlchemy against the server",
     pytest("tests/clients"), None),
    ("browser", "default", "the dashboard in Chromium",
     pytest("tests/browser"), need_chromium),
    ("k8s", "default", "manifests rendered and strictly decoded",
     pytest("tests/k8s"), None),
    ("fuzz", "all", "every fuzzer, 120 s each",
     ["bash", "tests/support/fuzz.sh", "120"], need_clang),
    ("asan", "all", "unit tests under ASan+UBSan",
     ["bash", "tests/support/sanitizers.sh", "asan"], need_clang),
    ("tsan", "all", "unit tests under TSan",
     ["bash", "tests/support/sanitizers.sh", "tsan"], need_clang),
]


def counts(output):
    """(passed, failed) from what a suite printed, or None."""
    passed = failed = 0
    found = False
    for line in output.splitlines():
        doctest = re.search(r"\[doctest\] test cases:\s*\d+\s*\|\s*(\d+) passed"
                            r"\s*\|\s*(\d+) failed", line)
        if doctest:
            passed, failed = passed + int(doctest[1]), failed + int(doctest[2])
            found = True
    if found:
        return passed, failed
    # Programs that a suite leaves behind may still write after its last line.
    for line in reversed(output.splitlines()[-40:]):
        if re.match(r"\W*\d+ (passed|failed|errors?)\b", line):
            ok = re.search(r"(\d+) passed", line)
            bad = re.search(r"(\d+) (failed|error)", line)
            return (int(ok[1]) if ok else 0), (int(bad[1]) if bad else 0)
    return None


def failures(output):
    """The tests that failed, by name, with what each said first."""
    found, case = [], ""
    for line in output.splitlines():
        if line.startswith("TEST CASE:"):  # doctest: the case, then its errors
            case = line[len("TEST CASE:"):].strip()
        elif case and re.search(r": (FATAL )?ERROR: ", line):
            found.append(f"{case}: {line}")
            case = ""
        elif line.startswith(("FAILED ", "ERROR ")):  # pytest
            found.append(line.split(" ", 1)[1])
    return found


# How much the long tier asks of suites that are in both.
LONG = {"FRESHET_CDC_SECONDS": "60", "FRESHET_LEDGER_SECONDS": "600",
        "XML_ROWS": "1000000", "FRESHET_EVERY_BYTE": "1"}

# Where test programs find data files of the tree.
os.environ["FRESHET_SOURCE_ROOT"] = str(ROOT)


def run(command, timeout=5400):
    """Runs one command, shows its output, returns (exit code, output). The
    timeout is for what hangs: a sanitizer's build and run take up to an hour."""
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True,
                               errors="replace")
    lines = []
    deadline = time.monotonic() + timeout
    for line in process.stdout:
        lines.append(line)
        sys.stdout.write(line)
        sys.stdout.flush()
        if time.monotonic() > deadline:
            process.kill()
            lines.append("timed out\n")
    return process.wait(), "".join(lines)


def run_unit():
    code, output = 0, []
    for program in sorted(TESTS.rglob("*_test")):
        if program.is_file() and os.access(program, os.X_OK):
            print(f"-- {program.relative_to(TESTS)}", flush=True)
            one, text = run([str(program), "--no-intro"])
            if counts(text) is None:  # it died before its summary
                text += f"\nFAILED {program.name}: died, exit code {one}"
                text += "\n[doctest] test cases: 1 | 0 passed | 1 failed"
            code, _ = code or one, output.append(text)
    return code, "\n".join(output)


def main():
    which = sys.argv[1] if len(sys.argv) > 1 else "default"
    if which == "list":
        for name, tier, about, _, _ in SUITES:
            print(f"{name:12} {'(all) ' if tier == 'all' else ''}{about}")
        return 0
    chosen = [s for s in SUITES if which in ("all", s[0])
              or (which == "default" and s[1] == "default")]
    if not chosen:
        print(f"no suite {which}; ./run test list names them", file=sys.stderr)
        return 2
    if which == "all":
        for name, value in LONG.items():
            os.environ.setdefault(name, value)
    total = [0, 0]
    summary, skipped = [], []
    for name, _, _, command, check in chosen:
        reason = check() if check else None
        if reason:
            skipped.append(f"SKIPPED {name}: {reason}")
            continue
        print(f"==== {name}", flush=True)
        start = time.monotonic()
        code, output = run(command) if command else run_unit()
        passed, failed = counts(output) or (0, 1)
        if code != 0 and failed == 0:
            failed = 1
        total[0] += passed
        total[1] += failed
        summary.append(f"{name:12} {passed:5} passed {failed:3} failed "
                       f"{time.monotonic() - start:6.0f} s")
        if failed:
            what = failures(output) or ["see its output above"]
            summary += [f"  FAILED {name}: {one}" for one in what[:20]]
    print("====")
    print("\n".join(summary + skipped))
    print(f"{total[0]} passed, {total[1]} failed")
    return 1 if total[1] else 0


if __name__ == "__main__":
    sys.exit(main())
