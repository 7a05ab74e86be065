"""Writes assets.cc, which embeds the dashboard's built files in the binary.

usage: embed_assets.py OUTPUT DEPFILE DIST FALLBACK

Every file under DIST becomes an asset; FILE.gz and FILE.br beside it become
its compressed forms (the gzip form is made here where it is missing). Without
DIST/index.html the FALLBACK page is embedded as index.html. DEPFILE names all
that was looked at, so that a new build of the dashboard runs this again. The
compiler never parses the bytes: the assembler includes the files (.incbin).
"""
import gzip
import hashlib
import os
import sys

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json; charset=utf-8",
    ".webmanifest": "application/manifest+json; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
HEAD = """// Made by embed_assets.py; do not edit.
#include <array>

#include "server/http/static_assets.h"

"""
TAIL = """
namespace freshet {

std::span<const Asset> embedded_assets() {
  static const std::array<Asset, %d> kAssets{{
%s  }};
  return kAssets;
}

}  // namespace freshet
"""


def look(dist):
    """Files of DIST, and everything whose change must run this again."""
    if not os.path.isfile(os.path.join(dist, "index.html")):
        seen = [os.path.dirname(dist)] + [dist] * os.path.isdir(dist)
        return [], [path for path in seen if os.path.exists(path)]
    files, seen = [], []
    for folder, folders, names in sorted(os.walk(dist)):
        folders.sort()
        seen.append(folder)
        for name in sorted(names):
            if not name.startswith("."):
                files.append(os.path.join(folder, name))
    return files, seen + files


def gzip_form(path, output):
    """PATH.gz, or one made beside OUTPUT if that makes it smaller."""
    if os.path.exists(path + ".gz"):
        return path + ".gz"
    with open(path, "rb") as file:
        data = file.read()
    packed = gzip.compress(data, 9, mtime=0)
    if len(packed) >= len(data):
        return None
    made = "%s.%s.gz" % (output, hashlib.sha256(data).hexdigest()[:16])
    with open(made, "wb") as file:
        file.write(packed)
    return made


def include(symbol, path):
    with open(path, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    # The digest makes this text, and so the object file, follow the bytes.
    return f"""// {digest}
asm(".pushsection .rodata\\n.balign 16\\n.globl {symbol}_b\\n{symbol}_b:\\n"
    ".incbin \\"{path}\\"\\n.globl {symbol}_e\\n{symbol}_e:\\n"
    ".byte 0\\n.popsection\\n");
extern "C" const char {symbol}_b[], {symbol}_e[];
"""


def view(symbol):
    return f"{{{symbol}_b, static_cast<size_t>({symbol}_e - {symbol}_b)}}"


def render(assets, output):
    """`assets`: (URL path, file) pairs."""
    text, rows = HEAD, ""
    for number, (url, path) in enumerate(assets):
        forms = [("plain", path), ("gzip", gzip_form(path, output)),
                 ("brotli", path + ".br")]
        views = []
        for name, form in forms:
            if form is None or not os.path.exists(form):
                views.append("std::string_view()")
                continue
            symbol = f"freshet_asset_{number}_{name}"
            text += include(symbol, os.path.abspath(form))
            views.append(view(symbol))
        kind = TYPES.get(os.path.splitext(path)[1],
                         "application/octet-stream")
        rows += f'      Asset{{"{url}", "{kind}",\n            '
        rows += ",\n            ".join(views) + "},\n"
    return text + TAIL % (len(assets), rows)


def main():
    output, depfile, dist, fallback = sys.argv[1:]
    dist = os.path.abspath(dist)
    files, seen = look(dist)
    assets = [("/" + os.path.relpath(path, dist).replace(os.sep, "/"), path)
              for path in files if not path.endswith((".gz", ".br"))]
    if not assets:
        assets = [("/index.html", os.path.abspath(fallback))]
    text = render(assets, output)
    old = None
    if os.path.exists(output):
        with open(output) as file:
            old = file.read()
    if text != old:
        with open(output, "w") as file:
            file.write(text)
    seen.append(os.path.abspath(fallback))
    with open(depfile, "w") as file:
        names = " ".join(path.replace(" ", "\\ ") for path in seen)
        file.write(f"{output}: {names}\n")


if __name__ == "__main__":
    main()
