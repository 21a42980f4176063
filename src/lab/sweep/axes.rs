//! What a sweep can vary beside the buffer, and how settings are named: reports and verdicts use the same words.

use crate::outcome::{Setting, SweepRow};
use crate::plan::SweepJob;

/// Something a sweep can vary beside the buffer size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// What is run.
    Job,
    /// What of the source is in memory.
    Cache,
    /// How bytes move; copies only.
    Engine,
    /// How hard to compress; gzip only.
    Level,
    /// Who runs tasks.
    Scheduler,
    /// How many threads work.
    Workers,
    /// How buffers are had.
    Pool,
    /// How entries are handed out.
    Batch,
}

impl Axis {
    /// All of them, in the order in which reports show them.
    pub const ALL: [Self; 8] =
        [Self::Job, Self::Cache, Self::Engine, Self::Level, Self::Scheduler, Self::Workers, Self::Pool, Self::Batch];

    /// The heading of its column.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Job => "job",
            Self::Cache => "cache",
            Self::Engine => "engine",
            Self::Level => "level",
            Self::Scheduler => "scheduler",
            Self::Workers => "workers",
            Self::Pool => "pool",
            Self::Batch => "batch",
        }
    }

    /// Whether the job looks at it at all.
    fn concerns(self, job: SweepJob) -> bool {
        match self {
            Self::Engine => job == SweepJob::Copy,
            Self::Level => job == SweepJob::Gzip,
            _ => true,
        }
    }

    /// Its value in a setting, as users type it.
    pub fn value(self, setting: &Setting) -> String {
        if !self.concerns(setting.job) {
            return "-".to_owned();
        }
        match self {
            Self::Job => setting.job.name().to_owned(),
            Self::Cache => setting.cache.name().to_owned(),
            Self::Engine => setting.engine.name().to_owned(),
            Self::Level => setting.level.map_or_else(String::new, |level| level.to_string()),
            Self::Scheduler => setting.scheduler.name().to_owned(),
            Self::Workers => setting.workers.to_string(),
            Self::Pool => setting.pool.to_string(),
            Self::Batch => if setting.batch { "on" } else { "off" }.to_owned(),
        }
    }

    /// Its value in words that stand alone: "2 workers", "pool off".
    pub fn phrase(self, setting: &Setting) -> String {
        let value = self.value(setting);
        match self {
            Self::Workers if setting.workers == 1 => "1 worker".to_owned(),
            Self::Workers => format!("{value} workers"),
            Self::Job | Self::Engine | Self::Scheduler => value,
            Self::Cache => format!("{value} cache"),
            Self::Level | Self::Pool | Self::Batch => format!("{} {value}", self.name()),
        }
    }
}

/// The axes that concern a job of these rows, split into those that vary among them and those that do not.
pub fn split(rows: &[SweepRow]) -> (Vec<Axis>, Vec<Axis>) {
    let concerns = |axis: &Axis| rows.iter().any(|row| axis.concerns(row.setting.job));
    let varies = |axis: &Axis| rows.windows(2).any(|pair| axis.value(&pair[0].setting) != axis.value(&pair[1].setting));
    Axis::ALL.into_iter().filter(concerns).partition(varies)
}

/// A setting by its buffer and what else varies: "64K", "64K with mmap, 2 workers".
pub fn label(setting: &Setting, varying: &[Axis]) -> String {
    if varying.is_empty() {
        return setting.buffer.to_string();
    }
    let told = varying.iter().filter(|axis| axis.concerns(setting.job));
    let phrases: Vec<String> = told.map(|axis| axis.phrase(setting)).collect();
    format!("{} with {}", setting.buffer, phrases.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::sweep::testing::{row, setting};
    use crate::plan::PoolChoice;

    #[test]
    fn a_setting_is_named_by_what_varies() {
        let two = Setting { workers: 2, pool: PoolChoice::Off, ..setting(64) };
        let rows = [row(setting(4), &[1]), row(setting(64), &[1]), row(two, &[1])];
        let (varying, fixed) = split(&rows);
        assert_eq!(varying, [Axis::Workers, Axis::Pool]);
        assert_eq!(fixed, [Axis::Job, Axis::Cache, Axis::Engine, Axis::Scheduler, Axis::Batch]);
        assert_eq!(label(&two, &varying), "64K with 2 workers, pool off");
        assert_eq!(label(&setting(4), &varying), "4K with 1 worker, pool on");
        assert_eq!(label(&two, &[]), "64K");
        let gzip = Setting { job: SweepJob::Gzip, level: Some(6), ..two };
        let (varying, fixed) = split(&[row(gzip, &[1])]);
        let rest = [Axis::Job, Axis::Cache, Axis::Level, Axis::Scheduler, Axis::Workers, Axis::Pool, Axis::Batch];
        assert!(varying.is_empty() && fixed == rest, "{fixed:?}");
        assert_eq!(fixed[2].phrase(&gzip), "level 6");
        let (varying, _) = split(&[row(gzip, &[1]), row(two, &[1])]);
        assert_eq!(label(&gzip, &varying), "64K with gzip, level 6");
        assert_eq!(label(&two, &varying), "64K with copy, read_write");
    }
}
