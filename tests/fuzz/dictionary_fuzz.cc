// Hostile bytes as a sealed dictionary: 4 bytes number of ids, then the
// dictionary; whatever they are, every value asked for lies in memory.
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <string>
#include <vector>

#include "segments/sealed_dictionary.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace freshet;  // NOLINT: a test program
  if (size < 4) return 0;
  uint32_t ids = 0;
  std::memcpy(&ids, data, 4);
  ids = ids % 20'000 + 1;
  // As in a file: aligned, and owned by somebody else.
  std::vector<uint64_t> aligned((size - 4) / 8 + 1);
  char* bytes = reinterpret_cast<char*>(aligned.data());
  std::memcpy(bytes, data + 4, size - 4);
  auto dictionary = SealedDictionary::open({bytes, size - 4}, ids);
  if (!dictionary) return 0;
  if (dictionary->size() != ids) std::abort();
  volatile int touched = 0;  // so that every byte is read
  for (uint32_t id = 1; id < ids; ++id) {
    std::string_view value = dictionary->value(id);
    touched = touched + std::accumulate(value.begin(), value.end(), 0);
    if (id % 64 != 1) continue;
    auto found = dictionary->find(value);
    if (found && (*found == 0 || *found >= ids)) std::abort();
  }
  dictionary->find("");
  dictionary->find("no such value");
  dictionary->is_ascending();
  return 0;
}
