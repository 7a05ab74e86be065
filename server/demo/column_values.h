// ColumnValues: plausible values for columns of any model, from their names
// and types, as JSON members. Used by one thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "server/demo/event_generator.h"
#include "server/demo/event_text.h"
#include "server/demo/seeded_random.h"

namespace freshet {

class ColumnValues {
 public:
  // For these columns of `dataset` (none derived), and its time field if
  // `with_time`. Adds the numeric ones to shape.measures; if `with_time` also
  // chooses shape's group and key column. kUnsupported if one path is inside
  // another.
  static Result<ColumnValues> make(const DatasetModel& dataset,
                                   const std::vector<const ColumnModel*>& of,
                                   bool with_time, EventShape& shape);

  // Draws the group (if the shape has one) into `facts`.
  void draw_group(Random& random, EventFacts& facts) const;
  // Appends `"name":value,...` without braces, and sets the measures of
  // `facts`. REQUIRES: time, seq, partition and group of `facts` are set.
  void append(Random& random, TimeText& times, std::string& line,
              EventFacts& facts) const;
  bool empty() const { return pieces_.empty(); }

 private:
  enum class Kind : uint8_t {
    kTime,
    kSeq,
    kPartition,
    kUniqueId,
    kPoolId,
    kCategory,
    kLong,
    kQuantity,
    kLine,
    kDouble,
    kDecimal,
    kBool,
    kTimestamp
  };
  struct Field {
    Kind kind = Kind::kTime;
    int scale = 0;
    int measure = -1;  // in shape.measures
    bool is_group = false;
    double middle = 0, spread = 0;  // of doubles; median of decimals
    uint64_t salt = 0;
    std::vector<std::string> values;  // kCategory, as JSON
    WeightedChoice pick;
  };
  struct Piece {
    std::string text;  // before the value
    int field = -1;    // none: text only
  };
  struct Member;  // a path of names, while the pieces are made

  static Field make_field(const ColumnModel& column, bool choose_keys,
                          EventShape& shape);
  static Field make_category(const ColumnModel& column,
                             std::vector<std::string>& names);
  void flatten(const Member& members);
  void append_value(const Field& field, Random& random, TimeText& times,
                    std::string& line, EventFacts& facts) const;
  void append_number(const Field& field, Random& random, std::string& line,
                     EventFacts& facts) const;

  std::vector<Field> fields_;
  std::vector<Piece> pieces_;
  WeightedChoice pick_group_;
};

}  // namespace freshet
