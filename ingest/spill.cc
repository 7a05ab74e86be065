#include "ingest/spill.h"

#include <fmt/format.h>

#include <filesystem>

#include "segments/file_system.h"
#include "segments/sealed_segment.h"

namespace freshet {
namespace {

using SegmentPointer = std::shared_ptr<const Segment>;

// Stands for a segment whose pieces could not be read, since a snapshot cannot
// fail: every column gives the error, and with it the seal.
class UnreadableSegment final : public Segment {
 public:
  UnreadableSegment(std::string id, std::shared_ptr<const Schema> schema,
                    uint32_t rows, Interval range, Error error)
      : id_(std::move(id)),
        schema_(std::move(schema)),
        rows_(rows),
        range_(range),
        error_(std::move(error)) {}
  const std::string& id() const override { return id_; }
  const Schema& schema() const override { return *schema_; }
  uint32_t num_rows() const override { return rows_; }
  Interval time_range() const override { return range_; }
  bool sealed() const override { return false; }
  uint64_t content_hash() const override { return 0; }
  uint64_t size_bytes() const override { return 0; }
  Result<const Column*> column(std::string_view) const override {
    return error_;
  }

 private:
  const std::string id_;
  const std::shared_ptr<const Schema> schema_;
  const uint32_t rows_;
  const Interval range_;
  const Error error_;
};

// Reads one block of a column and sets its values, row by row of the block.
class BlockValues {
 public:
  void read(const Column& column, uint32_t block, uint32_t rows) {
    column_ = &column;
    kind_ = column.type().kind;
    nulls_.assign(kBlockRows / 64, 0);
    if (!column.read_nulls(block, nulls_.data())) nulls_.clear();
    if (kind_ == ColumnKind::kString) {
      ids_.resize(rows);
      column.read_ids(block, ids_.data());
    } else if (kind_ == ColumnKind::kDouble) {
      doubles_.resize(rows);
      column.read_doubles(block, doubles_.data());
    } else {
      longs_.resize(rows);
      column.read_longs(block, longs_.data());
    }
  }

  void set(uint32_t row, size_t index, ColumnBatch& batch) const {
    if (!nulls_.empty() && (nulls_[row / 64] >> (row % 64) & 1)) return;
    if (kind_ == ColumnKind::kString) {
      if (ids_[row] == kNullId) return;
      batch.set_string(index, column_->dictionary()->value(ids_[row]));
    } else if (kind_ == ColumnKind::kDouble) {
      batch.set_double(index, doubles_[row]);
    } else {
      batch.set_long(index, longs_[row]);
    }
  }

 private:
  const Column* column_ = nullptr;
  ColumnKind kind_ = ColumnKind::kLong;
  std::vector<uint64_t> nulls_;  // empty: none
  std::vector<uint32_t> ids_;
  std::vector<int64_t> longs_;
  std::vector<double> doubles_;
};

Status append_piece(const Segment& piece, const Schema& schema,
                    ColumnBatch& batch, LiveSegment& out) {
  std::vector<const Column*> columns;
  for (const ColumnSpec& spec : schema.columns) {
    TRY_ASSIGN(const Column* column, piece.column(spec.name));
    columns.push_back(column);
  }
  std::vector<BlockValues> values(columns.size());
  for (uint32_t block = 0; block < piece.num_blocks(); ++block) {
    uint32_t rows = piece.block_rows(block);
    for (size_t i = 0; i < columns.size(); ++i) {
      values[i].read(*columns[i], block, rows);
    }
    batch.clear();
    for (uint32_t row = 0; row < rows; ++row) {
      for (size_t i = 0; i < columns.size(); ++i) values[i].set(row, i, batch);
      batch.commit_row();
    }
    out.append(batch);
  }
  return {};
}

// Pieces of one granule as one segment to seal.
class SpilledSegment final : public LiveSegment {
 public:
  SpilledSegment(std::string id, std::shared_ptr<const Schema> schema,
                 Interval granule, std::vector<SegmentPointer> pieces)
      : id_(std::move(id)),
        schema_(std::move(schema)),
        granule_(granule),
        pieces_(std::move(pieces)) {
    for (const SegmentPointer& piece : pieces_) rows_ += piece->num_rows();
  }

  // It is complete from the start.
  void append(const ColumnBatch&, std::span<const uint32_t>) override {}
  void append(const ColumnBatch&) override {}
  void freeze() override {}

  SegmentPointer snapshot() const override {
    if (pieces_.size() == 1) return pieces_[0];
    auto whole = LiveSegment::create(id_, schema_, granule_);
    ColumnBatch batch(schema_);
    for (const SegmentPointer& piece : pieces_) {
      Status status = append_piece(*piece, *schema_, batch, *whole);
      if (status) continue;
      return std::make_shared<UnreadableSegment>(id_, schema_, rows_, granule_,
                                                 status.error());
    }
    return whole->snapshot();
  }

  const std::string& id() const override { return id_; }
  const std::shared_ptr<const Schema>& schema() const override {
    return schema_;
  }
  Interval granule() const override { return granule_; }
  uint32_t num_rows() const override { return rows_; }
  uint64_t size_bytes() const override { return 0; }

 private:
  const std::string id_;
  const std::shared_ptr<const Schema> schema_;
  const Interval granule_;
  const std::vector<SegmentPointer> pieces_;
  uint32_t rows_ = 0;
};

}  // namespace

Spill::Spill(std::string folder, std::shared_ptr<const Schema> schema,
             SealOptions options)
    : folder_(std::move(folder)),
      schema_(std::move(schema)),
      options_(std::move(options)) {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

Spill::~Spill() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

Status Spill::add(const std::vector<std::shared_ptr<LiveSegment>>& segments) {
  TRY(real_file_system().create_folders(folder_));
  for (const auto& live : segments) {
    if (live->num_rows() == 0) continue;
    Piece piece;
    std::string id = fmt::format("piece_{}", ++written_);
    piece.path = fmt::format("{}/{}", folder_, id);
    piece.rows = live->num_rows();
    piece.granule = live->granule();
    TRY(write_segment(real_file_system(), *live->snapshot(), id, piece.path,
                      options_));
    pieces_[piece.granule.start.ms].push_back(std::move(piece));
  }
  return {};
}

Result<std::vector<std::shared_ptr<LiveSegment>>> Spill::segments(
    uint64_t max_rows) const {
  std::vector<std::shared_ptr<LiveSegment>> out;
  for (const auto& [start, pieces] : pieces_) {
    std::vector<SegmentPointer> open;
    uint64_t rows = 0;
    auto close = [&, granule = pieces[0].granule] {
      out.push_back(
          std::make_shared<SpilledSegment>(fmt::format("load_{}", out.size()),
                                           schema_, granule, std::move(open)));
      open.clear();
      rows = 0;
    };
    for (const Piece& piece : pieces) {
      if (!open.empty() && rows + piece.rows > max_rows) close();
      TRY_ASSIGN(SegmentPointer segment, open_segment(piece.path));
      open.push_back(std::move(segment));
      rows += piece.rows;
    }
    close();
  }
  return out;
}

}  // namespace freshet
