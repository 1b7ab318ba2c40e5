//! Headers of answers that a client may go by, where target and mock differ in them. No contract and no world decides
//! these, so they are told and are no difference to mend.

use std::collections::{BTreeMap, BTreeSet};

use super::Replay;
use crate::import::Recording;

/// Those that a client acts on: media types and caching (RFC 9110 §8, RFC 9111), where and when to ask next (RFC 9110
/// §10.2, §11.6.1, RFC 8288), and what is about to end (RFC 8594, RFC 9745). The rest is for those between.
const ACTED_ON: [&str; 13] = [
    "cache-control",
    "content-disposition",
    "content-language",
    "deprecation",
    "etag",
    "expires",
    "last-modified",
    "link",
    "location",
    "retry-after",
    "sunset",
    "vary",
    "www-authenticate",
];

/// A header that one of both sends always and the other never, or a media type that only one has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct HeaderDiffers {
    pub(crate) about: String,
    pub(crate) name: &'static str,
    pub(crate) recorded: String,
    pub(crate) mock: String,
}

/// What one side said to requests of one kind.
#[derive(Default)]
struct Said {
    answers: usize,
    times: BTreeMap<&'static str, usize>,
    types: BTreeSet<String>,
}

impl Said {
    fn take(&mut self, headers: &[(String, String)]) {
        self.answers += 1;
        for name in ACTED_ON {
            let is_there = headers.iter().any(|(own, _)| own == name);
            *self.times.entry(name).or_default() += usize::from(is_there);
        }
        let kind = headers.iter().find(|(own, _)| own == "content-type");
        let essence = kind.and_then(|(_, value)| value.split(';').next());
        self.types
            .insert(essence.unwrap_or("none").trim().to_ascii_lowercase());
    }

    fn word(&self, name: &str) -> &'static str {
        match self.times.get(name) {
            Some(0) | None => "never there",
            Some(times) if *times == self.answers => "always there",
            Some(_) => "sometimes there",
        }
    }

    fn types(&self) -> String {
        self.types
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(", ")
    }
}

/// What differs, of answers that both gave with success.
pub(super) fn differing(recording: &Recording, replay: &Replay) -> Vec<HeaderDiffers> {
    let mut all: BTreeMap<String, (Said, Said)> = BTreeMap::new();
    for asked in &replay.asked {
        let own = &recording.exchanges[asked.exchange];
        // An archive that was made without headers tells nothing of them.
        if own.succeeded() && (200..300).contains(&asked.status) && !own.answer_headers.is_empty() {
            let (seen, mocked) = all.entry(asked.role.to_string()).or_default();
            seen.take(&own.answer_headers);
            mocked.take(&asked.headers);
        }
    }
    let mut found = Vec::new();
    for (about, (seen, mocked)) in all {
        if seen.types != mocked.types {
            found.push(HeaderDiffers {
                about: about.clone(),
                name: "content-type",
                recorded: seen.types(),
                mock: mocked.types(),
            });
        }
        for name in ACTED_ON {
            let (recorded, mock) = (seen.word(name), mocked.word(name));
            let is_clear = ![recorded, mock].contains(&"sometimes there");
            if recorded != mock && is_clear {
                found.push(HeaderDiffers {
                    about: about.clone(),
                    name,
                    recorded: recorded.to_owned(),
                    mock: mock.to_owned(),
                });
            }
        }
    }
    found
}
