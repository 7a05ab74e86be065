#include "segments/renamed_segment.h"

#include <atomic>
#include <functional>
#include <map>
#include <optional>

#include "segments/cube.h"
#include "segments/file_format.h"
#include "segments/mutex.h"
#include "segments/rollup.h"

namespace freshet {
namespace {

// A name by another: present by former, or former by present.
using Names = std::map<std::string, std::string, std::less<>>;

const std::string& renamed(const std::string& name, const Names& present) {
  auto found = present.find(name);
  return found == present.end() ? name : found->second;
}

Names present_names(const Schema& schema, const DatasetAliases& aliases) {
  Names present;
  for (const ColumnAliases& column : aliases) {
    if (schema.find(column.column)) continue;
    for (const std::string& alias : column.aliases) {
      if (!schema.find(alias)) continue;
      present[alias] = column.column;
      break;
    }
  }
  return present;
}

Schema renamed(Schema schema, const Names& present) {
  for (ColumnSpec& column : schema.columns) {
    column.name = renamed(column.name, present);
  }
  return schema;
}

CubeSpec renamed(CubeSpec spec, const Names& present) {
  for (std::string& name : spec.dimensions) name = renamed(name, present);
  for (CubeMeasure& measure : spec.measures) {
    measure.column = renamed(measure.column, present);
  }
  return spec;
}

// Both schemas list the same columns in the same order.
Names former_names(const Schema& before, const Schema& after) {
  Names former;
  for (size_t i = 0; i < after.columns.size(); ++i) {
    const std::string& name = before.columns[i].name;
    if (after.columns[i].name != name) former[after.columns[i].name] = name;
  }
  return former;
}

// How a segment is read once it is known what it has.
struct Reading {
  Names present;  // of the rows' columns; empty: nothing is renamed
  Names former;   // of the table's columns, which are states of a rollup
  Schema schema;
  std::optional<Rollup> rollup;
};

Result<Reading> reading_of(const Segment& segment,
                           const DatasetAliases& aliases) {
  TRY_ASSIGN(const Rollup* rollup, segment.rollup());  // opens the file
  Reading reading;
  const Schema& source = rollup ? rollup->source : segment.schema();
  reading.present = present_names(source, aliases);
  if (reading.present.empty()) return reading;
  reading.schema = renamed(source, reading.present);
  if (rollup) {
    reading.rollup = Rollup{renamed(rollup->spec, reading.present),
                            std::move(reading.schema)};
    TRY_ASSIGN(reading.schema,
               rollup_schema(reading.rollup->spec, reading.rollup->source));
  }
  reading.former = former_names(segment.schema(), reading.schema);
  return reading;
}

// What reads a segment's bytes is the segment's own.
class ForwardingSegment : public Segment {
 public:
  explicit ForwardingSegment(std::shared_ptr<const Segment> segment)
      : segment_(std::move(segment)) {}

  const std::string& id() const override { return segment_->id(); }
  uint32_t num_rows() const override { return segment_->num_rows(); }
  Interval time_range() const override { return segment_->time_range(); }
  bool sealed() const override { return segment_->sealed(); }
  uint64_t content_hash() const override { return segment_->content_hash(); }
  uint64_t size_bytes() const override { return segment_->size_bytes(); }
  uint64_t mark() const override { return segment_->mark(); }
  Status status(uint64_t mark) const override { return segment_->status(mark); }
  std::optional<Error> fault() const override { return segment_->fault(); }
  void verify_again() const override { segment_->verify_again(); }

  const std::shared_ptr<const Segment>& whole() const { return segment_; }

 protected:
  Result<const Column*> former_column(std::string_view name,
                                      const Names& former) const {
    auto found = former.find(name);
    return segment_->column(found == former.end() ? name : found->second);
  }

  const std::shared_ptr<const Segment> segment_;
};

// The table of a cube.
class RenamedTable final : public ForwardingSegment {
 public:
  RenamedTable(std::shared_ptr<const Segment> table, Schema schema)
      : ForwardingSegment(std::move(table)),
        schema_(std::move(schema)),
        former_(former_names(segment_->schema(), schema_)) {}

