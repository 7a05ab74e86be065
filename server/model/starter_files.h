// The files of starter/, embedded by embed_starter.py.
#pragma once

#include <span>
#include <string_view>

namespace freshet {

struct StarterFile {
  std::string_view path;  // relative: "datasets/sales.yaml"
  std::string_view text;
};

std::span<const StarterFile> starter_files();

}  // namespace freshet
