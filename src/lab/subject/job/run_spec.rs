//! One run of one setting, as data: what a sweep does in each round, and what another process does of which somebody
//! counts the system calls.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::options::JobOptions;
use crate::copy;
use crate::error::{Error, Result};
use crate::gzip::{gunzip, gzip};
use crate::job::Context;
use crate::lab::plan::SweepJob;
use crate::lab::setting::Setting;
use crate::plan::{Clashes, CodecName, CopyOptions, FileOptions, GunzipOptions, GzipOptions};
use crate::size::BufferSize;
use crate::summary::Summary;

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

impl RunSpec {
    /// Runs it once.
    pub fn run(&self, context: &Context) -> Result<Summary> {
        let options = JobOptions::read(&self.setting).map_err(|why| self.refused(why))?;
        self.run_with(&options, context)
    }

    /// The same with the setting already read.
    pub(super) fn run_with(&self, options: &JobOptions, context: &Context) -> Result<Summary> {
        let clashing = |clashes: Clashes| self.refused(clashes.to_string());
        match options.job {
            SweepJob::Copy => {
                let copy = CopyOptions::new(vec![self.input.clone()], self.target.clone());
                let copy = CopyOptions { engine: options.engine, resources: options.resources, ..copy };
                copy::run(&copy.plan().map_err(clashing)?, context)
            }
            SweepJob::Gzip => {
                let (files, level) = (self.files(options), options.level);
                let (codec, block) = (self.codec, self.block);
                let compress = GzipOptions { files, level, codec, block, ..GzipOptions::default() };
                gzip(&compress.plan().map_err(clashing)?, context)
            }
            SweepJob::Gunzip => {
                let decompress = GunzipOptions { files: self.files(options), ..GunzipOptions::default() };
                gunzip(&decompress.plan().map_err(clashing)?, context)
            }
        }
    }

    fn refused(&self, why: String) -> Error {
        Error::refused("run a job on", &self.input, why)
    }

    fn files(&self, options: &JobOptions) -> FileOptions {
        FileOptions {
            keep: true,
            recursive: self.is_tree,
            // With names restored, gunzip would put its output where the sweep does not look for it.
            name: options.job == SweepJob::Gzip,
            resources: options.resources,
            ..FileOptions::new(vec![self.input.clone()])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::setting::Axis;
    use crate::lab::testing;

    fn spec(setting: Setting) -> RunSpec {
        let (input, target) = (PathBuf::from("no/such/input"), PathBuf::from("target"));
        RunSpec { input, target, setting, codec: CodecName::Auto, block: None, is_tree: false }
    }

    #[test]
    fn it_can_be_written_down_without_its_paths() {
        let spec = spec(testing::setting(64));
        let text = serde_json::to_string(&spec).unwrap();
        assert!(text.contains(r#""setting":{"job":"copy","#) && !text.contains("input"), "{text}");
        let read: RunSpec = serde_json::from_str(&text).unwrap();
        assert_eq!(RunSpec { input: spec.input.clone(), target: spec.target.clone(), ..read }, spec);
    }

    #[test]
    fn a_setting_that_cannot_be_is_an_error() {
        let run = |setting| spec(setting).run(&Context::silent()).unwrap_err().to_string();
        let unknown = run(testing::setting(64).with(Axis::Scheduler, "fair"));
        assert_eq!(unknown, "cannot run a job on 'no/such/input': 'fair' is not a value of scheduler");
        let odd = testing::setting(64).with(Axis::Buffer, 1000_u64).with(Axis::Engine, "direct");
        assert!(run(odd).starts_with("cannot run a job on 'no/such/input': "));
    }
}
