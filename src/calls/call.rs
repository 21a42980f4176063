//! The table of system calls: what each is called, what a report counts it as, and what it adds to the kernel's own counters.

use rustix::io::Errno;

/// A system call that `sys/` wraps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each is the call of that name in section 2 of the manual")]
#[repr(u8)]
pub enum Call {
    Read,
    Pread,
    Write,
    Pwrite,
    CopyFileRange,
    Ficlone,
    Setflags,
    Openat,
    Openat2,
    Close,
    Statx,
    Faccessat2,
    Fstatfs,
    Getdents64,
    Mkdirat,
    Mknodat,
    Renameat2,
    Linkat,
    Unlinkat,
    Symlinkat,
    Readlinkat,
    Utimensat,
    Fchmod,
    Fchmodat,
    Fchmodat2,
    Fchown,
    Fchownat,
    Fsync,
    Fdatasync,
    Syncfs,
    Fallocate,
    Ftruncate,
    Fadvise64,
    Fcntl,
    Flock,
    Lseek,
    Poll,
    Mmap,
    Munmap,
    Flistxattr,
    Fgetxattr,
    Fsetxattr,
    Fremovexattr,
    Llistxattr,
    Lgetxattr,
    Getxattr,
    Setxattr,
    Removexattr,
    Listxattrat,
    Getxattrat,
    Setxattrat,
    Removexattrat,
    Getrandom,
    IoUringSetup,
    IoUringRegister,
    IoUringEnter,
    Socketpair,
    Sendmsg,
    Recvmsg,
}

/// What a report counts a call as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Moves bytes from a file into this process.
    Read,
    /// Moves bytes from this process into a file.
    Write,
    /// Everything else.
    Other,
}

/// How a call ended, as far as the kernel's counters can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It succeeded and moved this many bytes (0 for calls that move none).
    Moved(u64),
    /// It failed.
    Failed(Errno),
}

impl Call {
    /// Every call, in the order reports list them.
    pub const ALL: [Self; 59] = [
        Self::Read,
        Self::Pread,
        Self::Write,
        Self::Pwrite,
        Self::CopyFileRange,
        Self::Ficlone,
        Self::Setflags,
        Self::Openat,
        Self::Openat2,
        Self::Close,
        Self::Statx,
        Self::Faccessat2,
        Self::Fstatfs,
        Self::Getdents64,
        Self::Mkdirat,
        Self::Mknodat,
        Self::Renameat2,
        Self::Linkat,
        Self::Unlinkat,
        Self::Symlinkat,
        Self::Readlinkat,
        Self::Utimensat,
        Self::Fchmod,
        Self::Fchmodat,
        Self::Fchmodat2,
        Self::Fchown,
        Self::Fchownat,
        Self::Fsync,
        Self::Fdatasync,
        Self::Syncfs,
        Self::Fallocate,
        Self::Ftruncate,
        Self::Fadvise64,
        Self::Fcntl,
        Self::Flock,
        Self::Lseek,
        Self::Poll,
        Self::Mmap,
        Self::Munmap,
        Self::Flistxattr,
        Self::Fgetxattr,
        Self::Fsetxattr,
        Self::Fremovexattr,
        Self::Llistxattr,
        Self::Lgetxattr,
        Self::Getxattr,
        Self::Setxattr,
        Self::Removexattr,
        Self::Listxattrat,
        Self::Getxattrat,
        Self::Setxattrat,
        Self::Removexattrat,
        Self::Getrandom,
        Self::IoUringSetup,
        Self::IoUringRegister,
        Self::IoUringEnter,
        Self::Socketpair,
        Self::Sendmsg,
        Self::Recvmsg,
    ];

