#include "segments/paced_files.h"

namespace freshet {
namespace {

class PacedFile final : public WritableFile {
 public:
  PacedFile(std::unique_ptr<WritableFile> file, const Pace& pace)
      : file_(std::move(file)), pace_(pace) {}
  Status append(std::span<const char> bytes) override {
    TRY(pace_(bytes.size()));
    return file_->append(bytes);
  }
  Status sync() override { return file_->sync(); }
  Status close() override { return file_->close(); }

 private:
  const std::unique_ptr<WritableFile> file_;
  const Pace& pace_;
};

}  // namespace

Result<std::unique_ptr<WritableFile>> PacedFiles::create(
    const std::string& path) {
  TRY_ASSIGN(auto file, files_.create(path));
  return std::unique_ptr<WritableFile>(
      std::make_unique<PacedFile>(std::move(file), pace_));
}

}  // namespace freshet
