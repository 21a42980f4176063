//! The metrics of a run: their names, units and meanings, in one table that every format takes its columns from.

use std::collections::BTreeMap;

use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// In what a metric is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Nanoseconds.
    Nanoseconds,
    /// Bytes.
    Bytes,
    /// How many.
    Count,
    /// A part of a whole, 0 to 1.
    Part,
    /// Percent of one core.
    Percent,
    /// How many of one thing for one of another: a rate, a quotient.
    Rate,
}

impl Unit {
    /// What a table of units calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nanoseconds => "ns",
            Self::Bytes => "bytes",
            Self::Count => "count",
            Self::Part => "0 to 1",
            Self::Percent => "percent of a core",
            Self::Rate => "quotient",
        }
    }

    /// Whether values are whole numbers.
    const fn is_whole(self) -> bool {
        matches!(self, Self::Nanoseconds | Self::Bytes | Self::Count)
    }
}

macro_rules! metrics {
    ($($variant:ident $key:literal $heading:literal $unit:ident $what:literal)*) => {
        /// Something that is known of a run, or of all runs of a setting.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(clippy::doc_markdown, reason = "the same texts are shown to users, as plain text")]
        pub enum Metric { $(#[doc = $what] $variant,)* }

        impl Metric {
            /// All of them, in the order in which CSV has them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name in JSON and CSV, with its unit.
            pub const fn key(self) -> &'static str {
                match self { $(Self::$variant => $key,)* }
            }

            /// The heading of its column in a table: the key with blanks, and without a unit that stands in the cells.
            /// A line break is where it may be cut in two.
            pub const fn heading(self) -> &'static str {
                match self { $(Self::$variant => $heading,)* }
            }

            /// Its unit.
            pub const fn unit(self) -> Unit {
                match self { $(Self::$variant => Unit::$unit,)* }
            }

            /// What it is, in a sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $what,)* }
            }
        }
    };
}

