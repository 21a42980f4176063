//! Where a disk is measured: a scratch directory of our own, or a file or device that exists and is only read.

use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::budget::{self, FileSize};
use super::file::DataFile;
use super::files;
use crate::error::{Error, Remedy, Result};
use crate::job::Context;
use crate::lab::data::generate::Generator;
use crate::lab::machine::{Machine, this_machine};
use crate::lab::scratch::{Purpose, Scratch};
use crate::lab::subject::disk::plan::{Access, DiskPlan, DiskTarget, Preset};
use crate::size::binary;
use crate::sys::Sys;

/// What is measured on. The file is closed before the scratch directory is removed: NFS keeps a name for what is open.
pub(super) struct Location {
    path: PathBuf,
    /// `None` where no load moves blocks.
    file: Option<DataFile>,
    /// `None` of what exists.
    scratch: Option<Scratch>,
}

impl Location {
    /// Opens what exists, or makes what is needed in the directory: nothing large yet.
    pub(super) fn open(sys: &mut Sys, context: &Context, plan: &DiskPlan) -> Result<Self> {
        let path = plan.target.path().clone();
        match &plan.target {
            DiskTarget::Existing(_) => {
                let file = DataFile::existing(sys, &path, plan.file_bytes)?;
                Ok(Self { path, file: Some(file), scratch: None })
            }
            DiskTarget::Directory(_) => {
                let scratch = Scratch::make(sys, context, Purpose::Disk, &path).map_err(no_directory)?;
                // Only for the sake of even figures: see `files`. Most file systems have no such thing.
                let _ = sys.spread_directories(scratch.directory());
                let with_blocks = plan.loads.iter().any(|load| !load.is_of_files());
                let file = with_blocks.then(|| DataFile::create(sys, scratch.directory(), &path)).transpose()?;
                Ok(Self { path, file, scratch: Some(scratch) })
            }
        }
    }

    fn require(&self, block: u64, bytes: u64) -> Result<()> {
        if block <= bytes {
            return Ok(());
        }
        let why = format!("a block of {} is larger than the file of {}", binary(block), binary(bytes));
        Err(Error::refused("measure", &self.path, why).with(Remedy::Blocks))
    }

    /// Makes the file as large as the plan says, or as there is time for; it holds a block of so many bytes, or is
    /// refused.
    pub(super) fn fill(&mut self, sys: &mut Sys, plan: &DiskPlan, block: u64) -> Result<()> {
        if let (Some(scratch), Some(file)) = (&self.scratch, &mut self.file) {
            let free = scratch.file_system(sys)?.available_bytes;
            let asked = plan.file_bytes.or(plan.preset.map(Preset::file_bytes));
            let mut size = FileSize::of(asked, free, plan.share)
                .map_err(|(why, remedy)| Error::refused("measure", &self.path, why).with(remedy))?;
            size.least = size.least.max(block).min(size.most);
            if block <= size.most {
                let content = Generator::new(plan.entropy, plan.seed);
                return file.fill(sys, size, budget::making(plan.effort), content);
            }
            return self.require(block, size.most);
        }
        self.file.as_ref().map_or(Ok(()), |file| self.require(block, file.bytes()))
    }

    /// The file that blocks are read from and written to.
    pub(super) const fn file(&self) -> Option<&DataFile> {
        self.file.as_ref()
    }

    /// The most files that may be there at once, by the inodes that are free; or why there can be none.
    pub(super) fn most_files(&self, sys: &mut Sys, share: f64) -> std::result::Result<usize, String> {
        // A file system that does not say is no reason to measure nothing.
        let free = self.scratch.as_ref().and_then(|scratch| scratch.file_system(sys).ok()?.available_files);
        files::most(free, share)
    }

    /// The scratch directory.
    pub(super) fn directory(&self) -> Option<&OwnedFd> {
        self.scratch.as_ref().map(Scratch::directory)
    }

    /// What the user named.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The machine, and the file system and disk below.
    pub(super) fn machine(&self, sys: &mut Sys) -> Machine {
        match (&self.scratch, &self.file) {
            (Some(scratch), _) => this_machine(sys, scratch.directory()),
            (None, Some(file)) => this_machine(sys, file.descriptor(Access::Buffered).as_fd()),
            (None, None) => Machine::default(),
        }
    }

    /// Waits until nothing is left to write back of the scratch directory.
    pub(super) fn settle(&self, sys: &mut Sys) -> Result<()> {
        self.scratch.as_ref().map_or(Ok(()), |scratch| scratch.settle(sys))
    }

    /// Removes all that was made.
    pub(super) fn finish(self) -> Result<()> {
        let Self { file, scratch, .. } = self;
        drop(file);
        scratch.map_or(Ok(()), Scratch::finish)
    }
}

/// Tells how to measure a file or device, to who names one where a directory belongs.
fn no_directory(error: Error) -> Error {
    if error.errno() != Some(Errno::NOTDIR) {
        return error;
    }
    Error::refused("measure in", error.path, "it is not a directory").with(Remedy::ReadOnly)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::subject::disk::tests::plan;

    #[test]
    fn a_file_is_not_a_directory_and_the_words_say_how_to_read_it() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let plan = DiskPlan { target: DiskTarget::Directory(file.path().to_owned()), ..plan() };
        let context = Context::silent();
        let error = Location::open(&mut context.sys(), &context, &plan).err().unwrap();
        assert!(error.to_string().starts_with("cannot measure in '"), "{error}");
        assert_eq!(error.remedy(), Some(Remedy::ReadOnly));
    }
}
