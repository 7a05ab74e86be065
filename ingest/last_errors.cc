#include "ingest/last_errors.h"

#include <algorithm>
#include <ranges>
#include <utility>

namespace freshet {

Status LastErrors::load(const MetadataStore& store,
                        const std::string& dataset) {
  TRY_ASSIGN(auto letters, newest_dead_letters(store, dataset, kKept));
  for (const DeadLetter& letter : letters | std::views::reverse) add(letter);
  return {};
}

void LastErrors::add(const DeadLetter& letter) {
  add(IngestionError{letter.time, letter.reason, letter.message,
                     letter.partition, letter.offset});
}

void LastErrors::add(IngestionError error) {
  MutexLock lock(mutex_);
  std::erase_if(errors_, [&](const IngestionError& known) {
    return known.partition == error.partition && known.offset == error.offset &&
           known.reason == error.reason && known.message == error.message;
  });
  auto older = std::ranges::find_if(errors_, [&](const IngestionError& known) {
    return known.time <= error.time;
  });
  errors_.insert(older, std::move(error));
  if (errors_.size() > kKept) errors_.pop_back();
}

std::vector<IngestionError> LastErrors::newest() const {
  MutexLock lock(mutex_);
  return errors_;
}

}  // namespace freshet
