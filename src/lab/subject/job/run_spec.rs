//! One run of one setting, as data: what a sweep does in each round, and what another process does of which somebody
//! counts the system calls.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::options::JobOptions;
use crate::copy;
use crate::error::{Error, Result};
use crate::gzip::{GUNZIP_NEEDS, gunzip, gzip, gzip_needs};
use crate::job::Context;
use crate::lab::plan::SweepJob;
use crate::lab::setting::Setting;
use crate::plan::{
    Clashes, CodecName, CopyOptions, CopyPlan, FileOptions, GunzipOptions, GunzipPlan, GzipOptions, GzipPlan,
};
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
        match self.plan(options).map_err(|clashes| self.refused(clashes.to_string()))? {
            Plan::Copy(plan) => copy::run(&plan, context),
            Plan::Gzip(plan) => gzip(&plan, context),
            Plan::Gunzip(plan) => gunzip(&plan, context),
        }
    }

    /// Bytes of memory that the job's workers come to, by the formula that the job itself limits them with; `None` where
    /// such a run cannot be.
    pub(super) fn memory_bytes(&self, options: &JobOptions) -> Option<u64> {
        let needs = match self.plan(options).ok()? {
            Plan::Copy(plan) => copy::needs(&plan),
            Plan::Gzip(plan) => gzip_needs(&plan)?,
            Plan::Gunzip(_) => GUNZIP_NEEDS,
        };
        Some(needs.resident_bytes(options.resources.threads(), &options.resources))
    }

    fn plan(&self, options: &JobOptions) -> std::result::Result<Plan, Clashes> {
        match options.job {
            SweepJob::Copy => {
                let copy = CopyOptions::new(vec![self.input.clone()], self.target.clone());
                let copy = CopyOptions { engine: options.engine, resources: options.resources, ..copy };
                copy.plan().map(Plan::Copy)
            }
            SweepJob::Gzip => {
                let (files, level) = (self.files(options), options.level);
                let (codec, block) = (self.codec, self.block);
                GzipOptions { files, level, codec, block, ..GzipOptions::default() }.plan().map(Plan::Gzip)
            }
            SweepJob::Gunzip => {
                GunzipOptions { files: self.files(options), ..GunzipOptions::default() }.plan().map(Plan::Gunzip)
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

/// What is to be done, as the job takes it.
enum Plan {
    Copy(CopyPlan),
    Gzip(GzipPlan),
    Gunzip(GunzipPlan),
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
