// Dead letters: events that could not become rows, kept with their reason in
// the metadata store under "dead/<dataset>/<id>". They become
// durable in the same commit as the offsets that pass them, so each is there
// exactly once; until then they are held in memory.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "segments/metadata_store.h"
#include "segments/result.h"

namespace freshet {

struct DeadLetter {
  std::string partition;
  // Of a file, the hash of its content: others may have its name. Empty of a
  // stream, and where earlier versions did not keep it.
  std::string content{};
  int64_t offset = 0;
  Timestamp time;       // when it was rejected
  std::string reason;   // "not_json", "wrong_type", "time", "too_late",
                        // "too_early", "too_large", "expression"
  std::string message;  // for people, names field and value
  std::string bytes;    // the event, at most kMaxDeadLetterBytes
  uint64_t full_size = 0;
  // What else the message held, for a replay. Earlier versions did not keep it.
  Timestamp message_time{};
  std::string key{};
  std::vector<std::pair<std::string, std::string>> headers{};
  bool null_value = false;
  bool cut = false;  // key and headers were too large to be kept

  // "pos.sales/3/918273", "file/stock.csv/0f1e2d3c4b5a6978/12": partition,
  // content and offset.
  std::string id() const;
  // Whether all of the event is here.
  bool whole() const { return bytes.size() == full_size && !cut; }
};

inline constexpr size_t kMaxDeadLetterBytes = 64 << 10;
// Of key and headers together.
inline constexpr size_t kMaxDeadLetterKeyBytes = 16 << 10;

// The key in the metadata store of the letter `id`; kInvalid if it is none.
Result<std::string> dead_letter_key(const std::string& dataset,
                                    std::string_view id);

std::pair<std::string, std::string> encode_dead_letter(
    const std::string& dataset, const DeadLetter& letter);
// Of all keys of a dataset.
std::string dead_letter_prefix(const std::string& dataset);
// When it was rejected, from the stored value; kMinTimestamp if damaged.
Timestamp dead_letter_time(std::string_view value);

// Newest position last; `start_after` is the `next` of an earlier page. Only
// those of `reason` and `partition`, unless they are empty.
struct DeadLetterPage {
  std::vector<DeadLetter> letters;
  std::string next;  // empty when there is no more
};
Result<DeadLetterPage> list_dead_letters(const MetadataStore& store,
                                         const std::string& dataset,
                                         std::string_view start_after,
                                         size_t limit,
                                         const std::string& reason = {},
                                         const std::string& partition = {});
// The letter `id`; nothing if it is not there (any more). kInvalid: no id.
Result<std::optional<DeadLetter>> find_dead_letter(const MetadataStore& store,
                                                   const std::string& dataset,
                                                   std::string_view id);

// Those that were rejected last, at most `most`, newest first. REQUIRES: most
// is not 0.
Result<std::vector<DeadLetter>> newest_dead_letters(const MetadataStore& store,
                                                    const std::string& dataset,
                                                    size_t most);

// How many are kept by reason.
Result<std::map<std::string, uint64_t>> count_dead_letters(
    const MetadataStore& store, const std::string& dataset);

}  // namespace freshet
