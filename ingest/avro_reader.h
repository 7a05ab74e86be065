// AvroReader: a value in Avro's binary encoding -> an EventTree. Fields have
// the names of the writer's schema, so that a schema may change as it likes:
// what columns ask for is found by name, what is not there is null.
#pragma once

#include <string>
#include <string_view>

#include "ingest/avro_schema.h"
#include "ingest/event_tree.h"

namespace freshet {

class AvroReader {
 public:
  static constexpr size_t kMaxDepth = 256;
  static constexpr size_t kMaxValues = 2'000'000;  // of one message

  // Appends the value in `bytes` to `tree`; its texts are views into `bytes`
  // and into the tree. Bytes without a logical type become base64. False:
  // error() says why.
  bool read(const AvroSchema& schema, std::string_view bytes, EventTree& tree);
  const std::string& error() const { return error_; }

 private:
  bool value(const AvroType& type, std::string_view name);
  bool record(const AvroType& type, std::string_view name);
  bool array(const AvroType& type, std::string_view name);
  bool map(const AvroType& type, std::string_view name);
  bool block(int64_t& count);
  template <class Number>
  bool real(std::string_view name);
  bool integer(const AvroType& type, std::string_view name);
  bool text(std::string_view name);
  bool raw(const AvroType& type, size_t size, std::string_view name);
  bool read_long(int64_t& out);
  bool read_bytes(std::string_view& out);
  bool take(size_t size, std::string_view& out);
  bool fail(std::string_view why);

  const AvroSchema* schema_ = nullptr;
  EventTree* tree_ = nullptr;
  std::string_view rest_;
  size_t values_ = 0;
  std::string error_;
};

}  // namespace freshet
