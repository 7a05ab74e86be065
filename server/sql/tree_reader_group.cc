// GROUP BY with its sets, and windows, of libpg_query's tree.
#include <fmt/core.h>

#include <algorithm>

#include "server/sql/syntax_equal.h"
#include "server/sql/tree_access.h"
#include "server/sql/tree_reader.h"

namespace freshet {
namespace {

constexpr size_t kMostSets = 256;
constexpr size_t kMostCubed = 8;  // 256 sets

using Sets = std::vector<std::vector<size_t>>;

void add_keys(std::vector<size_t>& to, const std::vector<size_t>& keys) {
  for (size_t key : keys) {
    if (std::find(to.begin(), to.end(), key) == to.end()) to.push_back(key);
  }
}

// ROLLUP: each beginning of the list, the longest first.
Sets rolled_up(const Sets& parts) {
  Sets out;
  for (size_t kept = parts.size() + 1; kept-- > 0;) {
    std::vector<size_t> keys;
    for (size_t i = 0; i < kept; ++i) add_keys(keys, parts[i]);
    out.push_back(std::move(keys));
  }
  return out;
}

// CUBE: each subset. REQUIRES: at most kMostCubed parts.
Sets cubed(const Sets& parts) {
  Sets out;
  const size_t all = size_t{1} << parts.size();
  for (size_t mask = all; mask-- > 0;) {
    std::vector<size_t> keys;
    for (size_t i = 0; i < parts.size(); ++i) {
      if (mask >> (parts.size() - 1 - i) & 1) add_keys(keys, parts[i]);
    }
    out.push_back(std::move(keys));
  }
  return out;
}

Sets product(const Sets& a, const Sets& b) {
  Sets out;
  for (const auto& x : a) {
    for (const auto& y : b) {
      out.push_back(x);
      add_keys(out.back(), y);
    }
  }
  return out;
}

}  // namespace

// Positions in group_by of one key, or of those of a row (a, b).
Result<std::vector<size_t>> TreeReader::group_keys(const JsonValue& node,
                                                   SelectStatement& out) const {
  std::vector<SqlPtr> keys;
  if (const JsonValue* row = node.find("RowExpr")) {
    TRY_ASSIGN(keys, list(row->find("args")));
  } else {
    TRY_ASSIGN(SqlPtr key, expression(node));
    keys.push_back(std::move(key));
  }
  std::vector<size_t> positions;
  for (SqlPtr& key : keys) {
    auto same = [&](const SqlPtr& k) { return same_syntax(*k, *key); };
    auto at = std::find_if(out.group_by.begin(), out.group_by.end(), same);
    positions.push_back(static_cast<size_t>(at - out.group_by.begin()));
    if (at == out.group_by.end()) out.group_by.push_back(std::move(key));
  }
  return positions;
}

Error TreeReader::too_many(const JsonValue& node, std::string what) const {
  SqlExpression place = at(node, SqlExpression::Kind::kCall);
  return Error{ErrorCode::kLimit, std::move(what), place.line, place.column};
}

Result<Sets> TreeReader::grouping_set(const JsonValue& node,
                                      SelectStatement& out) const {
  const JsonValue* set = node.find("GroupingSet");
  if (set == nullptr) {
    TRY_ASSIGN(auto keys, group_keys(node, out));
    return Sets{std::move(keys)};
  }
  std::string_view kind = tree_string(*set, "kind");
  if (kind == "GROUPING_SET_EMPTY") return Sets{{}};
  Sets parts;
  for (const JsonValue& entry : tree_array(*set, "content")) {
    TRY_ASSIGN(Sets inner, grouping_set(entry, out));
    bool nested = entry.find("GroupingSet") != nullptr;
    if (nested && kind != "GROUPING_SET_SETS") {
      return unsupported(*set, "a set inside ROLLUP or CUBE is");
    }
    parts.insert(parts.end(), inner.begin(), inner.end());
  }
  if (kind == "GROUPING_SET_SETS") return parts;
  if (kind == "GROUPING_SET_ROLLUP") return rolled_up(parts);
  if (parts.size() > kMostCubed) {
    return too_many(*set, fmt::format("CUBE of more than {} keys", kMostCubed));
  }
  return cubed(parts);
}

Status TreeReader::read_groups(const JsonValue& node,
                               SelectStatement& out) const {
  const JsonArray& clause = tree_array(node, "groupClause");
  bool sets = std::any_of(clause.begin(), clause.end(), [](const auto& e) {
    return e.find("GroupingSet") != nullptr;
  });
  if (!sets) {
    for (const JsonValue& entry : clause) {
      TRY_ASSIGN(auto keys, group_keys(entry, out));
      (void)keys;
    }
    return {};
  }
  out.grouping_sets = {{}};
  for (const JsonValue& entry : clause) {
    TRY_ASSIGN(Sets more, grouping_set(entry, out));
    if (more.size() * out.grouping_sets.size() > kMostSets) {
      const JsonValue* set = entry.find("GroupingSet");
      return too_many(set ? *set : entry,
                      fmt::format("more than {} grouping sets", kMostSets));
    }
    out.grouping_sets = product(out.grouping_sets, more);
  }
  return {};
}

Result<std::shared_ptr<const SqlWindow>> TreeReader::window(
    const JsonValue& node) const {
  // OVER name, or OVER (name ...).
  std::string_view base = tree_string(node, "refname");
  if (base.empty()) base = tree_string(node, "name");
  auto out = std::make_shared<SqlWindow>();
  if (!base.empty()) {
    const JsonValue* found = nullptr;
    for (size_t i = 0; windows_ && i < windows_->size(); ++i) {
      const JsonValue* definition = (*windows_)[i].find("WindowDef");
      bool same = definition && definition != &node &&
                  tree_string(*definition, "name") == base;
      if (same) found = definition;
    }
    if (found == nullptr || !tree_string(*found, "refname").empty()) {
      SqlExpression place = at(node, SqlExpression::Kind::kCall);
      return Error{ErrorCode::kInvalid,
                   fmt::format("no window of this name: {}", base), place.line,
                   place.column};
    }
    TRY_ASSIGN(out->partition_by, list(found->find("partitionClause")));
    TRY_ASSIGN(out->order_by, sort_items(tree_array(*found, "orderClause")));
    TRY_ASSIGN(out->frame, frame(*found));
    if (tree_string(node, "refname").empty()) {
      return std::shared_ptr<const SqlWindow>(out);
    }
  }
  if (node.find("partitionClause")) {
    TRY_ASSIGN(out->partition_by, list(node.find("partitionClause")));
  }
  if (node.find("orderClause")) {
    TRY_ASSIGN(out->order_by, sort_items(tree_array(node, "orderClause")));
  }
  TRY_ASSIGN(out->frame, frame(node));
  return std::shared_ptr<const SqlWindow>(out);
}

Status TreeReader::read_frame_offset(const JsonValue& node, const char* name,
                                     WindowFrame::Unit unit,
                                     WindowFrame::Bound& out) const {
  const JsonValue* given = node.find(name);
  SqlPtr value;
  if (given) {
    TRY_ASSIGN(value, expression(*given));
  }
  const bool range = unit == WindowFrame::Unit::kRange;
  if (range && value && value->kind == SqlExpression::Kind::kInterval &&
      value->span.months >= 0 && value->span.ms >= 0) {
    out.months = value->span.months;
    out.distance = Value(value->span.ms);
    out.is_time = true;
    return {};
  }
  const int64_t* rows = value ? value->literal.as_long() : nullptr;
  bool number =
      rows || (range && value &&
               (value->literal.as_double() || value->literal.as_decimal()));
  if (number && value->literal.to_double() >= 0) {
    out.offset = rows ? *rows : 0;
    out.distance = value->literal;
    return {};
  }
  SqlExpression place = at(node, SqlExpression::Kind::kCall);
  return Error{
      ErrorCode::kInvalid,
      range ? "PRECEDING and FOLLOWING of RANGE take a number from 0 or an "
              "INTERVAL"
            : "PRECEDING and FOLLOWING take a whole number from 0",
      value ? value->line : place.line, value ? value->column : place.column};
}

// PostgreSQL's bits of a frame (nodes/parsenodes.h).
Result<WindowFrame> TreeReader::frame(const JsonValue& node) const {
  enum : int64_t {
    kGiven = 0x1,
    kRows = 0x4,
    kGroups = 0x8,
    kStartUnbounded = 0x20,
    kEndUnbounded = 0x100,
    kStartPreceding = 0x800,
    kEndPreceding = 0x1000,
    kStartFollowing = 0x2000,
    kEndFollowing = 0x4000,
    kExclude = 0x8000 | 0x10000 | 0x20000,
  };
  using Edge = WindowFrame::Edge;
  const int64_t bits = tree_int(node, "frameOptions");
  WindowFrame out;
  if (!(bits & kGiven)) return out;
  if (bits & kExclude) return unsupported(node, "EXCLUDE in a window is");
  out.unit = bits & kRows     ? WindowFrame::Unit::kRows
             : bits & kGroups ? WindowFrame::Unit::kGroups
                              : WindowFrame::Unit::kRange;
  out.start.edge = bits & kStartUnbounded   ? Edge::kUnboundedPreceding
                   : bits & kStartPreceding ? Edge::kPreceding
                   : bits & kStartFollowing ? Edge::kFollowing
                                            : Edge::kCurrentRow;
  out.end.edge = bits & kEndUnbounded   ? Edge::kUnboundedFollowing
                 : bits & kEndPreceding ? Edge::kPreceding
                 : bits & kEndFollowing ? Edge::kFollowing
                                        : Edge::kCurrentRow;
  if (bits & (kStartPreceding | kStartFollowing)) {
    TRY(read_frame_offset(node, "startOffset", out.unit, out.start));
  }
  if (bits & (kEndPreceding | kEndFollowing)) {
    TRY(read_frame_offset(node, "endOffset", out.unit, out.end));
  }
  return out;
}

}  // namespace freshet