  const Schema& schema() const override { return schema_; }
  Result<const Column*> column(std::string_view name) const override {
    return former_column(name, former_);
  }

 private:
  const Schema schema_;
  const Names former_;
};

class RenamedSegment final : public ForwardingSegment {
 public:
  RenamedSegment(std::shared_ptr<const Segment> segment,
                 std::shared_ptr<const DatasetAliases> aliases)
      : ForwardingSegment(std::move(segment)), aliases_(std::move(aliases)) {}

  const Schema& schema() const override {
    auto reading = opened();
    bool own = !reading || (*reading)->present.empty();
    return own ? segment_->schema() : (*reading)->schema;
  }
  // What is kept of a query holds for the names by which it was read.
  uint64_t content_hash() const override {
    uint64_t hash = segment_->content_hash();
    if (hash == 0) return 0;
    std::string text;
    for (const ColumnAliases& column : *aliases_) {
      text += column.column + '\n';
      for (const std::string& alias : column.aliases) text += alias + '\t';
    }
    hash = checksum_of(text) ^ (hash * 0x9e3779b97f4a7c15);
    return hash == 0 ? 1 : hash;
  }
  Result<const Column*> column(std::string_view name) const override {
    TRY_ASSIGN(const Reading* reading, opened());
    return former_column(name, reading->former);
  }
  Result<const std::vector<Cube>*> cubes() const override {
    TRY_ASSIGN(const std::vector<Cube>* cubes, segment_->cubes());
    TRY_ASSIGN(const Reading* reading, opened());
    if (cubes == nullptr || reading->present.empty()) return cubes;
    return renamed_cubes(*cubes, reading->present);
  }
  Result<const Rollup*> rollup() const override {
    TRY_ASSIGN(const Reading* reading, opened());
    if (reading->rollup) return &*reading->rollup;
    return segment_->rollup();
  }

 private:
  // A failure to open the file is not remembered: it may pass.
  Result<const Reading*> opened() const {
    if (auto* ready = ready_.load(std::memory_order_acquire)) return ready;
    MutexLock lock(mutex_);
    if (!reading_) {
      TRY_ASSIGN(Reading reading, reading_of(*segment_, *aliases_));
      reading_ = std::move(reading);
      ready_.store(&*reading_, std::memory_order_release);
    }
    return &*reading_;
  }

  Result<const std::vector<Cube>*> renamed_cubes(const std::vector<Cube>& cubes,
                                                 const Names& present) const {
    MutexLock lock(mutex_);
    if (cubes_) return &*cubes_;
    const Schema source = renamed(segment_->schema(), present);
    std::vector<Cube> out;
    for (const Cube& cube : cubes) {
      CubeSpec spec = renamed(cube.spec, present);
      TRY_ASSIGN(Schema schema, cube_schema(spec, source));
      out.push_back(
          {std::move(spec), cube.zone,
           std::make_shared<RenamedTable>(cube.table, std::move(schema))});
    }
    cubes_ = std::move(out);
    return &*cubes_;
  }

  const std::shared_ptr<const DatasetAliases> aliases_;
  mutable std::atomic<const Reading*> ready_{nullptr};  // reading_, once set
  mutable Mutex mutex_;
  // Both never change once they are set.
  mutable std::optional<Reading> reading_ ABSL_GUARDED_BY(mutex_);
  mutable std::optional<std::vector<Cube>> cubes_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

std::shared_ptr<const Segment> with_aliases(
    std::shared_ptr<const Segment> segment,
    std::shared_ptr<const DatasetAliases> aliases) {
  if (aliases == nullptr || aliases->empty()) return segment;
  return std::make_shared<RenamedSegment>(std::move(segment),
                                          std::move(aliases));
}

std::shared_ptr<const Segment> without_aliases(
    const std::shared_ptr<const Segment>& segment) {
  auto* renamed = dynamic_cast<const RenamedSegment*>(segment.get());
  return renamed != nullptr ? renamed->whole() : segment;
}

}  // namespace freshet
