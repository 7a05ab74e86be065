// SavedViews: addresses of pages that somebody gave a name, kept in the
// metadata store. Thread-safe; `metadata` must outlive it.
#pragma once

#include <string>

#include "segments/metadata_store.h"

namespace freshet {

class JsonValue;

class SavedViews {
 public:
  static constexpr size_t kMost = 1000;
  static constexpr size_t kMostTitle = 200;
  static constexpr size_t kMostDescription = 2000;
  static constexpr size_t kMostAddress = 8000;

  explicit SavedViews(MetadataStore& metadata) : metadata_(metadata) {}

  // {"views":[{"view","title","description","address","saved_at"}]} by title.
  Result<std::string> list_json() const;
  // {"title","address"[,"description"]}; `address` is a page of this server:
  // "/d/trading?filter=store:S01". A view of the same title is replaced.
  // Answers the stored view; durable when it returns. kInvalid, kLimit.
  Result<std::string> save(const JsonValue& body);
  // kNotFound.
  Status remove(const std::string& view);

 private:
  MetadataStore& metadata_;
};

}  // namespace freshet
