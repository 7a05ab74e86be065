// ValueSources: the segments of one query by their keys, for counts of distinct
// values that keep only the ids of what they have seen.
#pragma once

#include <map>
#include <span>
#include <string>

#include "server/query/segment_work.h"
#include "server/query/shared_values.h"

namespace freshet {

class ValueSources {
 public:
  // All must outlive this.
  ValueSources(SharedValues& shared, std::span<const PreparedSegment> segments,
               QueryControl& control)
      : shared_(shared), control_(control) {
    for (const PreparedSegment& s : segments) {
      if (!s.source_key.empty()) of_.emplace(s.source_key, Source{&s, false});
    }
  }
  ValueSources(const ValueSources&) = delete;
  ValueSources& operator=(const ValueSources&) = delete;

  // The values of `column` in the segment of that key, which is one of the
  // query's. Errors are those of reading it. One thread at a time.
  Result<SegmentTexts> texts(const std::string& key,
                             const std::string& column) {
    auto at = of_.find(key);
    if (at == of_.end()) {
      return Error{ErrorCode::kInternal, "not a segment of the query: " + key};
    }
    at->second.read = true;
    const auto& segment = at->second.prepared->source;
    TRY_ASSIGN(const Column* found, segment->column(column));
    if (found == nullptr || found->dictionary() == nullptr) {
      return Error{ErrorCode::kInternal, "not a column of texts: " + column};
    }
    return SegmentTexts{key, segment, found->dictionary()};
  }
  // Whether texts() was asked for it.
  bool has_read(const PreparedSegment& segment) const {
    auto at = of_.find(segment.source_key);
    return at != of_.end() && at->second.read;
  }
  SharedValues& shared() const { return shared_; }
  QueryControl& control() const { return control_; }

 private:
  struct Source {
    const PreparedSegment* prepared;
    bool read;
  };
  SharedValues& shared_;
  QueryControl& control_;
  std::map<std::string, Source> of_;
};

}  // namespace freshet
