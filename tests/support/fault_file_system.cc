#include "tests/support/fault_file_system.h"

namespace freshet {
namespace {

class FaultFile final : public WritableFile {
 public:
  FaultFile(FaultFileSystem& files, std::unique_ptr<WritableFile> file,
            std::string path)
      : files_(files), file_(std::move(file)), path_(std::move(path)) {}

  Status append(std::span<const char> bytes) override {
    Status status = files_.step("append", path_);
    if (status) return file_->append(bytes);
    TRY(file_->append(bytes.first(bytes.size() / 2)));
    return status;
  }
  Status sync() override {
    TRY(files_.step("sync", path_));
    return file_->sync();
  }
  Status close() override {
    TRY(files_.step("close", path_));
    return file_->close();
  }

 private:
  FaultFileSystem& files_;
  std::unique_ptr<WritableFile> file_;
  std::string path_;
};

}  // namespace

void FaultFileSystem::fail_at(uint64_t operation, bool persistent) {
  fail_at_ = operation;
  persistent_ = persistent;
  operations_ = 0;
  failed_ = false;
}

Status FaultFileSystem::step(const char* operation, const std::string& path) {
  ++operations_;
  bool hit = fail_at_ != 0 && (operations_ == fail_at_ ||
                               (persistent_ && operations_ > fail_at_));
  if (!hit) return {};
  failed_ = true;
  return Error{ErrorCode::kIo, std::string("injected fault: cannot ") +
                                   operation + ": " + path};
}

Result<std::unique_ptr<WritableFile>> FaultFileSystem::create(
    const std::string& path) {
  TRY(step("create", path));
  TRY_ASSIGN(auto file, real_file_system().create(path));
  return std::unique_ptr<WritableFile>(
      std::make_unique<FaultFile>(*this, std::move(file), path));
}

Status FaultFileSystem::rename(const std::string& from, const std::string& to) {
  TRY(step("rename", from));
  return real_file_system().rename(from, to);
}

Status FaultFileSystem::remove(const std::string& path) {
  TRY(step("remove", path));
  return real_file_system().remove(path);
}

Status FaultFileSystem::sync_folder(const std::string& path) {
  TRY(step("sync folder", path));
  return real_file_system().sync_folder(path);
}

Status FaultFileSystem::create_folders(const std::string& path) {
  TRY(step("create folder", path));
  return real_file_system().create_folders(path);
}

Result<std::vector<std::string>> FaultFileSystem::list(
    const std::string& path) {
  TRY(step("list", path));
  return real_file_system().list(path);
}

Result<uint64_t> FaultFileSystem::size(const std::string& path) {
  TRY(step("stat", path));
  return real_file_system().size(path);
}

Result<uint64_t> FaultFileSystem::free_bytes(const std::string& path) {
  TRY(step("read free space", path));
  return real_file_system().free_bytes(path);
}

}  // namespace freshet
