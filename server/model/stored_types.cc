#include "server/model/stored_types.h"

#include <fmt/format.h>

#include <algorithm>

#include "segments/column_widening.h"
#include "segments/rollup.h"

namespace freshet {
namespace {

void add(const Schema& schema, StoredTypes& types) {
  for (const ColumnSpec& column : schema.columns) {
    std::vector<ColumnType>& known = types[column.name];
    if (std::ranges::find(known, column.type) == known.end()) {
      known.push_back(column.type);
    }
  }
}

std::string allowed(ColumnType stored) {
  if (stored.kind == ColumnKind::kLong) return "long, decimal(N) or double";
  if (stored.kind == ColumnKind::kDecimal) {
    return to_string(stored) + ", a decimal of more digits or double";
  }
  return to_string(stored);
}

// The first name and type that rows of the column are stored in and that may
// not become its type. Whether a segment with both names is read by the present
// one alone is not asked: what is stored under an alias must fit, too.
std::optional<std::pair<std::string, ColumnType>> refused_type(
    const ColumnModel& column, const StoredTypes& stored) {
  std::vector<std::string> names = column.aliases;
  names.insert(names.begin(), column.name);
  for (const std::string& name : names) {
    auto found = stored.find(name);
    if (found == stored.end()) continue;
    for (ColumnType type : found->second) {
      if (!may_become(type, column.type)) return std::pair(name, type);
    }
  }
  return std::nullopt;
}

// "shop string\nprice decimal(4)\n".
std::string types_text(const DatasetModel& dataset) {
  std::string text;
  for (const ColumnSpec& column : dataset.schema->columns) {
    text += column.name + " " + to_string(column.type) + "\n";
  }
  for (const ColumnModel& column : dataset.columns) {
    for (const std::string& alias : column.aliases) {
      text += column.name + " was " + alias + "\n";
    }
  }
  return text;
}

std::string key_of(const DatasetModel& dataset) {
  return "types/" + dataset.name;
}

bool is_kept(const DatasetModel& dataset, SegmentStore& store) {
  auto kept = store.metadata().get(key_of(dataset));
  return kept && *kept && **kept == types_text(dataset);
}

// Then there is nothing to open, and a new server need not write.
bool is_empty(const DatasetModel& dataset, const SegmentStore& store) {
  return store.timeline(dataset.name)->sealed.empty();
}

}  // namespace

StoredTypes stored_types(const Timeline& timeline) {
  StoredTypes types;
  for (const auto& segment : timeline.sealed) {
    auto rollup = segment->rollup();
    if (!rollup || segment->num_visible_rows() == 0) continue;
    add(*rollup ? (*rollup)->source : segment->schema(), types);
  }
  for (const auto& live : timeline.live) {
    auto rows = live->snapshot();
    if (rows->num_rows() > 0) add(rows->schema(), types);
  }
  return types;
}

std::vector<ModelFault> type_faults(const DatasetModel& dataset,
                                    const StoredTypes& stored) {
  std::vector<ModelFault> faults;
  for (const ColumnModel& column : dataset.columns) {
    auto refused = refused_type(column, stored);
    if (!refused) continue;
    const auto& [name, type] = *refused;
    faults.push_back(
        {dataset.file, column.line,
         fmt::format("column '{}' of dataset '{}' is stored as {}{} and cannot "
                     "become {}; allowed are {}, or a column of another "
                     "name, with 'path', for what comes from now on",
                     column.name, dataset.name, to_string(type),
                     name == column.name ? "" : ", named '" + name + "',",
                     to_string(column.type), allowed(type))});
  }
  return faults;
}

std::vector<ModelFault> type_faults(const DatasetModel& dataset,
                                    SegmentStore& store) {
  if (is_kept(dataset, store)) return {};
  return type_faults(dataset, stored_types(*store.timeline(dataset.name)));
}

void refuse_types(ModelLoad& load, SegmentStore& store) {
  if (!load.model) return;
  for (const DatasetModel& dataset : load.model->datasets) {
    for (ModelFault& fault : type_faults(dataset, store)) {
      load.faults.push_back(std::move(fault));
    }
  }
  if (!load.faults.empty()) load.model = nullptr;
}

Status forget_types(const DatasetModel& dataset, SegmentStore& store) {
  TRY_ASSIGN(auto kept, store.metadata().get(key_of(dataset)));
  if (!kept || *kept == types_text(dataset)) return {};
  return store.metadata().remove(key_of(dataset));
}

Status forget_types(const Model& model, SegmentStore& store) {
  for (const DatasetModel& dataset : model.datasets) {
    TRY(forget_types(dataset, store));
  }
  return {};
}

void keep_types(const Model& model, SegmentStore& store) {
  for (const DatasetModel& dataset : model.datasets) {
    if (is_kept(dataset, store) || is_empty(dataset, store)) continue;
    (void)store.metadata().put(key_of(dataset), types_text(dataset));
  }
}

}  // namespace freshet
