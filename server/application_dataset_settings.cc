#include "server/application_dataset_settings.h"

#include "server/application_transform.h"

namespace freshet {
namespace {

KeySettings key_settings(const DatasetModel& dataset) {
  KeySettings settings;
  for (const std::string& name : dataset.key.columns) {
    settings.columns.push_back(dataset.schema->find(name).value());
  }
  using OnDuplicate = KeySettings::OnDuplicate;
  settings.on_duplicate =
      dataset.key.replace ? OnDuplicate::kReplace : OnDuplicate::kIgnore;
  settings.order_by = dataset.schema->find(dataset.key.order_by);
  settings.memory_bytes = dataset.key.memory_bytes;
  return settings;
}

}  // namespace

DatasetAliases dataset_aliases(const DatasetModel& dataset) {
  DatasetAliases aliases;
  for (const ColumnModel& column : dataset.columns) {
    if (!column.aliases.empty()) {
      aliases.push_back({column.name, column.aliases});
    }
  }
  return aliases;
}

IngestionSettings ingestion_settings(const DatasetModel& dataset,
                                     const LookupSource* lookups) {
  IngestionSettings settings;
  settings.dataset = dataset.name;
  settings.decoder.schema = dataset.schema;
  settings.decoder.time = {dataset.time_field, dataset.time_format,
                           dataset.time_of_message};
  settings.decoder.format = dataset.format.name;
  settings.decoder.csv_fields = dataset.format.csv_fields;
  settings.decoder.csv_delimiter = dataset.format.csv_delimiter;
  settings.decoder.explode = dataset.format.explode;
  settings.decoder.record = dataset.format.record;
  settings.decoder.decimals = dataset.format.decimals;
  settings.decoder.before_image = dataset.format.before_image;
  settings.decoder.registry = {
      dataset.format.registry_url, dataset.format.registry_user,
      dataset.format.registry_password, dataset.format.registry_ca_file};
  for (const ColumnModel& column : dataset.columns) {
    if (column.derived) continue;
    FieldSpec field;
    field.column = dataset.schema->find(column.name).value();
    field.path = column.path.empty() ? column.name : column.path;
    field.has_default = column.default_text.has_value();
    if (field.has_default) field.default_text = *column.default_text;
    field.message = column.message;
    field.time_format = column.time_format;
    using OnError = FieldSpec::OnError;
    field.on_error = column.on_error == "null"      ? OnError::kNull
                     : column.on_error == "default" ? OnError::kDefault
                                                    : OnError::kReject;
    settings.decoder.fields.push_back(std::move(field));
  }
  settings.transform = make_transform(dataset, lookups);
  settings.key = key_settings(dataset);
  // What a change of the key asks to be deleted can be so by `replace` alone.
  if (settings.key.replaces()) settings.decoder.key = settings.key.columns;
  settings.decoder.order_by = settings.key.order_by;
  settings.partition_by = dataset.partition_by;
  settings.seal = {dataset.sort_by, dataset.cubes, dataset.rollup};
  settings.seal_rows = dataset.seal_rows;
  settings.seal_age_ms = dataset.seal_age_ms;
  settings.late_ms = dataset.late_ms;
  using Policy = IngestionSettings::LatePolicy;
  settings.late_policy = dataset.late_policy == "accept" ? Policy::kAccept
                         : dataset.late_policy == "drop" ? Policy::kDrop
                                                         : Policy::kDeadLetter;
  settings.retention_ms = dataset.retention_ms;
  return settings;
}

}  // namespace freshet
