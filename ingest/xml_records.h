// XmlRecords: cuts an XML document into records while it is read, so that a
// file of any size needs the memory of one record. Used by one thread.
//
// A record is a tree: an element without attributes and elements inside is its
// text, blanks trimmed, null if empty; any other is an object of its elements,
// its attributes as "@name" and its text, if any, as "#text". Elements of the
// same name become an array. Prefixes of names are left out.
//
// Documents with a DOCTYPE are refused, so that there are no entities but the
// five of XML, nothing is fetched and nothing grows.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/event_tree.h"
#include "segments/result.h"

namespace freshet {

class XmlRecords {
 public:
  static constexpr size_t kMaxDepth = 256;

  // `path`: "/inventory/item", from the root element to the records; the root
  // element itself is a path, too. `use` is called for each record in order,
  // with what stands around it: attributes and elements of the elements it lies
  // in, as far as they were read, from the root's inside on. An error of `use`
  // ends the reading. kInvalid if the path is none.
  using Use = std::function<Status(EventTree& record, EventTree& around)>;
  static Result<std::unique_ptr<XmlRecords>> make(std::string_view path,
                                                  Use use);
  ~XmlRecords();

  // A new document begins.
  void reset();
  // The next bytes of the document; `last` with its end, which is when an
  // unfinished document is found. kInvalid names line and fault; kLimit: a
  // record is larger than kMaxEventBytes.
  Status push(std::string_view bytes, bool last);

 private:
  struct Parser;
  explicit XmlRecords(std::unique_ptr<Parser> parser);
  std::unique_ptr<Parser> parser_;
};

}  // namespace freshet
