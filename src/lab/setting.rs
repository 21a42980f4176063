//! Settings: what a measurement can vary, as an ordered list of axes and their values, and what settings are called.
//!
//! Nothing here knows what a setting does: subjects read the values that they need by name.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use clap::ValueEnum;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use strum::{EnumIter, IntoEnumIterator, IntoStaticStr};

use crate::plan::{PoolChoice, SchedulerName};
use crate::size::BufferSize;

/// Something that a measurement can vary, in the order in which settings list them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, EnumIter, IntoStaticStr, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Axis {
    /// What it is run on, where there are several data sets: "small files"; of a tuning with the state of the cache: "copy, cold".
    Case,
    /// What is run: copy, gzip, gunzip.
    Job,
    /// What a disk is asked for: read, random-read.
    Load,
    /// What of the source is in memory before a run: warm, cold, direct.
    Cache,
    /// Which way bytes go to a disk: buffered, direct.
    Access,
    /// How bytes move (copy).
    Engine,
    /// How hard to compress (gzip).
    Level,
    /// Who runs tasks.
    Scheduler,
    /// Threads or processes that work; of the scheduler uring, operations in flight.
    Workers,
    /// How buffers are had: on, off, a number.
    Pool,
    /// Buffers beyond the pool's size that may exist for a burst; not there where it is none.
    PoolOverflow,
    /// How long to wait for a buffer while none comes back; not there where it is without limit.
    #[serde(rename = "pool_wait_ns")]
    #[strum(serialize = "pool_wait_ns")]
    PoolWait,
    /// Whether entries of a directory are handed out by the buffer: on, off.
    Batch,
    /// The most bytes that one read or write moves; "auto" where the job chooses.
    #[serde(rename = "buffer_bytes")]
    #[strum(serialize = "buffer_bytes")]
    Buffer,
    /// Bytes of one operation on a disk.
    #[serde(rename = "block_bytes")]
    #[strum(serialize = "block_bytes")]
    Block,
    /// Operations in flight.
    Depth,
    /// How operations are kept in flight: calls, `io_uring`, threads.
    Backend,
}

impl Axis {
    /// All of them, in their order.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::iter()
    }

    /// Its name in JSON and CSV: with its unit, if it has one.
    pub fn key(self) -> &'static str {
        self.into()
    }

    /// The heading of its column: the key without the unit, which stands with each value.
    pub fn heading(self) -> &'static str {
        match self {
            Self::PoolOverflow => "pool overflow",
            Self::PoolWait => "pool wait",
            _ => self.key().trim_end_matches("_bytes"),
        }
    }

    /// Whether settings that differ in it answer different questions, so that none of them is chosen by its speed: a copy
    /// is not an alternative to gzip, and a level is chosen for what it saves too.
    pub const fn is_question(self) -> bool {
        matches!(self, Self::Case | Self::Job | Self::Load | Self::Cache | Self::Access | Self::Level)
    }

    /// A value in words that stand alone: "2 workers", "pool off", "warm cache", "16 in flight".
    pub fn phrase(self, value: &Value) -> String {
        let text = self.text(value);
        match self {
            Self::Workers if *value == Value::Number(1) => "1 worker".to_owned(),
            Self::Workers => format!("{text} workers"),
            Self::Cache => format!("{text} cache"),
            Self::Depth => format!("{text} in flight"),
            Self::PoolOverflow => format!("overflow {text}"),
            Self::PoolWait => format!("wait {text}"),
            Self::Level | Self::Pool | Self::Batch | Self::Buffer => format!("{} {text}", self.heading()),
            Self::Case
            | Self::Job
            | Self::Load
            | Self::Access
            | Self::Engine
            | Self::Scheduler
            | Self::Block
            | Self::Backend => text,
        }
    }

    /// A value as users type it: "64K", "2", "off".
    pub fn text(self, value: &Value) -> String {
        match (self, value) {
            (Self::Buffer | Self::Block, Value::Number(bytes)) => {
                BufferSize::new(*bytes).map_or_else(|_| bytes.to_string(), |size| size.to_string())
            }
            (Self::PoolWait, Value::Number(ns)) => format!("{:?}", Duration::from_nanos(*ns)),
            _ => value.to_string(),
        }
    }
}

