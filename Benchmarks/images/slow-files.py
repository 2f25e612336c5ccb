"""Shows a folder as a network's file system would: each opening and each read of up to 128 KiB takes a while.

    slow-files.py FOLDER MOUNTPOINT SECONDS

Needs /dev/fuse, libfuse2 and fusepy; runs until `fusermount -u MOUNTPOINT`. Pages are kept from one opening to the next, as NFS and SMB
keep those of unchanged files.
"""
import os
import sys
import time

try:
    import fuse
except ImportError:
    import fusepy as fuse

folder, mountpoint, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])


class SlowFiles(fuse.Operations):
    def getattr(self, path, fh=None):
        try:
            status = os.stat(folder + path)
        except OSError as error:
            raise fuse.FuseOSError(error.errno)
        return {key: getattr(status, key) for key in ("st_atime", "st_ctime", "st_mode", "st_mtime", "st_nlink", "st_size")}

    def readdir(self, path, fh):
        return [".", ".."] + os.listdir(folder + path)

    def open(self, path, flags):
        time.sleep(seconds)
        return os.open(folder + path, os.O_RDONLY)

    def read(self, path, size, offset, fh):
        time.sleep(seconds)
        return os.pread(fh, size, offset)

    def release(self, path, fh):
        os.close(fh)


fuse.FUSE(SlowFiles(), mountpoint, foreground=True, ro=True, auto_cache=True)