metrics! {
    Wall "wall_ns" "wall" Nanoseconds "Time from start to end."
    Sync "sync_ns" "sync" Nanoseconds "Time that fdatasync (of a tree: syncfs) took afterwards."
    Durable "durable_ns" "durable" Nanoseconds "Time from start until what was written is on the disk: wall and sync."
    User "user_ns" "user" Nanoseconds "CPU time in user mode, all threads and processes."
    System "system_ns" "system" Nanoseconds "CPU time in the kernel, all threads and processes."
    Cpu "cpu_ns" "CPU" Nanoseconds "CPU time of all threads and processes: user and system."
    CpuPercent "cpu_percent" "CPU %" Percent "CPU time as a part of the time from start to end; 100 is one core."
    MibPerSecond "mib_per_second" "MiB/s" Rate "MiB (2^20 bytes) a second: of a job uncompressed bytes, of a disk bytes read and written."
    MbPerSecond "mb_per_second" "MB/s" Rate "MB (10^6 bytes) a second, of the same bytes."
    OperationsPerSecond "operations_per_second" "op/s" Rate "Operations on a disk a second."
    Peak "peak_bytes" "peak" Bytes "Most memory resident at any moment; of a sweep, in the run that warmed up (VmHWM)."
    PeakPss "peak_pss_bytes" "peak\nPSS" Bytes "Most memory of the run and its child processes at any moment, with pages that several processes share counted once; in the run that warmed up."
    Reads "reads" "reads" Count "System calls that moved bytes into the process."
    Writes "writes" "writes" Count "System calls that moved bytes out of it."
    OtherCalls "other_calls" "other\ncalls" Count "All other system calls."
    Calls "calls" "calls" Count "System calls of all kinds."
    CallsPerMib "calls_per_mib" "calls/\nMiB" Rate "System calls for each MiB of the bytes that rates count."
    CallsPerFile "calls_per_file" "calls/\nfile" Rate "System calls for each file, where a call may submit many operations (io_uring_enter)."
    CallsPerOperation "calls_per_operation" "calls/\nop" Rate "System calls for each operation on a disk."
    UncountedCalls "uncounted_calls" "uncounted\ncalls" Count "System calls that share blocks, which the kernel does not count as reads or writes."
    UnexplainedReads "unexplained_reads" "unexplained\nreads" Count "What the kernel's syscr grew by beyond (negative: below) what was counted."
    UnexplainedWrites "unexplained_writes" "unexplained\nwrites" Count "The same for syscw."
    MinorFaults "minor_faults" "minor\nfaults" Count "Page faults served without the disk."
    MajorFaults "major_faults" "major\nfaults" Count "Page faults that waited for the disk."
    VoluntarySwitches "voluntary_switches" "voluntary\nswitches" Count "Times a thread, of any process, gave up its core to wait for something."
    InvoluntarySwitches "involuntary_switches" "involuntary\nswitches" Count "Times the core of a thread, of any process, was taken away."
    DiskRead "disk_read_bytes" "disk read" Bytes "Bytes that storage was asked for (read_bytes of proc_pid_io(5))."
    DiskWrite "disk_write_bytes" "disk write" Bytes "Bytes of pages that were made dirty, or written past the page cache (write_bytes)."
    CachedBefore "cached_before" "cached\nbefore" Part "Part of the source's pages that was in the page cache before the run (cachestat)."
    CpuStall "cpu_stall_ns" "CPU stall" Nanoseconds "Time in which some task of the machine waited for a core (/proc/pressure/cpu, some)."
    IoStall "io_stall_ns" "I/O stall" Nanoseconds "Time in which some task of the machine waited for storage (/proc/pressure/io, some)."
    IoFullStall "io_full_stall_ns" "I/O full\nstall" Nanoseconds "Time in which all tasks that were not idle waited for storage (/proc/pressure/io, full)."
    MemoryStall "memory_stall_ns" "memory\nstall" Nanoseconds "Time in which some task of the machine waited for memory (/proc/pressure/memory, some)."
    PoolAcquired "pool_acquired" "pool\nacquired" Count "Buffers handed out."
    PoolFresh "pool_fresh" "pool\nfresh" Count "Buffers that were allocated."
    PoolReused "pool_reused" "pool\nreused" Count "Times a buffer was used again."
    PoolOverflowed "pool_overflowed" "pool over-\nflowed" Count "Buffers that were allocated beyond the pool's size."
    PoolWaited "pool_waited" "pool\nwaited" Count "Times somebody had to wait for a buffer."
    PoolGaveUp "pool_gave_up" "pool\ngave up" Count "Times somebody gave up waiting for a buffer, since none came back for too long."
    Allocations "allocations" "alloca-\ntions" Count "Times the allocator was asked for memory, in the run that warmed up."
    AllocatedBytes "allocated_bytes" "allocated" Bytes "Bytes that the allocator was asked for, in the run that warmed up."
    Files "files" "files" Count "Regular files that were done."
    SkippedFiles "skipped_files" "skipped\nfiles" Count "Entries that were left alone on purpose."
    SourceBytes "source_bytes" "source" Bytes "Bytes of the source that were dealt with."
    TargetBytes "target_bytes" "target" Bytes "Bytes of the target that were made."
    Ratio "ratio" "ratio" Rate "How many times smaller the target is (gzip)."
    Operations "operations" "op" Count "Operations on a disk that were done."
    ReadBytes "read_bytes" "read" Bytes "Bytes that operations on a disk read."
    WrittenBytes "written_bytes" "written" Bytes "Bytes that operations on a disk wrote."
    CpuPerOperation "cpu_ns_per_operation" "CPU/op" Nanoseconds "CPU time of an operation on a disk, as far as it is this process's."
    ReadMean "read_mean_ns" "read\nmean" Nanoseconds "Mean latency of reads; of loads of files, of the operations."
    ReadP50 "read_p50_ns" "read\np50" Nanoseconds "Half of the reads took no longer: the median of the runs' medians."
    ReadP99 "read_p99_ns" "read\np99" Nanoseconds "99 of 100 of all reads took no longer."
    ReadP999 "read_p999_ns" "read\np99.9" Nanoseconds "999 of 1000 of all reads took no longer."
    ReadMax "read_max_ns" "read\nmax" Nanoseconds "The longest of all reads."
    WriteMean "write_mean_ns" "write\nmean" Nanoseconds "Mean latency of writes; of sync with making them durable."
    WriteP50 "write_p50_ns" "write\np50" Nanoseconds "Half of the writes took no longer: the median of the runs' medians."
    WriteP99 "write_p99_ns" "write\np99" Nanoseconds "99 of 100 of all writes took no longer."
    WriteP999 "write_p999_ns" "write\np99.9" Nanoseconds "999 of 1000 of all writes took no longer."
    WriteMax "write_max_ns" "write\nmax" Nanoseconds "The longest of all writes."
    FileP50 "file_p50_ns" "file\np50" Nanoseconds "Half of the files took no longer, in one more run in which files are timed."
    FileP99 "file_p99_ns" "file\np99" Nanoseconds "99 of 100 files took no longer, in the same run."
}

