"""Shows a directory as an odd file system would: MOUNT BACKING WORD... (needs fusepy).

NAME=SIZE is what stat says of NAME; NAME=SIZEh says also that it has no blocks, as of a file that is one hole. Reads are
answered from what the file holds, whatever it says. --steps=NS keeps times in steps of so many nanoseconds; --fold takes
names that differ in case only for one name.
"""

import errno
import os
import sys

try:
    from fusepy import FUSE, FuseOSError, Operations  # as Debian has it
except ImportError:
    from fuse import FUSE, FuseOSError, Operations  # as PyPI has it

FIELDS = ("st_gid", "st_mode", "st_nlink", "st_uid", "st_blocks", "st_ino")
TIMES = ("st_atime", "st_ctime", "st_mtime")


class Odd(Operations):
    use_ns = True

    def __init__(self, backing, said, steps, folds):
        self.backing, self.said, self.steps, self.folds = backing, said, steps, folds

    def real(self, path):
        real = self.backing
        for name in path.split("/")[1:]:
            if self.folds and name and not os.path.lexists(f"{real}/{name}"):
                name = next((other for other in os.listdir(real) if other.lower() == name.lower()), name)
            real = f"{real}/{name}"
        return real

    def getattr(self, path, fh=None):
        found = os.lstat(self.real(path))
        attributes = {field: getattr(found, field) for field in FIELDS}
        attributes |= {time: getattr(found, f"{time}_ns") // self.steps * self.steps for time in TIMES}
        word = self.said.get(path[1:], str(found.st_size))
        attributes["st_size"] = int(word.rstrip("h"))
        attributes["st_blocks"] = 0 if word.endswith("h") else -(-attributes["st_size"] // 512)
        return attributes

    def readdir(self, path, fh):
        return [".", "..", *os.listdir(self.real(path))]

    def open(self, path, flags):
        return os.open(self.real(path), flags & os.O_ACCMODE)

    def create(self, path, mode, fi=None):
        return os.open(self.real(path), os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)

    def read(self, path, size, offset, fh):
        return os.pread(fh, size, min(offset, 1 << 62))

    def write(self, path, data, offset, fh):
        return os.pwrite(fh, data, offset)

    def truncate(self, path, length, fh=None):
        os.truncate(self.real(path), length)

    def release(self, path, fh):
        os.close(fh)

    def unlink(self, path):
        os.unlink(self.real(path))

    def mkdir(self, path, mode):
        os.mkdir(self.real(path), mode)

    def rmdir(self, path):
        os.rmdir(self.real(path))

    def rename(self, old, new):
        os.rename(self.real(old), self.real(new))

    def link(self, target, source):
        os.link(self.real(source), self.real(target))

    def chmod(self, path, mode):
        os.chmod(self.real(path), mode)

    def chown(self, path, uid, gid):
        os.chown(self.real(path), uid, gid, follow_symlinks=False)

    def utimens(self, path, times=None):
        os.utime(self.real(path), ns=times, follow_symlinks=False)

    def symlink(self, target, source):
        os.symlink(source, self.real(target))

    def readlink(self, path):
        return os.readlink(self.real(path))

    def getxattr(self, path, name, position=0):
        raise FuseOSError(errno.ENOTSUP)

    def listxattr(self, path):
        raise FuseOSError(errno.ENOTSUP)


if __name__ == "__main__":
    mount, backing, *words = sys.argv[1:]
    steps = [int(word[len("--steps=") :]) for word in words if word.startswith("--steps=")] or [1]
    said = dict(word.split("=") for word in words if not word.startswith("--"))
    FUSE(Odd(backing, said, steps[-1], "--fold" in words), mount, foreground=True, direct_io=True, use_ino=True, attr_timeout=0, entry_timeout=0)
