#include "segments/segment_writer.h"

#include <filesystem>

#include "segments/column_encoder.h"
#include "segments/cube_builder.h"
#include "segments/failpoint.h"
#include "segments/rollup.h"
#include "segments/row_order.h"
#include "segments/sealed_segment.h"
#include "segments/segment_file.h"

namespace freshet {
namespace {

// Builds and writes one cube; nothing where it would not pay.
Result<std::optional<CubeFooter>> write_cube(SegmentFile& file,
                                             const Segment& segment,
                                             const CubeSpec& spec) {
  TRY_ASSIGN(BuiltCube built, build_cube(segment, spec));
  if (!built.table) return std::optional<CubeFooter>();
  CubeFooter cube;
  cube.num_rows = built.table->num_rows();
  TRY_ASSIGN(std::vector<uint32_t> order,
             sorted_rows(*built.table, built.spec.dimensions));
  for (const ColumnSpec& column : built.table->schema().columns) {
    TRY_ASSIGN(ColumnFooter footer,
               encode_column(*built.table, column, order, file));
    cube.columns.push_back(std::move(footer));
  }
  cube.spec = std::move(built.spec);
  return std::optional<CubeFooter>(std::move(cube));
}

// Writes the whole file's bytes; the result has no path yet.
Result<SealedFile> write_bytes(SegmentFile& file, const Segment& segment,
                               const std::string& id,
                               const SealOptions& options) {
  const uint64_t mark = segment.mark();
  TRY_ASSIGN(std::vector<uint32_t> order,
             sorted_rows(segment, options.sort_by));
  Footer footer;
  footer.id = id;
  footer.num_rows = segment.num_rows();
  footer.time_range = segment.time_range();
  for (const std::string& name : options.sort_by) {
    if (segment.schema().find(name)) footer.sort_by.push_back(name);
  }
  TRY_ASSIGN(const Rollup* rollup, segment.rollup());
  if (rollup != nullptr) footer.rollup = *rollup;
  TRY(file.append(encode_header()));
  TRY_ASSIGN(auto derivations, find_derivations(segment));
  const std::vector<ColumnSpec>& specs = segment.schema().columns;
  for (size_t i = 0; i < specs.size(); ++i) {
    const Derivation* derivation = derivations[i] ? &*derivations[i] : nullptr;
    TRY_ASSIGN(ColumnFooter column,
               encode_column(segment, specs[i], order, file, derivation));
    footer.columns.push_back(std::move(column));
  }
  for (const CubeSpec& spec : options.cubes) {
    TRY_ASSIGN(auto cube, write_cube(file, segment, spec));
    if (cube) footer.cubes.push_back(std::move(*cube));
  }
  TRY(file.align(kExtentAlignment));
  Trailer trailer;
  trailer.footer_offset = file.offset();
  std::string body = encode_footer_body(footer);
  TRY(file.append(body));
  footer.content_hash = file.hash();
  std::string hash(reinterpret_cast<char*>(&footer.content_hash), 8);
  TRY(file.append(hash));
  trailer.footer_length = static_cast<uint32_t>(body.size() + hash.size());
  trailer.footer_checksum = checksum_of(body + hash);
  trailer.file_length = file.offset() + kTrailerBytes;
  TRY(file.append(encode_trailer(trailer)));
  TRY(segment.status(mark));  // what was read was what is there
  failpoint("write.before_sync");
  TRY(file.finish());
  failpoint("write.synced");
  SealedFile sealed;
  sealed.bytes = trailer.file_length;
  sealed.content_hash = footer.content_hash;
  sealed.num_rows = footer.num_rows;
  sealed.time_range = footer.time_range;
  sealed.order = std::move(order);
  return sealed;
}

Result<SealedFile> write_beside(FileSystem& files, const Segment& segment,
                                const std::string& id, const std::string& path,
                                const SealOptions& options) {
  TRY_ASSIGN(auto writable, files.create(path));
  failpoint("write.created");
  SegmentFile file(std::move(writable));
  if (!options.rollup) return write_bytes(file, segment, id, options);
  TRY_ASSIGN(auto rolled, roll_up(segment, *options.rollup));
  return write_bytes(file, *rolled, id, options);
}

Status publish(FileSystem& files, const std::string& temporary,
               const std::string& path) {
  TRY(files.rename(temporary, path));
  failpoint("write.renamed");
  TRY(files.sync_folder(std::filesystem::path(path).parent_path().string()));
  failpoint("write.folder_synced");
  return verify_segment(path);
}

}  // namespace

Result<SealedFile> write_segment(FileSystem& files, const Segment& segment,
                                 const std::string& id, const std::string& path,
                                 const SealOptions& options) {
  std::string temporary = path + ".tmp";
  auto sealed = write_beside(files, segment, id, temporary, options);
  if (!sealed) {
    // What cannot be removed now is collected when the store opens.
    (void)files.remove(temporary);
    return sealed.error();
  }
  if (Status published = publish(files, temporary, path); !published) {
    (void)files.remove(temporary);
    (void)files.remove(path);
    return published.error();
  }
  sealed->path = path;
  return sealed;
}

}  // namespace freshet
