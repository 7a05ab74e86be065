// ssb_generate ROWS: SSB-flat as JSON lines on standard output.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "perf/workloads/ssb_flat.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: ssb_generate ROWS\n");
    return 2;
  }
  uint64_t rows = std::strtoull(argv[1], nullptr, 10);
  std::string text;
  for (uint64_t row = 0; row < rows; ++row) {
    freshet::append_ssb_row(row, rows, text);
    if (text.size() < (1 << 20) && row + 1 < rows) continue;
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) {
      return 3;
    }
    text.clear();
  }
  return 0;
}
