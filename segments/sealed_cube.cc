#include "segments/sealed_cube.h"

#include "segments/sealed_column.h"
#include "segments/sealed_file.h"
#include "segments/verified_columns.h"

namespace freshet {
namespace {

// The cube's columns as those of a segment.
Footer as_footer(const CubeFooter& cube) {
  Footer footer;
  footer.id = cube.spec.name;
  footer.num_rows = cube.num_rows;
  footer.columns = cube.columns;
  return footer;
}

class CubeTable final : public Segment {
 public:
  CubeTable(VerifiedFile& file, const Footer& segment, const CubeFooter& cube)
      : file_(file),
        footer_(as_footer(cube)),
        id_(segment.id + "/" + cube.spec.name),
        time_range_(segment.time_range),
        content_hash_(segment.content_hash),
        columns_(file, file.path() + ": cube " + footer_.id,
                 cube.columns.size(), [this](size_t position) {
                   return SealedColumn::open(file_.file(), footer_, position);
                 }) {
    for (const ColumnFooter& column : footer_.columns) {
      schema_.columns.push_back(column.spec);
    }
  }

  const std::string& id() const override { return id_; }
  const Schema& schema() const override { return schema_; }
  uint32_t num_rows() const override { return footer_.num_rows; }
  // That of the segment's rows: buckets may start before it.
  Interval time_range() const override { return time_range_; }
  bool sealed() const override { return true; }
  uint64_t content_hash() const override { return content_hash_; }
  uint64_t size_bytes() const override {
    uint64_t bytes = 0;
    for (const ColumnFooter& c : footer_.columns) {
      bytes += c.blocks.length + c.block_table.length + c.dictionary.length +
               c.index.length + c.index_directory.length + c.derivation.length;
    }
    return bytes;
  }

  uint64_t mark() const override { return file_.mark(); }
  Status status(uint64_t mark) const override { return file_.status(mark); }

  Result<const Column*> column(std::string_view name) const override {
    std::optional<size_t> position = schema_.find(name);
    if (!position) return nullptr;
    return columns_.column(*position);
  }

 private:
  VerifiedFile& file_;
  const Footer footer_;
  const std::string id_;
  const Interval time_range_;
  const uint64_t content_hash_;
  Schema schema_;
  mutable VerifiedColumns columns_;
};

}  // namespace

Result<std::vector<Cube>> open_cubes(VerifiedFile& file, const Footer& footer) {
  std::vector<Cube> cubes;
  for (const CubeFooter& cube : footer.cubes) {
    auto zone = load_time_zone(cube.spec.zone);
    if (!zone) {
      return in_file(file.path(), {ErrorCode::kCorrupt, zone.error().message});
    }
    cubes.push_back(
        {cube.spec, *zone, std::make_shared<CubeTable>(file, footer, cube)});
  }
  return cubes;
}

Status verify_cube(const MappedFile& file, const CubeFooter& cube) {
  Footer footer = as_footer(cube);
  for (size_t i = 0; i < footer.columns.size(); ++i) {
    auto column = SealedColumn::open(file, footer, i);
    if (!column) return in_file("cube " + cube.spec.name, column.error());
  }
  return {};
}

}  // namespace freshet