/// A value on an axis.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// A count, or a size in bytes.
    Number(u64),
    /// A name, as users type it.
    Word(Cow<'static, str>),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => fmt::Display::fmt(number, f),
            Self::Word(word) => f.pad(word),
        }
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Self::Number(number as u64)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<BufferSize> for Value {
    fn from(size: BufferSize) -> Self {
        Self::Number(size.bytes() as u64)
    }
}

impl From<&'static str> for Value {
    fn from(word: &'static str) -> Self {
        Self::Word(Cow::Borrowed(word))
    }
}

impl From<bool> for Value {
    fn from(is_on: bool) -> Self {
        if is_on { "on" } else { "off" }.into()
    }
}

impl From<PoolChoice> for Value {
    fn from(pool: PoolChoice) -> Self {
        match pool {
            PoolChoice::Auto => true.into(),
            PoolChoice::Off => false.into(),
            PoolChoice::Buffers(count) => count.get().into(),
        }
    }
}

/// What was set: a value for each axis that matters, in the order of [`Axis`].
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Setting(Vec<(Axis, Value)>);

impl Setting {
    /// The same with this value.
    #[must_use]
    pub fn with(mut self, axis: Axis, value: impl Into<Value>) -> Self {
        match self.0.binary_search_by_key(&axis, |(axis, _)| *axis) {
            Ok(index) => self.0[index].1 = value.into(),
            Err(index) => self.0.insert(index, (axis, value.into())),
        }
        self
    }

    /// The same without any value of this axis.
    #[must_use]
    pub fn without(mut self, axis: Axis) -> Self {
        self.0.retain(|(other, _)| *other != axis);
        self
    }

    /// Its value; `None` where the axis does not matter to it.
    pub fn get(&self, axis: Axis) -> Option<&Value> {
        self.0.iter().find(|(other, _)| *other == axis).map(|(_, value)| value)
    }

