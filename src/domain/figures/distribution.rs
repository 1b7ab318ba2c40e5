//! How long something took, time after time: a histogram that can be added to others.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2Serializer};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Two digits are kept of a duration: what is told is right to one percent, and a histogram is
/// small however long a run.
const DIGITS: u8 = 2;

/// How long something took, time after time, in microseconds. Empty ones cost nothing. Written as
/// [`Distribution::encoded`] does.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Distribution(Option<Box<Histogram<u64>>>);

/// The share of what was measured that a value is not below.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quantile {
    /// The median.
    P50,
    /// 95 of a hundred.
    P95,
    /// 99 of a hundred.
    P99,
    /// All of them.
    Max,
}

impl Quantile {
    /// Every one with its word.
    pub const ALL: [(&'static str, Self); 4] = [
        ("p50", Self::P50),
        ("p95", Self::P95),
        ("p99", Self::P99),
        ("max", Self::Max),
    ];

    /// How many values it takes for it to be another one than the largest: with fewer, a single slow
    /// answer would be the whole story.
    #[must_use]
    pub fn least_samples(self) -> u64 {
        match self {
            Self::P50 => 2,
            Self::P95 => 20,
            Self::P99 => 100,
            Self::Max => 1,
        }
    }

    fn share(self) -> f64 {
        match self {
            Self::P50 => 0.5,
            Self::P95 => 0.95,
            Self::P99 => 0.99,
            Self::Max => 1.0,
        }
    }
}

impl fmt::Display for Quantile {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all = Self::ALL.iter();
        let own = all.find(|(_, own)| own == self);
        out.write_str(own.map_or("", |(word, _)| word))
    }
}

/// Why what should be a histogram is none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("it is no HdrHistogram in the format V2, in base64: {0}")]
pub struct Unreadable(String);

impl Distribution {
    /// Takes one duration in.
    pub fn record(&mut self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        if self.0.is_none() {
            self.0 = Histogram::new(DIGITS).ok().map(Box::new);
        }
        if let Some(histogram) = &mut self.0 {
            // It grows with what it is given, and no duration of a run is too long for it.
            histogram.auto(true);
            let _ = histogram.record(micros);
        }
    }

    /// Adds what was measured elsewhere.
    pub fn add(&mut self, other: &Self) {
        let Some(theirs) = &other.0 else { return };
        match &mut self.0 {
            None => self.0 = Some(theirs.clone()),
            Some(own) => {
                own.auto(true);
                let _ = own.add(&**theirs);
            }
        }
    }

    /// How many durations it holds.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.as_ref().map_or(0, |histogram| histogram.len())
    }

    /// The duration that this share of all is not above, right to one percent and never too long.
    #[must_use]
    pub fn at(&self, quantile: Quantile) -> Option<Duration> {
        let histogram = self.0.as_ref().filter(|histogram| !histogram.is_empty())?;
        let micros = histogram.value_at_quantile(quantile.share());
        // Of all values that the histogram does not tell apart the least, so that no limit is said to be
        // crossed that was not.
        let micros = histogram.lowest_equivalent(micros);
        Some(Duration::from_micros(micros))
    }

    /// What it holds, as far as its digits go, and how often.
    fn values(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let recorded = self.0.iter().flat_map(|own| own.iter_recorded());
        recorded.map(|own| (own.value_iterated_to(), own.count_at_value()))
    }

    /// The histogram in HdrHistogram's format V2, in base64, as any of its libraries reads it; empty
    /// where nothing was measured.
    #[must_use]
    pub fn encoded(&self) -> String {
        let Some(histogram) = &self.0 else {
            return String::new();
        };
        let mut bytes = Vec::new();
        // What is written to memory does not fail.
        let _ = V2Serializer::new().serialize(histogram, &mut bytes);
        STANDARD.encode(bytes)
    }

    /// Reads what [`Distribution::encoded`] wrote.
    ///
    /// # Errors
    /// When it is no such histogram.
    pub fn decode(text: &str) -> Result<Self, Unreadable> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let bytes = STANDARD
            .decode(text)
            .map_err(|error| Unreadable(error.to_string()))?;
        let histogram = Deserializer::new()
            .deserialize(&mut &bytes[..])
            .map_err(|error| Unreadable(format!("{error:?}")))?;
        Ok(Self(Some(Box::new(histogram))))
    }
}

impl From<Distribution> for String {
    fn from(times: Distribution) -> Self {
        times.encoded()
    }
}

impl TryFrom<String> for Distribution {
    type Error = Unreadable;

    fn try_from(text: String) -> Result<Self, Unreadable> {
        Self::decode(&text)
    }
}

/// Histograms that hold the same are equal, however far each has grown.
impl PartialEq for Distribution {
    fn eq(&self, other: &Self) -> bool {
        self.values().eq(other.values())
    }
}
