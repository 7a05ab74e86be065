// Transform: what is done to decoded rows before they are stored: derived
// columns, then the filter. The application implements it with the query
// engine's expressions, so that ingestion does not depend on queries.
#pragma once

#include <optional>
#include <vector>

#include "segments/column_batch.h"
#include "segments/result.h"

namespace freshet {

class Transform {
 public:
  virtual ~Transform() = default;
  // kUnavailable while it lacks something (a lookup that is not read yet): the
  // messages must wait.
  virtual Status prepare() const { return {}; }
  // Fills derived columns of `batch`; sets keep[row] to 0 for rows the filter
  // drops. `errors` gets an entry for each row and derived column that cannot
  // be computed (overflow), itself or for want of another one, and for each row
  // that the filter cannot judge; those rows go to the dead letters.
  // keep.size() == batch.num_rows().
  struct RowError {
    uint32_t row;
    Error error;
    std::optional<size_t> column{};  // nothing: the row as a whole
  };
  virtual void apply(ColumnBatch& batch, std::vector<uint8_t>& keep,
                     std::vector<RowError>& errors) const = 0;

  // Whether a derived column or the filter depends on the column.
  virtual bool reads(size_t column) const { return false; }
  // Whether the column is stored as it was read from the event.
  virtual bool stored_as_read(size_t column) const { return true; }
};

}  // namespace freshet
