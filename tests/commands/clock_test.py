"""A wall clock that is set back under the running server: whatever waits goes
on waiting as long as it should, not as much longer as the clock went back."""
import json
import pathlib
import subprocess
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import freshet  # noqa: E402

AHEAD_SECONDS = 30

# The wall clock as the program reads it is ahead by the seconds that the first
# byte of a file says; the kernel's, by which it waits, is not. So with that
# byte at 0 again a wait until a moment of that clock is what it would be after
# the clock was set back.
SHIM = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const unsigned char none;
static const unsigned char* ahead = &none;

__attribute__((constructor)) static void open_ahead(void) {
  const char* path = getenv("CLOCK_AHEAD");
  int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (file < 0) return;
  void* byte = mmap(0, 1, PROT_READ, MAP_SHARED, file, 0);
  if (byte != MAP_FAILED) ahead = byte;
  close(file);
}

int clock_gettime(clockid_t clock, struct timespec* now) {
  int result = (int)syscall(SYS_clock_gettime, clock, now);
  if (clock == CLOCK_REALTIME) now->tv_sec += *ahead;
  return result;
}
"""


class Clock:
    def __init__(self, folder):
        source, library = folder / "clock.c", folder / "clock.so"
        source.write_text(SHIM)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source],
                       check=True)
        self.file = folder / "ahead"
        self.file.write_bytes(b"\0")
        self.env = {"LD_PRELOAD": str(library), "CLOCK_AHEAD": str(self.file)}

    def set_ahead(self, seconds):
        with open(self.file, "r+b") as file:
            file.write(bytes([seconds]))


def took(call):
    start = time.monotonic()
    result = call()
    return result, time.monotonic() - start


@pytest.mark.parametrize("what", ["stop", "seal", "age"])
def test_a_clock_set_back_delays_nothing(tmp_path, what):
    clock = Clock(tmp_path)
    model = freshet.sales_model(tmp_path / "m", seal_age="2s" if what == "age"
                                else "10m")
    with freshet.Server(model, tmp_path / "d", env=clock.env) as server:
        def post(number):
            server.ingest("sales", [{
                "ts": int(time.time() * 1000), "txn_id": f"t{number}",
                "store": "S1", "channel": "web", "qty": 1, "price": "1.00"}])
            freshet.wait_until(lambda: server.rows("sales") == number)

        post(1)
        time.sleep(0.3 if what == "age" else 3)
        clock.set_ahead(AHEAD_SECONDS)
        time.sleep(2)  # waits begin by that clock
        if what != "stop":
            post(2)
            time.sleep(0.3)
        clock.set_ahead(0)
        if what == "seal":
            (status, *_), seconds = took(lambda: server.request(
                "POST", "/api/v1/ingestion/sales/seal", {}))
            assert status == 200 and seconds < 5, seconds
        if what == "age":
            def sealed():
                _, body = server.get("/api/v1/ingestion/sales")
                return json.loads(body)["live_rows"] == 0
            _, seconds = took(lambda: freshet.wait_until(sealed))
            assert seconds < 8, seconds
        code, seconds = took(server.stop)
        assert code == 0 and seconds < 5, seconds
