// TreeRows: rows of an EventTree. Finds each target's value by its path, makes
// a row of each element of the exploded arrays. Shared by every decoder whose
// events are trees. Used by one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "ingest/event_path.h"
#include "ingest/event_tree.h"
#include "ingest/field_targets.h"

namespace freshet {

class TreeRows {
 public:
  // How a text in a decimal column is to be read.
  enum class Decimals { kText, kBase64 };
  // kInvalid for a path that cannot be read.
  static Result<std::unique_ptr<TreeRows>> make(
      DecoderSpec spec, Decimals decimals = Decimals::kText);

  // What a call of append() reads.
  struct Event {
    uint32_t number = 0;  // of the message
    const EventTree& tree;
    const EventNode* row = nullptr;       // paths start here
    const EventNode* envelope = nullptr;  // and those with "$." here
    // A second place for what is null in `row`, outside the exploded arrays:
    // the values before a change.
    const EventNode* fallback = nullptr;
    RowOperation operation = RowOperation::kUpsert;
    std::optional<int64_t> time_ms = {};       // if the row has no time
    const EventTree* envelope_tree = nullptr;  // if it is another
  };
  // Commits the rows of the event, whose message targets() were told of, and
  // adds them to `decoded`. False if it is at fault; then rows that were
  // committed before the fault was met are to be taken back by the caller
  // (take_back).
  bool append(const Event& event, ColumnBatch& batch, Decoded& decoded);

  FieldTargets& targets() { return targets_; }
  // Whether any of these columns differs between two rows of a tree; what the
  // first one lacks, or its source left out of one, does not.
  bool differ(const EventTree& tree, const EventNode& one,
              const EventNode& other, const std::vector<size_t>& columns) const;
  // Whether the row has a value for each of these columns that comes from it.
  bool has_all(const EventTree& tree, const EventNode& row,
               const std::vector<size_t>& columns) const;

  // Ends a message that is at fault: its rows since `before` go, its rejection
  // comes.
  void take_back(uint32_t message, size_t before, ColumnBatch& batch,
                 Decoded& decoded);

 private:
  struct Path {
    EventPath path;
    size_t shared = 0;  // steps in common with the exploded one
  };
  // The value of a target, for all rows whose path to it starts at `in`.
  struct Found {
    const EventNode* in = nullptr;
    const EventNode* node = nullptr;
  };
  TreeRows(DecoderSpec spec, Decimals decimals)
      : targets_(std::move(spec)), decimals_(decimals) {}
  bool explode(const Event& event, size_t step, ColumnBatch& batch,
               Decoded& decoded);
  bool add_row(const Event& event, ColumnBatch& batch, Decoded& decoded);
  void note_row(const Event& event, size_t row, Decoded& decoded) const;
  const EventNode* value_of(const Event& event, size_t target);
  const EventNode* find(const Event& event, size_t target) const;
  bool comes_from_row(size_t target, const std::vector<size_t>& columns) const;
  bool put(size_t target, const EventNode& node, ColumnBatch& batch,
           Decoded& decoded);
  bool put_text(size_t target, const EventNode& node, ColumnBatch& batch);
  bool put_units(size_t target, const EventNode& node, ColumnBatch& batch);
  bool put_since_1970(size_t target, const EventNode& node, ColumnBatch& batch);

  FieldTargets targets_;
  const Decimals decimals_;
  std::vector<Path> paths_;  // by target
  std::vector<EventPath::Step> exploded_;
  std::vector<const EventNode*> bound_;  // by steps of exploded_ taken
  std::vector<Found> found_;             // by target, of the event under way
  size_t first_row_ = 0;                 // of the event under way
};

}  // namespace freshet
