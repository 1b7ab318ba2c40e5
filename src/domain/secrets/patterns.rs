//! Searching a text for thousands of secrets at once.
//!
//! JSON Web Tokens of one issuer begin alike, so patterns are indexed by their last eight bytes. A
//! text is read once with a window of that size; a small bit set answers "certainly not" for nearly
//! every window, so a clean text costs a few instructions a byte, however many secrets are known.

use std::collections::HashMap;

use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// The number of bytes by which a pattern is indexed.
const WINDOW: usize = 8;

/// The least that gives away part of a secret.
const SHORTEST_PART: usize = 12;

/// The bit set's size, as a power of two.
const FILTER_BITS: u32 = 17;

/// One secret in one spelling.
struct Pattern {
    bytes: Box<[u8]>,
    label: usize,
    /// For the beginning of a secret, what follows it there.
    rest: Option<Box<[u8]>>,
    extent: Extent,
}

/// How much of a secret counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// Only the whole of it.
    Whole,
    /// Also a part that gives it away.
    Parts,
}

/// Where a secret stands in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Match {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) label: usize,
}

/// Every secret in every spelling that is searched for.
pub(super) struct Patterns {
    patterns: Vec<Pattern>,
    by_end: HashMap<u64, Vec<usize>>,
    filter: Vec<u64>,
}

impl Default for Patterns {
    fn default() -> Self {
        Self {
            patterns: Vec::new(),
            by_end: HashMap::new(),
            filter: vec![0; 1 << (FILTER_BITS - 6)],
        }
    }
}

impl Patterns {
    /// Adds a secret: as it is, as it stands in a JSON string, and as base64 of a longer text.
    pub(super) fn add(&mut self, secret: &str, label: usize) {
        self.add_spelling(secret.as_bytes(), label);
        let quoted = serde_json::Value::from(secret).to_string();
        let escaped = &quoted[1..quoted.len() - 1];
        if escaped != secret {
            self.add_spelling(escaped.as_bytes(), label);
        }
        for shift in 0..3 {
            let standard = inside_base64(secret.as_bytes(), shift, &STANDARD_NO_PAD);
            let url_safe = inside_base64(secret.as_bytes(), shift, &URL_SAFE_NO_PAD);
            if url_safe != standard {
                self.add_spelling(url_safe.as_bytes(), label);
            }
            self.add_spelling(standard.as_bytes(), label);
        }
    }

    /// Adds what still gives a secret away where somebody cut it: the beginning, once it is half of
    /// the secret, and of a JSON Web Token, whose beginnings are alike, its payload and signature.
    pub(super) fn add_parts(&mut self, secret: &str, label: usize) {
        if let [header, payload, signature] = secret.split('.').collect::<Vec<_>>()[..]
            && header.starts_with("eyJ")
        {
            for part in [payload, signature] {
                if part.len() >= SHORTEST_PART {
                    self.add_pattern(part.as_bytes(), label, None, Extent::Parts);
                }
            }
            return;
        }
        // A cut in the middle of a character would be none.
        if !secret.is_ascii() {
            return;
        }
        let half = secret.len().div_ceil(2).max(SHORTEST_PART);
        if let Some((beginning, rest)) = secret.as_bytes().split_at_checked(half) {
            self.add_pattern(beginning, label, Some(rest.into()), Extent::Parts);
        }
    }

    fn add_spelling(&mut self, bytes: &[u8], label: usize) {
        self.add_pattern(bytes, label, None, Extent::Whole);
    }

    fn add_pattern(&mut self, bytes: &[u8], label: usize, rest: Option<Box<[u8]>>, extent: Extent) {
        let Some(end) = bytes.last_chunk::<WINDOW>() else {
            return;
        };
        let key = u64::from_be_bytes(*end);
        let bit = filter_bit(key);
        self.filter[bit >> 6] |= 1 << (bit & 63);
        self.by_end
            .entry(key)
            .or_default()
            .push(self.patterns.len());
        self.patterns.push(Pattern {
            bytes: bytes.into(),
            label,
            rest,
            extent,
        });
    }

    /// All secrets in a text, in order, without overlap; where several overlap, they count as one.
    pub(super) fn find(&self, text: &[u8], extent: Extent) -> Vec<Match> {
        let mut matches: Vec<Match> = Vec::new();
        if self.patterns.is_empty() {
            return matches;
        }
        let mut window = 0_u64;
        for (at, byte) in text.iter().enumerate() {
            window = window << 8 | u64::from(*byte);
            let bit = filter_bit(window);
            if self.filter[bit >> 6] >> (bit & 63) & 1 == 0 {
                continue;
            }
            if let Some(found) = self.ending_at(text, at + 1, window, extent) {
                merge(&mut matches, found);
            }
        }
        matches
    }

    /// The longest pattern that ends here.
    fn ending_at(&self, text: &[u8], end: usize, window: u64, extent: Extent) -> Option<Match> {
        self.by_end
            .get(&window)?
            .iter()
            .map(|index| &self.patterns[*index])
            .filter(|pattern| extent == Extent::Parts || pattern.extent == extent)
            .filter(|pattern| text[..end].ends_with(&pattern.bytes))
            .filter_map(|pattern| {
                Some(Match {
                    start: end - pattern.bytes.len(),
                    end: end + pattern.followed_by(text, end)?,
                    label: pattern.label,
                })
            })
            .max_by_key(|found| found.end - found.start)
    }
}

impl Pattern {
    /// How much more of the secret follows this pattern in a text; nothing if it only looks like it.
    fn followed_by(&self, text: &[u8], end: usize) -> Option<usize> {
        let Some(rest) = &self.rest else {
            return Some(0);
        };
        let before = end.checked_sub(self.bytes.len() + 1).map(|at| text[at]);
        let after = &text[end..];
        let more = rest
            .iter()
            .zip(after)
            .take_while(|(own, other)| own == other)
            .count();
        // What begins like a secret and goes on otherwise is another word; and what ends where the
        // secret has a separator may be an id that it is made of.
        let word = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        let whole = more == rest.len();
        let cut = !word(before.as_ref()) && !word(after.get(more)) && word(rest.get(more));
        (whole || cut).then_some(more)
    }
}

fn filter_bit(key: u64) -> usize {
    let mixed = key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - FILTER_BITS);
    usize::try_from(mixed).unwrap_or_default()
}

fn merge(matches: &mut Vec<Match>, mut found: Match) {
    while let Some(last) = matches.last()
        && last.end > found.start
    {
        // Two secrets share some bytes: the pair is hidden under the first one's label.
        if last.start < found.start {
            found.start = last.start;
            found.label = last.label;
        }
        found.end = found.end.max(last.end);
        matches.pop();
    }
    matches.push(found);
}

/// The characters that a secret alone decides when it stands in base64 of a longer text, `shift`
/// bytes after a multiple of three.
fn inside_base64(secret: &[u8], shift: usize, engine: &impl base64::Engine) -> String {
    let mut padded = vec![0; shift];
    padded.extend_from_slice(secret);
    let mut encoded = engine.encode(&padded);
    if !padded.len().is_multiple_of(3) {
        encoded.pop();
    }
    let undecided = [0, 2, 3][shift];
    encoded.split_off(undecided.min(encoded.len()))
}
