#include "ingest/tree_rows.h"

#include <fmt/format.h>

#include <algorithm>

#include "ingest/decimal_bytes.h"
#include "ingest/field_value.h"

namespace freshet {

using Kind = EventNode::Kind;
using Meaning = EventNode::Meaning;

namespace {

bool is_known(const EventNode* node) {
  return node != nullptr && node->is_scalar() &&
         node->meaning != Meaning::kUnavailable;
}

}  // namespace

Result<std::unique_ptr<TreeRows>> TreeRows::make(DecoderSpec spec,
                                                 Decimals decimals) {
  const auto lone = spec.format == "xml" ? EventPath::Lone::kFirstElement
                                         : EventPath::Lone::kNoElement;
  std::vector<EventPath::Step> exploded;
  if (!spec.explode.empty()) {
    TRY_ASSIGN(EventPath path, EventPath::parse(spec.explode));
    exploded = path.steps();
  }
  std::unique_ptr<TreeRows> made(new TreeRows(std::move(spec), decimals));
  TreeRows& rows = *made;
  rows.exploded_ = std::move(exploded);
  rows.bound_.resize(rows.exploded_.size() + 1);
  rows.paths_.resize(rows.targets_.size());
  for (size_t i = 0; i < rows.paths_.size(); ++i) {
    if (!rows.targets_.in_value(i)) continue;
    Path& path = rows.paths_[i];
    TRY_ASSIGN(path.path, EventPath::parse(rows.targets_.path(i), lone));
    if (path.path.from_top()) continue;
    const auto& steps = path.path.steps();
    auto [mine, theirs] = std::ranges::mismatch(steps, rows.exploded_);
    path.shared = static_cast<size_t>(mine - steps.begin());
  }
  return made;
}

bool TreeRows::append(const Event& event, ColumnBatch& batch,
                      Decoded& decoded) {
  bound_[0] = event.row;
  found_.assign(paths_.size(), Found());
  first_row_ = batch.num_rows();
  return explode(event, 0, batch, decoded);
}

// `step` steps of the exploded path are taken; bound_[step] is where they lead.
bool TreeRows::explode(const Event& event, size_t step, ColumnBatch& batch,
                       Decoded& decoded) {
  if (step == exploded_.size()) {
    if (batch.num_rows() - first_row_ >= kMaxMessageRows) {
      return targets_.reject(
          "too_large",
          fmt::format("the event has more than {} rows", kMaxMessageRows));
    }
    return add_row(event, batch, decoded);
  }
  const EventTree& tree = event.tree;
  const EventNode* next = tree.child(*bound_[step], exploded_[step].name);
  if (next == nullptr || next->is_null()) return true;  // nothing inside
  if (next->kind != Kind::kArray) {
    bound_[step + 1] = next;  // one alone
    return explode(event, step + 1, batch, decoded);
  }
  for (const EventNode* element = tree.first_child(*next); element != nullptr;
       element = tree.next(*element)) {
    bound_[step + 1] = element;
    if (!explode(event, step + 1, batch, decoded)) return false;
  }
  return true;
}

bool TreeRows::add_row(const Event& event, ColumnBatch& batch,
                       Decoded& decoded) {
  targets_.begin(event.operation == RowOperation::kDelete);
  for (size_t i = 0; i < paths_.size(); ++i) {
    if (!targets_.in_value(i)) continue;
    const EventNode* node = value_of(event, i);
    if (node != nullptr && !put(i, *node, batch, decoded)) return false;
  }
  if (event.time_ms && targets_.in_value(0) && !targets_.has_time() &&
      !targets_.put_millis(0, *event.time_ms, batch)) {
    return false;
  }
  if (!targets_.finish(batch)) return false;
  note_row(event, batch.num_rows(), decoded);
  batch.commit_row();
  return true;
}

void TreeRows::note_row(const Event& event, size_t row,
                        Decoded& decoded) const {
  decoded.row_messages.push_back(event.number);
  if (event.operation != RowOperation::kUpsert && decoded.operations.empty()) {
    decoded.operations.assign(row, RowOperation::kUpsert);
  }
  if (event.operation != RowOperation::kUpsert || !decoded.operations.empty()) {
    decoded.operations.push_back(event.operation);
  }
}

// Searched once for all rows that have it from the same place: a search for
// each would take rows times members, in one event.
const EventNode* TreeRows::value_of(const Event& event, size_t target) {
  const Path& path = paths_[target];
  const EventNode* in =
      path.path.from_top() ? event.envelope : bound_[path.shared];
  Found& found = found_[target];
  if (found.in != in) found = {in, find(event, target)};
  return found.node;
}

// Null if there is no value, or a null.
const EventNode* TreeRows::find(const Event& event, size_t target) const {
  const auto& [path, shared] = paths_[target];
  const bool top = path.from_top();
  const EventTree& tree =
      top && event.envelope_tree ? *event.envelope_tree : event.tree;
  const EventNode* node = top ? path.find(tree, event.envelope)
                              : path.find(tree, bound_[shared], shared);
  bool missing = node == nullptr || node->is_null();
  if (missing && !top && shared == 0 && event.fallback) {
    node = path.find(tree, event.fallback);
    missing = node == nullptr || node->is_null();
  }
  if (missing) return nullptr;
  const EventNode* text = tree.child(*node, "#text");
  return text != nullptr ? text : node;  // an XML element with attributes
}

bool TreeRows::put(size_t target, const EventNode& node, ColumnBatch& batch,
                   Decoded& decoded) {
  if (!targets_.count_text(node.text.size())) return false;
  switch (node.meaning) {
    case Meaning::kNoMoment:
      if (targets_.type(target).kind == ColumnKind::kTimestamp) {
        return targets_.misfit(target, node.text, batch);
      }
      return put_text(target, node, batch);
    case Meaning::kMalformed:
      return targets_.misfit(target, node.text, batch);
    case Meaning::kPlain:
      return put_text(target, node, batch);
    case Meaning::kDecimal:
    case Meaning::kUnits:
      return put_units(target, node, batch);
    case Meaning::kUnavailable:
      if (target == 0) return targets_.misfit(target, node.text, batch);
      decoded.kept_cells.push_back(
          {static_cast<uint32_t>(batch.num_rows()),
           static_cast<uint32_t>(targets_.column(target))});
      return true;
    default:
      return put_since_1970(target, node, batch);
  }
}

bool TreeRows::put_text(size_t target, const EventNode& node,
                        ColumnBatch& batch) {
  if (node.kind == Kind::kBare) {
    return targets_.put_bare(target, batch.keep(node.text), batch);
  }
  if (node.kind != Kind::kText) {
    return targets_.misfit(
        target, node.kind == Kind::kObject ? "an object" : "an array", batch);
  }
  ColumnType type = targets_.type(target);
  if (decimals_ == Decimals::kBase64 && !node.stated &&
      type.kind == ColumnKind::kDecimal && is_base64(node.text)) {
    EventNode units = node;
    units.scale = static_cast<int8_t>(type.scale);
    units.meaning = Meaning::kDecimal;
    return put_units(target, units, batch);
  }
  return targets_.put(target, batch.keep(node.text), batch);
}

bool TreeRows::put_units(size_t target, const EventNode& node,
                         ColumnBatch& batch) {
  auto text = node.meaning == Meaning::kUnits
                  ? decimal_of_bytes(node.text, node.scale)
                  : decimal_of_base64(node.text, node.scale);
  if (!text) return targets_.misfit(target, node.text, batch);
  return targets_.put_bare(target, batch.keep(*text), batch);
}

// A time in a timestamp column is what it says; elsewhere it is its number.
bool TreeRows::put_since_1970(size_t target, const EventNode& node,
                              ColumnBatch& batch) {
  if (targets_.type(target).kind != ColumnKind::kTimestamp) {
    return put_text(target, node, batch);
  }
  int64_t value = 0;
  if (!parse_exact(node.text, 0, false, value)) {
    return targets_.misfit(target, node.text, batch);
  }
  auto down = [&](int64_t by) { return value / by - (value % by < 0); };
  switch (node.meaning) {
    case Meaning::kDays:
      if (__builtin_mul_overflow(value, int64_t{86'400'000}, &value)) {
        return targets_.misfit(target, node.text, batch);
      }
      return targets_.put_millis(target, value, batch);
    case Meaning::kMicros:
      return targets_.put_millis(target, down(1000), batch);
    case Meaning::kNanos:
      return targets_.put_millis(target, down(1'000'000), batch);
    default:
      return targets_.put_millis(target, value, batch);
  }
}

bool TreeRows::differ(const EventTree& tree, const EventNode& one,
                      const EventNode& other,
                      const std::vector<size_t>& columns) const {
  for (size_t i = 1; i < paths_.size(); ++i) {
    if (!comes_from_row(i, columns)) continue;
    const EventNode* a = paths_[i].path.find(tree, &one);
    const EventNode* b = paths_[i].path.find(tree, &other);
    if (!is_known(a)) continue;
    if (b != nullptr && b->meaning == Meaning::kUnavailable) continue;
    if (b == nullptr || a->text != b->text) return true;
  }
  return false;
}

bool TreeRows::has_all(const EventTree& tree, const EventNode& row,
                       const std::vector<size_t>& columns) const {
  for (size_t i = 1; i < paths_.size(); ++i) {
    if (!comes_from_row(i, columns)) continue;
    if (!is_known(paths_[i].path.find(tree, &row))) return false;
  }
  return true;
}

bool TreeRows::comes_from_row(size_t target,
                              const std::vector<size_t>& columns) const {
  return targets_.in_value(target) && !paths_[target].path.from_top() &&
         std::ranges::find(columns, targets_.column(target)) != columns.end();
}

void TreeRows::take_back(uint32_t message, size_t before, ColumnBatch& batch,
                         Decoded& decoded) {
  batch.abandon_row();
  batch.truncate(before);
  decoded.row_messages.resize(before);
  if (!decoded.operations.empty()) decoded.operations.resize(before);
  while (!decoded.kept_cells.empty() &&
         decoded.kept_cells.back().row >= before) {
    decoded.kept_cells.pop_back();
  }
  decoded.rejections.push_back(
      {message, targets_.reason(), targets_.take_text()});
}

}  // namespace freshet
