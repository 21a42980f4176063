//! What is learned of each setting after the rounds, in runs whose time counts for nothing. Each kind has a run of its
//! own: timing calls and being watched by another tool both take time.

use std::sync::Arc;

use super::JobBench;
use crate::error::Result;
use crate::lab::observe::{observe, this_program};
use crate::lab::plan::ExtraRuns;
use crate::lab::probe::file_times::FileClock;
use crate::lab::report::{CallLatencies, Latency, Observed, Report};
use crate::lab::rounds::{Step, Watcher};
use crate::lab::setting::Setting;

impl JobBench<'_> {
    /// Makes the runs that were asked for.
    pub(in crate::lab) fn extra_runs(
        &mut self,
        wanted: ExtraRuns,
        report: &mut Report,
        watcher: &mut dyn Watcher,
    ) -> Result<()> {
        let total = report.rows.len();
        let step = |what, done| Step { what, done, total, left: None };
        for (done, row) in report.rows.iter_mut().enumerate().filter(|_| wanted.latency) {
            watcher.step(step("timing calls", done));
            row.call_latencies = Some(self.time_calls(&row.setting)?);
        }
        for (done, row) in report.rows.iter_mut().enumerate().filter(|_| wanted.file_times) {
            watcher.step(step("timing files", done));
            row.file_latency = self.time_files(&row.setting)?;
        }
        for (done, row) in report.rows.iter_mut().enumerate().filter(|_| wanted.verify_counts) {
            watcher.step(step("verifying counts", done));
            match self.observe(&row.setting)? {
                Ok(observed) => row.observed = Some(observed),
                Err(why) => {
                    // Where one cannot be watched, none can.
                    report.remarks.push(format!("no other tool could check the counts: {why}"));
                    break;
                }
            }
        }
        if wanted != ExtraRuns::default() {
            watcher.measured(report);
        }
        Ok(())
    }

    /// How long each call takes.
    fn time_calls(&mut self, setting: &Setting) -> Result<CallLatencies> {
        let sample = self.measure(setting, |data, options| data.run(&data.runs.timing_calls(), setting, options))?;
        Ok(CallLatencies { wall_ns: sample.wall_ns, calls: sample.calls.latencies() })
    }

    /// How long each file takes.
    fn time_files(&mut self, setting: &Setting) -> Result<Option<Latency>> {
        let clock = Arc::new(FileClock::default());
        let context = Arc::clone(&clock);
        self.measure(setting, |data, options| data.run(&data.runs.timing_files(context), setting, options))?;
        Ok(clock.times())
    }

    /// Our counts beside another tool's; or why there is no such tool.
    fn observe(&mut self, setting: &Setting) -> Result<Result<Observed, String>> {
        let (data, options) = self.find(setting)?;
        self.make_ready(data, &options)?;
        let observed = observe(&this_program(), &data.spec(setting, options.job), &self.context.stop);
        self.go_on(data)?;
        Ok(observed)
    }
}