    /// All axes and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Axis, &Value)> {
        self.0.iter().map(|(axis, value)| (*axis, value))
    }

    /// A count or a size in bytes.
    pub fn number(&self, axis: Axis) -> Option<u64> {
        match self.get(axis)? {
            Value::Number(number) => Some(*number),
            Value::Word(_) => None,
        }
    }

    /// A name.
    pub fn word(&self, axis: Axis) -> Option<&str> {
        match self.get(axis)? {
            Value::Word(word) => Some(word),
            Value::Number(_) => None,
        }
    }

    /// A name as what it names; `None` also of a name that nobody knows.
    pub fn named<T: ValueEnum>(&self, axis: Axis) -> Option<T> {
        T::from_str(self.word(axis)?, false).ok()
    }

    /// A size in bytes.
    pub fn size(&self, axis: Axis) -> Option<BufferSize> {
        BufferSize::new(self.number(axis)?).ok()
    }

    /// Its value as users type it; "-" where the axis does not matter to it.
    pub fn text(&self, axis: Axis) -> String {
        self.get(axis).map_or_else(|| "-".to_owned(), |value| axis.text(value))
    }

    /// Its value in words that stand alone; `None` where the axis does not matter to it.
    pub fn phrase(&self, axis: Axis) -> Option<String> {
        let is_in_flight = axis == Axis::Workers && self.named(Axis::Scheduler) == Some(SchedulerName::Uring);
        let named = if is_in_flight { Axis::Depth } else { axis };
        self.get(axis).map(|value| named.phrase(value))
    }

    /// Whether it has the same values on the axes that `other` has.
    pub fn is_like(&self, other: &Self) -> bool {
        other.iter().all(|(axis, value)| self.get(axis) == Some(value))
    }

    /// The same with the values of `other` on the axes that `other` has.
    #[must_use]
    pub fn with_all(self, other: &Self) -> Self {
        other.iter().fold(self, |setting, (axis, value)| setting.with(axis, value.clone()))
    }

    /// The question that it is an answer to: settings with the same are alternatives to each other.
    #[must_use]
    pub fn question(&self) -> Self {
        Self(self.0.iter().filter(|(axis, _)| axis.is_question()).cloned().collect())
    }

    /// By what a setting is smaller than another: it needs less memory, and fewer threads or operations in flight.
    pub fn cost(&self) -> (u64, u64, u64) {
        let first = |one, other| self.number(one).or_else(|| self.number(other)).unwrap_or(0);
        // A pool has what its workers need unless a number says otherwise; without one, nothing bounds the buffers.
        let buffers = match self.get(Axis::Pool) {
            Some(Value::Number(size)) => size.saturating_add(self.number(Axis::PoolOverflow).unwrap_or(0)),
            Some(Value::Word(word)) if word == "off" => u64::MAX,
            _ => u64::MAX - 1,
        };
        (first(Axis::Buffer, Axis::Block), first(Axis::Workers, Axis::Depth), buffers)
    }

    /// What it is called by the axes that vary: "64K", "64K with mmap, 2 workers", "2 workers"; of a disk by all of them:
    /// "random-read 4K direct, 16 in flight".
    pub fn label(&self, varying: &[Axis]) -> String {
        if self.get(Axis::Load).is_some() {
            return self.disk_label();
        }
        let buffer = varying.contains(&Axis::Buffer) || varying.is_empty();
        let phrases: Vec<String> =
            varying.iter().filter(|axis| **axis != Axis::Buffer).filter_map(|axis| self.phrase(*axis)).collect();
        match (buffer, phrases.is_empty()) {
            (true, true) => self.text(Axis::Buffer),
            (true, false) => format!("{} with {}", self.text(Axis::Buffer), phrases.join(", ")),
            // Where others have an overflow or a limit to waiting.
            (false, true) => {
                let usual = [(Axis::PoolOverflow, "overflow 0"), (Axis::PoolWait, "wait unlimited")];
                let usual = usual.into_iter().filter(|(axis, _)| varying.contains(axis));
                usual.map(|(_, phrase)| phrase).collect::<Vec<_>>().join(", ")
            }
            (false, false) => phrases.join(", "),
        }
    }

    fn disk_label(&self) -> String {
        let case = self.get(Axis::Case).map(|case| format!("{case}: ")).unwrap_or_default();
        let words: Vec<String> =
            [Axis::Load, Axis::Block, Axis::Access].into_iter().filter_map(|axis| self.phrase(axis)).collect();
        let depth = self.phrase(Axis::Depth).filter(|_| self.number(Axis::Depth) != Some(1));
        format!("{case}{}{}", words.join(" "), depth.map_or_else(String::new, |depth| format!(", {depth}")))
    }
}

/// The axes that some of the settings have, in two lists: those whose values differ among them, and the others.
pub fn split<'a>(settings: impl IntoIterator<Item = &'a Setting>) -> (Vec<Axis>, Vec<Axis>) {
    let settings: Vec<&Setting> = settings.into_iter().collect();
    let matters = |axis: &Axis| settings.iter().any(|setting| setting.get(*axis).is_some());
    let varies = |axis: &Axis| settings.windows(2).any(|pair| pair[0].get(*axis) != pair[1].get(*axis));
    Axis::all().filter(matters).partition(varies)
}