    /// The kernel's name for it on x86-64, as strace prints it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Pread => "pread64",
            Self::Write => "write",
            Self::Pwrite => "pwrite64",
            Self::CopyFileRange => "copy_file_range",
            Self::Ficlone => "ioctl(FICLONE)",
            Self::Setflags => "ioctl(FS_IOC_SETFLAGS)",
            Self::Openat => "openat",
            Self::Openat2 => "openat2",
            Self::Close => "close",
            Self::Statx => "statx",
            Self::Faccessat2 => "faccessat2",
            Self::Fstatfs => "fstatfs",
            Self::Getdents64 => "getdents64",
            Self::Mkdirat => "mkdirat",
            Self::Mknodat => "mknodat",
            Self::Renameat2 => "renameat2",
            Self::Linkat => "linkat",
            Self::Unlinkat => "unlinkat",
            Self::Symlinkat => "symlinkat",
            Self::Readlinkat => "readlinkat",
            Self::Utimensat => "utimensat",
            Self::Fchmod => "fchmod",
            Self::Fchmodat => "fchmodat",
            Self::Fchmodat2 => "fchmodat2",
            Self::Fchown => "fchown",
            Self::Fchownat => "fchownat",
            Self::Fsync => "fsync",
            Self::Fdatasync => "fdatasync",
            Self::Syncfs => "syncfs",
            Self::Fallocate => "fallocate",
            Self::Ftruncate => "ftruncate",
            Self::Fadvise64 => "fadvise64",
            Self::Fcntl => "fcntl",
            Self::Flock => "flock",
            Self::Lseek => "lseek",
            Self::Poll => "poll",
            Self::Mmap => "mmap",
            Self::Munmap => "munmap",
            Self::Flistxattr => "flistxattr",
            Self::Fgetxattr => "fgetxattr",
            Self::Fsetxattr => "fsetxattr",
            Self::Fremovexattr => "fremovexattr",
            Self::Llistxattr => "llistxattr",
            Self::Lgetxattr => "lgetxattr",
            Self::Getxattr => "getxattr",
            Self::Setxattr => "setxattr",
            Self::Removexattr => "removexattr",
            Self::Listxattrat => "listxattrat",
            Self::Getxattrat => "getxattrat",
            Self::Setxattrat => "setxattrat",
            Self::Removexattrat => "removexattrat",
            Self::Getrandom => "getrandom",
            Self::IoUringSetup => "io_uring_setup",
            Self::IoUringRegister => "io_uring_register",
            Self::IoUringEnter => "io_uring_enter",
            Self::Socketpair => "socketpair",
            Self::Sendmsg => "sendmsg",
            Self::Recvmsg => "recvmsg",
        }
    }

    /// What reports call the operation of an `io_uring` that stands for it: `io_uring(statx)`.
    pub fn operation_name(self) -> String {
        format!("io_uring({})", self.name())
    }

    /// What reports count it as. `copy_file_range` is neither a read nor a write: no byte enters the process.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Read | Self::Pread => Kind::Read,
            Self::Write | Self::Pwrite => Kind::Write,
            _ => Kind::Other,
        }
    }

    /// Whether it changes a file, a name or an attribute. `openat` may, which its flags tell.
    pub(crate) const fn changes_files(self) -> bool {
        matches!(
            self,
            Self::Write
                | Self::Pwrite
                | Self::CopyFileRange
                | Self::Ficlone
                | Self::Setflags
                | Self::Mkdirat
                | Self::Mknodat
                | Self::Renameat2
                | Self::Linkat
                | Self::Unlinkat
                | Self::Symlinkat
                | Self::Utimensat
                | Self::Fchmod
                | Self::Fchmodat
                | Self::Fchmodat2
                | Self::Fchown
                | Self::Fchownat
                | Self::Fallocate
                | Self::Ftruncate
                | Self::Fsetxattr
                | Self::Fremovexattr
                | Self::Setxattr
                | Self::Removexattr
                | Self::Setxattrat
                | Self::Removexattrat
                | Self::IoUringSetup
                | Self::IoUringRegister
                | Self::IoUringEnter
        )
    }

    /// What one such call adds to `syscr` and `syscw` of `/proc/self/io`.
    ///
    /// Measured on Linux 6.18 and read in `fs/read_write.c`: `vfs_read` and `vfs_write` count every call that reaches
    /// the file, also one that fails there (EAGAIN, EISDIR, ENOSPC, EPIPE). A call turned away before that (EBADF,
    /// EINVAL, ESPIPE, EFAULT) counts nothing. `copy_file_range` counts as both, but only when it moved something: it
    /// leaves early at the end of the file and on every error. Nothing else here counts.
    pub fn kernel_effect(self, ending: Ending) -> (u64, u64) {
        let reached_the_file =
            !matches!(ending, Ending::Failed(Errno::BADF | Errno::INVAL | Errno::SPIPE | Errno::FAULT));
        match self {
            Self::Read | Self::Pread => (u64::from(reached_the_file), 0),
            Self::Write | Self::Pwrite => (0, u64::from(reached_the_file)),
            Self::CopyFileRange => match ending {
                Ending::Moved(bytes) if bytes > 0 => (1, 1),
                _ => (0, 0),
            },
            _ => (0, 0),
        }
    }
}
