// Ledger: the exact totals that a store must show after it took a run of
// generated events. Sums are whole numbers of the column's smallest unit, so
// the order of events and their number do not matter. Used by one thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "server/demo/derived_units.h"
#include "server/demo/event_generator.h"

namespace freshet {

class JsonWriter;

class Ledger {
 public:
  // For events of `shape`; derived columns of `dataset` are summed too where
  // that is simple arithmetic. `partitions` as given to the generator.
  Ledger(const DatasetModel& dataset, const EventShape& shape,
         uint32_t partitions);
  // Counts an event as sent.
  void add(const EventFacts& facts);

  uint64_t rows() const { return rows_; }  // events and duplicates, not bad
  uint64_t bad_lines() const { return bad_lines_; }
  // Sum of a column as exact decimal text; "" if it is not summed.
  std::string sum(const std::string& column) const;

  // One JSON object:
  // {"dataset","rows","duplicates","bad_lines","min_time","max_time",
  //  "sums":{column:"exact"},"unique_sums":{...} (duplicates counted once),
  //  "values":{column:count of non-null},
  //  "distinct":{key_column:n},
  //  "by_group":{"column","sum_of","groups":{value:{"rows","sum"}}},
  //  "by_hour":{"2026-11-22T10:00:00.000Z":rows},
  //  "partitions":{"0":{"rows","max_seq"}},
  //  "late":rows whose time is minutes before their arrival,
  //  "stories":{name:{"rows","unique_rows","where":SQL,"sums":{column:"exact"},
  //             "windows":[{"from","to"}]}},   what was planted in the events
  //  "filter_applied":false if the dataset has a filter,
  //  "not_summed":[derived columns that could not be computed],
  //  "offsets":{partition: next offset acknowledged}}   if any are given
  // Sums are text, since JSON numbers do not keep that many digits. The sum by
  // group is that of `net`, else of the last derived decimal, else of the
  // first decimal column.
  std::string to_json(const std::map<std::string, int64_t>& offsets) const;

 private:
  struct Total {
    std::string column;
    ColumnType type;
    __int128 sum = 0, unique_sum = 0;
    uint64_t values = 0;
    std::string text(__int128 units) const;
  };
  struct Derived {
    size_t total;
    DerivedUnits units;
  };
  struct Group {
    uint64_t rows = 0;
    __int128 sum = 0;
  };
  struct StoryCount {
    uint64_t rows = 0, unique_rows = 0;
    std::vector<__int128> sums;  // by total
  };
  struct PartitionCount {
    uint64_t rows = 0, max_seq = 0;
  };
  void choose_grouped_sum();
  void add_value(size_t total, __int128 units, const EventFacts& facts);
  void add_hour(Timestamp time);
  void add_to_stories(const EventFacts& facts);
  void write_columns(JsonWriter& json) const;
  void write_groups(JsonWriter& json) const;
  void write_counts(JsonWriter& json) const;
  void write_stories(JsonWriter& json) const;

  const EventShape shape_;
  const bool has_filter_;
  std::vector<Total> totals_;  // the measures, then derived columns
  std::vector<Derived> derived_;
  std::vector<std::string> not_summed_;
  int grouped_ = -1;  // in totals_
  uint64_t rows_ = 0, duplicates_ = 0, bad_lines_ = 0, keys_ = 0, late_ = 0;
  Timestamp min_time_ = kMaxTimestamp, max_time_ = kMinTimestamp;
  std::vector<Group> groups_;
  std::vector<StoryCount> stories_;
  std::map<int64_t, uint64_t> hours_;
  int64_t last_hour_ = INT64_MIN;
  uint64_t* last_hour_rows_ = nullptr;
  std::vector<PartitionCount> partitions_;
};

}  // namespace freshet