impl Serialize for Setting {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (axis, value) in &self.0 {
            map.serialize_entry(axis.key(), value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Setting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Axes;
        impl<'de> Visitor<'de> for Axes {
            type Value = Setting;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with a value for each axis")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Setting, A::Error> {
                let mut setting = Setting::default();
                while let Some(key) = map.next_key::<String>()? {
                    let axis = Axis::all().find(|axis| axis.key() == key);
                    let axis = axis.ok_or_else(|| A::Error::custom(format!("there is no axis called '{key}'")))?;
                    setting = setting.with(axis, map.next_value::<Value>()?);
                }
                Ok(setting)
            }
        }
        deserializer.deserialize_map(Axes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::subject::disk::plan::Load;
    use crate::plan::EngineName;

    fn copy() -> Setting {
        let setting = Setting::default().with(Axis::Buffer, 65536_u64).with(Axis::Job, "copy");
        setting.with(Axis::Workers, 2_usize).with(Axis::Engine, "mmap").with(Axis::Cache, "warm").with(Axis::Pool, true)
    }

    fn disk() -> Setting {
        let setting = Setting::default().with(Axis::Load, "random-read").with(Axis::Block, 4096_u64);
        setting.with(Axis::Access, "direct").with(Axis::Depth, 16_usize)
    }

    #[test]
    fn values_come_back_by_name_and_in_the_order_of_axes() {
        let setting = copy();
        assert_eq!(setting.named::<EngineName>(Axis::Engine), Some(EngineName::Mmap));
        assert_eq!(setting.size(Axis::Buffer), Some(BufferSize::from_kib(64)));
        assert_eq!((setting.number(Axis::Workers), setting.text(Axis::Level)), (Some(2), "-".to_owned()));
        assert_eq!(disk().named::<Load>(Axis::Load), Some(Load::RandomRead));
        let text = serde_json::to_string(&setting).unwrap();
        assert_eq!(
            text,
            r#"{"job":"copy","cache":"warm","engine":"mmap","workers":2,"pool":"on","buffer_bytes":65536}"#
        );
        assert_eq!(serde_json::from_str::<Setting>(&text).unwrap(), setting);
        let error = serde_json::from_str::<Setting>(r#"{"colour":1}"#).unwrap_err();
        assert!(error.to_string().contains("no axis called 'colour'"), "{error}");
    }

    #[test]
    fn a_setting_is_called_by_what_varies() {
        let one = copy().with(Axis::Workers, 1_usize);
        let waiting = copy().with(Axis::Pool, 4_usize).with(Axis::PoolWait, 1_500_000_000_u64);
        let waiting = waiting.with(Axis::PoolOverflow, 2_usize);
        for (setting, varying, name) in [
            (copy(), &[][..], "64K"),
            (copy(), &[Axis::Buffer], "64K"),
            (copy(), &[Axis::Engine, Axis::Workers, Axis::Buffer], "64K with mmap, 2 workers"),
            (one, &[Axis::Workers], "1 worker"),
            (copy().with(Axis::Scheduler, "uring"), &[Axis::Scheduler, Axis::Workers], "uring, 2 in flight"),
            (copy(), &[Axis::Level, Axis::Pool], "pool on"),
            (copy(), &[Axis::Pool, Axis::PoolOverflow, Axis::PoolWait], "pool on"),
            (copy(), &[Axis::PoolOverflow], "overflow 0"),
            (copy(), &[Axis::PoolOverflow, Axis::PoolWait], "overflow 0, wait unlimited"),
            (waiting, &[Axis::Pool, Axis::PoolOverflow, Axis::PoolWait], "pool 4, overflow 2, wait 1.5s"),
            (disk(), &[Axis::Depth], "random-read 4K direct, 16 in flight"),
            (disk().with(Axis::Depth, 1_usize), &[], "random-read 4K direct"),
        ] {
            assert_eq!(setting.label(varying), name);
        }
    }

    #[test]
    fn alternatives_share_a_question() {
        assert_eq!(copy().question(), copy().with(Axis::Buffer, 1_u64).without(Axis::Workers).question());
        assert_ne!(disk().question(), disk().with(Axis::Access, "buffered").question());
        assert!(copy().cost() < copy().with(Axis::Workers, 4_usize).cost());
        let pool = |pool: Value| copy().with(Axis::Pool, pool);
        let burst = pool(4_usize.into()).with(Axis::PoolOverflow, 4_usize);
        let pools = [pool(4_usize.into()), pool(7_usize.into()), burst, pool(true.into()), pool(false.into())];
        assert!(pools.is_sorted_by_key(Setting::cost) && pools[4].cost() < copy().with(Axis::Workers, 4_usize).cost());
        let (varying, fixed) = split([&copy(), &copy().with(Axis::Buffer, 1_u64)]);
        assert_eq!((varying, fixed.len()), (vec![Axis::Buffer], 5));
    }
}
