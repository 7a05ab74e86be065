#include "ingest/dead_letter_shelf.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace freshet {
namespace {

struct Kept {
  Timestamp time;
  uint64_t bytes;
  std::string key;
};

}  // namespace

DeadLetterShelf::DeadLetterShelf(MetadataStore& store, std::string dataset,
                                 DeadLetterLimits limits)
    : store_(store), dataset_(std::move(dataset)), limits_(limits) {}

Status DeadLetterShelf::load() {
  DeadLetterStock stock;
  TRY(store_.scan(dead_letter_prefix(dataset_), "",
                  [&](std::string_view key, std::string_view value) {
                    ++stock.rows;
                    stock.bytes += key.size() + value.size();
                    return true;
                  }));
  TRY_ASSIGN(auto dropped, store_.get("dead_dropped/" + dataset_));
  if (dropped) {
    std::from_chars(dropped->data(), dropped->data() + dropped->size(),
                    stock.dropped);
  }
  stock_ = stock;
  return {};
}

void DeadLetterShelf::added(const std::vector<DeadLetter>& letters) {
  for (const DeadLetter& letter : letters) {
    auto [key, value] = encode_dead_letter(dataset_, letter);
    ++stock_.rows;
    stock_.bytes += key.size() + value.size();
  }
}

Status DeadLetterShelf::trim() {
  if (stock_.rows <= limits_.rows && stock_.bytes <= limits_.bytes) return {};
  std::vector<Kept> kept;
  DeadLetterStock stock{0, 0, stock_.dropped};
  TRY(store_.scan(dead_letter_prefix(dataset_), "",
                  [&](std::string_view key, std::string_view value) {
                    uint64_t bytes = key.size() + value.size();
                    kept.push_back(
                        {dead_letter_time(value), bytes, std::string(key)});
                    ++stock.rows;
                    stock.bytes += bytes;
                    return true;
                  }));
  std::ranges::stable_sort(kept, {}, &Kept::time);
  std::vector<std::string> gone;
  for (Kept& letter : kept) {
    if (stock.rows <= limits_.rows - limits_.rows / 10 &&
        stock.bytes <= limits_.bytes - limits_.bytes / 10) {
      break;
    }
    --stock.rows;
    stock.bytes -= letter.bytes;
    ++stock.dropped;
    gone.push_back(std::move(letter.key));
  }
  TRY(store_.change(
      {{"dead_dropped/" + dataset_, std::to_string(stock.dropped)}}, gone));
  spdlog::warn(
      "dataset {}: the {} oldest dead letters were dropped, {} are kept",
      dataset_, gone.size(), stock.rows);
  stock_ = stock;
  return {};
}

}  // namespace freshet