impl Metric {
    /// The metric of this name.
    pub fn of_key(key: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|metric| metric.key() == key)
    }
}

/// What was measured in one run, by metric. What a machine does not tell is not in it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metrics(BTreeMap<Metric, f64>);

impl Metrics {
    /// Notes a value. Whole numbers are exact up to 2^53: nanoseconds of a hundred days, bytes of eight PiB.
    pub fn set(&mut self, metric: Metric, value: impl Into<f64>) {
        self.0.insert(metric, value.into());
    }

    /// Notes a count, a size or a time.
    pub fn count(&mut self, metric: Metric, value: u64) {
        self.0.insert(metric, value as f64);
    }

    /// The value, if it is known.
    pub fn get(&self, metric: Metric) -> Option<f64> {
        self.0.get(&metric).copied()
    }

    /// A count, a size or a time; 0 where it is not known.
    pub fn whole(&self, metric: Metric) -> u64 {
        self.get(metric).map_or(0, |value| value.max(0.0) as u64)
    }

    /// All that is known, in the order of metrics.
    pub fn iter(&self) -> impl Iterator<Item = (Metric, f64)> {
        self.0.iter().map(|(metric, value)| (*metric, *value))
    }
}

impl FromIterator<(Metric, f64)> for Metrics {
    fn from_iter<I: IntoIterator<Item = (Metric, f64)>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

/// A value as JSON and CSV have it: whole numbers without a point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Number(pub Unit, pub f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_whole() && self.1.fract() == 0.0 {
            serializer.serialize_i64(self.1 as i64)
        } else {
            serializer.serialize_f64(self.1)
        }
    }
}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_whole() { write!(f, "{:.0}", self.1) } else { write!(f, "{:.3}", self.1) }
    }
}

impl Serialize for Metrics {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (metric, value) in &self.0 {
            map.serialize_entry(metric.key(), &Number(metric.unit(), *value))?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Metrics {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // A later haul measures more: what this one does not know is none of its figures.
        let values = BTreeMap::<String, f64>::deserialize(deserializer)?;
        Ok(values.into_iter().filter_map(|(key, value)| Some((Metric::of_key(&key)?, value))).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_metric_has_its_own_name_and_is_found_by_it() {
        let keys: BTreeSet<&str> = Metric::ALL.iter().map(|metric| metric.key()).collect();
        assert_eq!(keys.len(), Metric::ALL.len());
        for metric in Metric::ALL {
            assert_eq!(Metric::of_key(metric.key()), Some(*metric));
            assert!(metric.meaning().ends_with('.'), "{metric:?}");
        }
    }

    /// A figure is called the same in a table as in CSV and JSON.
    #[test]
    fn headings_are_keys_in_short() {
        for metric in Metric::ALL {
            let heading = metric.heading().replace("-\n", "").replace("/\n", "/").replace('\n', " ").to_lowercase();
            let written = heading.replace("mib/s", "mib per second").replace("mb/s", "mb per second");
            let written = written.replace("op/s", "operations per second").replace("/op", " per operation");
            let written = written
                .replace("/mib", " per mib")
                .replace("/file", " per file")
                .replace("i/o", "io")
                .replace('%', "percent");
            let written = written.replace("p99.9", "p999");
            let written = if written == "op" { "operations".to_owned() } else { written };
            let key = metric.key().replace('_', " ");
            let plain = key.replace(" ns per", " per");
            let plain = plain.strip_suffix(" ns").or(plain.strip_suffix(" bytes")).unwrap_or(&plain);
            assert_eq!(written, plain, "{metric:?}");
        }
    }

    #[test]
    fn metrics_of_a_later_version_are_skipped() {
        let metrics: Metrics = serde_json::from_str(r#"{"wall_ns":12,"joules":3.5}"#).unwrap();
        assert_eq!(metrics.iter().collect::<Vec<_>>(), [(Metric::Wall, 12.0)]);
    }

    #[test]
    fn numbers_are_whole_where_their_unit_is() {
        let mut metrics = Metrics::default();
        metrics.count(Metric::Wall, 12);
        metrics.set(Metric::CachedBefore, 0.5);
        let text = serde_json::to_string(&metrics).unwrap();
        assert_eq!(text, r#"{"wall_ns":12,"cached_before":0.5}"#);
        assert_eq!(serde_json::from_str::<Metrics>(&text).unwrap(), metrics);
        assert_eq!((metrics.whole(Metric::Wall), metrics.whole(Metric::Peak)), (12, 0));
    }
}
