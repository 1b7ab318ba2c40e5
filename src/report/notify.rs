//! What somebody is told when something changed: what is new, since when, and whose fault it is.

use serde::Serialize;

use super::About;
use super::changes::{headline, lines};
use super::json::changes::ChangesDocument;
use super::text::visible;
use crate::domain::changes::Changes;
use crate::domain::result::RunResult;

/// The version of the document.
const VERSION: u32 = 1;

/// The longest message, in characters: what is longer is cut off by who shows it, at a worse place.
const LONGEST: usize = 3_000;

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    rehearsal: &'static str,
    run: &'a str,
    started: String,
    target: &'a str,
    verdict: &'a str,
    reason: Option<&'a str>,
    text: String,
    changes: ChangesDocument<'a>,
}

#[derive(Serialize)]
struct Message {
    text: String,
}

/// The document for a webhook, as JSON.
#[must_use]
pub fn webhook(result: &RunResult, changes: &Changes, about: &About) -> Vec<u8> {
    let document = Document {
        version: VERSION,
        rehearsal: env!("CARGO_PKG_VERSION"),
        run: &about.id,
        started: about.moment(std::time::Duration::ZERO),
        target: &result.target,
        verdict: result.verdict.name(),
        reason: result.verdict.reason(),
        text: text(result, changes),
        changes: ChangesDocument::of(changes),
    };
    // Every key is a text and no type fails to serialize, so there is always a document.
    serde_json::to_vec(&document).unwrap_or_default()
}

/// The message for Slack, as JSON.
#[must_use]
pub fn slack(result: &RunResult, changes: &Changes) -> Vec<u8> {
    let text = text(result, changes);
    // The three characters that mean something else there.
    let text = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    serde_json::to_vec(&Message { text }).unwrap_or_default()
}

/// The same for people, in a few lines.
fn text(result: &RunResult, changes: &Changes) -> String {
    let mut text = format!(
        "rehearsal at {}: {}, {}",
        result.target,
        result.verdict.name(),
        headline(changes)
    );
    if let Some(reason) = result.verdict.reason() {
        text.push_str(&format!("\n{reason}"));
    }
    for (word, told) in lines(changes) {
        text.push_str(&format!("\n{word}: {told}"));
    }
    let evidence = changes.new.iter().filter(|own| own.class.is_some());
    for change in evidence.take(5) {
        if let Some(evidence) = &change.evidence {
            text.push_str(&format!("\n{}: {evidence}", change.id));
        }
    }
    let safe: Vec<String> = text
        .lines()
        .map(|line| visible(line).into_owned())
        .collect();
    safe.join("\n").chars().take(LONGEST).collect()
}
