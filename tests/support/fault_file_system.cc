#include "tests/support/fault_file_system.h"

#include <rocksdb/env.h>

#include <filesystem>

#include "tests/support/fault_rocks.h"

namespace freshet {
namespace {

namespace fs = std::filesystem;

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
    TRY(file_->sync());
    files_.synced(path_);
    return {};
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

std::string folder_of(const std::string& path) {
  return fs::path(path).parent_path().string();
}

}  // namespace

FaultFileSystem::FaultFileSystem() : rocks_env_(fault_rocks_env(*this)) {}
FaultFileSystem::~FaultFileSystem() = default;

rocksdb::Env* FaultFileSystem::rocks_env() { return rocks_env_.get(); }

void FaultFileSystem::fail_at(uint64_t operation, bool persistent) {
  std::lock_guard lock(mutex_);
  fail_at_ = operation;
  persistent_ = persistent;
  operations_ = 0;
  failed_ = false;
}

uint64_t FaultFileSystem::operations() const {
  std::lock_guard lock(mutex_);
  return operations_;
}

bool FaultFileSystem::failed() const {
  std::lock_guard lock(mutex_);
  return failed_;
}

Status FaultFileSystem::step(const char* operation, const std::string& path) {
  std::lock_guard lock(mutex_);
  ++operations_;
  bool hit = fail_at_ != 0 && (operations_ == fail_at_ ||
                               (persistent_ && operations_ > fail_at_));
  if (!hit) return {};
  failed_ = true;
  bool full = operation[0] == 'a' && fail_at_ % 4 < 2;
  return Error{ErrorCode::kIo,
               std::string("injected fault: cannot ") + operation + ": " +
                   (full ? "No space left on device: " : "I/O error: ") + path};
}

void FaultFileSystem::note(Change::Kind kind, const std::string& path,
                           std::string other) {
  changes_.push_back({kind, folder_of(path), path, std::move(other)});
}

void FaultFileSystem::synced(const std::string& path) {
  std::lock_guard lock(mutex_);
  synced_bytes_[path] = fs::file_size(path);
}

void FaultFileSystem::folder_synced(const std::string& path) {
  std::lock_guard lock(mutex_);
  std::erase_if(changes_, [&](const Change& c) { return c.folder == path; });
}

void FaultFileSystem::created(const std::string& path) {
  std::lock_guard lock(mutex_);
  note(Change::Kind::kMade, path, "");
  synced_bytes_[path] = 0;
}

void FaultFileSystem::linked(const std::string& to) {
  std::lock_guard lock(mutex_);
  note(Change::Kind::kMade, to, "");
}

// Takes a file away that lose_unsynced() may put back.
Status FaultFileSystem::keep(const std::string& path) {
  std::string kept = removed_.path() + "/" + std::to_string(++num_removed_);
  TRY(real_file_system().rename(path, kept));
  note(Change::Kind::kRemoved, path, kept);
  return {};
}

Status FaultFileSystem::removed(const std::string& path) {
  std::lock_guard lock(mutex_);
  return keep(path);
}

Status FaultFileSystem::renamed(const std::string& from,
                                const std::string& to) {
  std::lock_guard lock(mutex_);
  if (fs::exists(to)) TRY(keep(to));
  TRY(real_file_system().rename(from, to));
  note(Change::Kind::kRenamed, from, to);
  synced_bytes_[to] = synced_bytes_[from];
  synced_bytes_.erase(from);
  return {};
}

void FaultFileSystem::lose_unsynced() {
  std::lock_guard lock(mutex_);
  std::error_code gone;  // with a folder that was removed besides
  for (auto change = changes_.rbegin(); change != changes_.rend(); ++change) {
    if (change->kind == Change::Kind::kMade) {
      fs::remove_all(change->path);
      synced_bytes_.erase(change->path);
    } else if (change->kind == Change::Kind::kRenamed) {
      fs::rename(change->other, change->path, gone);
      synced_bytes_[change->path] = synced_bytes_[change->other];
      synced_bytes_.erase(change->other);
    } else {
      fs::rename(change->other, change->path, gone);
    }
  }
  changes_.clear();
  for (const auto& [path, bytes] : synced_bytes_) {
    if (fs::is_regular_file(path) && fs::file_size(path) > bytes) {
      fs::resize_file(path, bytes);
    }
  }
}

Result<std::unique_ptr<WritableFile>> FaultFileSystem::create(
    const std::string& path) {
  TRY(step("create", path));
  TRY_ASSIGN(auto file, real_file_system().create(path));
  created(path);
  return std::unique_ptr<WritableFile>(
      std::make_unique<FaultFile>(*this, std::move(file), path));
}

Status FaultFileSystem::rename(const std::string& from, const std::string& to) {
  TRY(step("rename", from));
  return renamed(from, to);
}

Status FaultFileSystem::remove(const std::string& path) {
  TRY(step("remove", path));
  return removed(path);
}

Status FaultFileSystem::link(const std::string& from, const std::string& to) {
  TRY(step("link", from));
  TRY(real_file_system().link(from, to));
  linked(to);
  return {};
}

Status FaultFileSystem::sync_folder(const std::string& path) {
  TRY(step("sync folder", path));
  TRY(real_file_system().sync_folder(path));
  folder_synced(path);
  return {};
}

Status FaultFileSystem::create_folders(const std::string& path) {
  TRY(step("create folder", path));
  std::lock_guard lock(mutex_);
  for (std::string made = path; !fs::exists(made); made = folder_of(made)) {
    note(Change::Kind::kMade, made, "");
  }
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
