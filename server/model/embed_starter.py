#!/usr/bin/env python3
"""Writes the starter model as a C++ source: embed_starter.py FOLDER OUT DEP.

DEP lists the files read, so that a change of any of them builds OUT again.
"""
import pathlib
import sys


def literal(data: bytes) -> str:
    """The bytes as C++ string literals, one a line."""
    out = []
    for line in data.splitlines(keepends=True):
        text = ""
        for byte in line:
            char = chr(byte)
            if char in "\\\"?":
                text += "\\" + char
            elif 32 <= byte < 127:
                text += char
            else:
                text += "\\%03o" % byte
        out.append('     "%s"' % text)
    return "\n".join(out) or '     ""'


def main() -> None:
    folder, out, dep = (pathlib.Path(a) for a in sys.argv[1:4])
    files = sorted(folder.rglob("*.yaml"))
    lines = ['#include "server/model/starter_files.h"', "",
             "namespace freshet {", "namespace {",
             "constexpr StarterFile kFiles[] = {"]
    for file in files:
        lines.append('    {"%s",' % file.relative_to(folder).as_posix())
        lines.append(literal(file.read_bytes()) + "},")
    lines += ["};", "}  // namespace",
              "std::span<const StarterFile> starter_files() { return kFiles; }",
              "}  // namespace freshet", ""]
    out.write_text("\n".join(lines), encoding="ascii")
    # The folders too: a new file changes them.
    folders = [folder] + sorted(p for p in folder.rglob("*") if p.is_dir())
    names = " ".join(str(f).replace(" ", "\\ ") for f in folders + files)
    dep.write_text("%s: %s\n" % (out, names), encoding="utf-8")


main()
