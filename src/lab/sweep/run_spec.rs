//! One run of one setting, as data: what a sweep does in each round, and what another process does of which somebody
//! counts the system calls.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::codec::level::DEFAULT;
use crate::copy;
use crate::error::{Error, Result};
use crate::gzip::{gunzip, gzip};
use crate::job::Context;
use crate::outcome::{Setting, Summary};
use crate::plan::{Clashes, CodecName, CopyOptions, FileOptions, GunzipOptions, GzipOptions, Resources, SweepJob};
use crate::size::BufferSize;

/// A job, what it is to be run on, and with what. Written down, it goes without its paths, which may be any bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSpec {
    /// What is copied, or what is compressed or decompressed where it lies.
    #[serde(skip)]
    pub input: PathBuf,
    /// The name of the copy; of no meaning to gzip and gunzip.
    #[serde(skip)]
    pub target: PathBuf,
    /// Which job, and how it is to run.
    pub setting: Setting,
    /// gzip's codec.
    pub codec: CodecName,
    /// gzip's block; `None` is what suits the level.
    pub block: Option<BufferSize>,
    /// Whether the input is a directory.
    pub is_tree: bool,
}

/// What a job may use with this setting.
pub(in crate::lab) fn resources(setting: &Setting) -> Resources {
    Resources {
        buffer: (!setting.chooses_buffer).then_some(setting.buffer),
        workers: NonZeroUsize::new(setting.workers).or(Some(NonZeroUsize::MIN)),
        scheduler: setting.scheduler,
        pool: setting.pool,
        batch: setting.batch,
    }
}

impl RunSpec {
    /// Runs it once.
    pub fn run(&self, context: &Context) -> Result<Summary> {
        let setting = &self.setting;
        let resources = resources(setting);
        let refused = |clashes: Clashes| Error::refused("run a job on", &self.input, clashes.to_string());
        match setting.job {
            SweepJob::Copy => {
                let options = CopyOptions::new(vec![self.input.clone()], self.target.clone());
                let options = CopyOptions { engine: setting.engine, resources, ..options };
                copy::run(&options.plan().map_err(refused)?, context)
            }
            SweepJob::Gzip => {
                let (files, level) = (self.files(resources), setting.level.unwrap_or(DEFAULT));
                let (codec, block) = (self.codec, self.block);
                let options = GzipOptions { files, level, codec, block, ..GzipOptions::default() };
                gzip(&options.plan().map_err(refused)?, context)
            }
            SweepJob::Gunzip => {
                let options = GunzipOptions { files: self.files(resources), ..GunzipOptions::default() };
                gunzip(&options.plan().map_err(refused)?, context)
            }
        }
    }

    fn files(&self, resources: Resources) -> FileOptions {
        FileOptions {
            keep: true,
            recursive: self.is_tree,
            // With names restored, gunzip would put its output where the sweep does not look for it.
            name: self.setting.job == SweepJob::Gzip,
            resources,
            ..FileOptions::new(vec![self.input.clone()])
        }
    }
}
