"""A disk of its own for a server, which can be filled up."""
import os
import pathlib
import subprocess


class SmallDisk:
    """An ext4 file system in a file, mounted at `folder` (root only: None from
    make() elsewhere)."""

    def __init__(self, folder, megabytes):
        self.folder = pathlib.Path(folder)
        self.image = self.folder.with_suffix(".image")
        self.ballast = self.folder / "ballast"
        self.folder.mkdir()
        with open(self.image, "wb") as file:
            file.truncate(megabytes << 20)
        for command in (["mkfs.ext4", "-q", "-m", "0", self.image],
                        ["mount", "-o", "loop", self.image, self.folder]):
            subprocess.run(command, check=True, capture_output=True)

    @classmethod
    def make(cls, folder, megabytes):
        try:
            return cls(folder, megabytes)
        except (OSError, subprocess.CalledProcessError) as error:
            print("no disk of its own:", error)
            return None

    def fill(self):
        """Leaves less than a page."""
        with open(self.ballast, "ab") as file:
            step = 1 << 30
            while step >= 4096:
                try:
                    os.posix_fallocate(file.fileno(),
                                       os.fstat(file.fileno()).st_size, step)
                except OSError:
                    step //= 2

    def free(self):
        self.ballast.unlink(missing_ok=True)

    def close(self):
        self.free()
        subprocess.run(["umount", "-l", self.folder], capture_output=True)
        self.image.unlink(missing_ok=True)
