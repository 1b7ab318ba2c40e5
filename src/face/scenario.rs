//! A scenario that is written in Rust.

use std::fmt::{self, Write as _};
use std::panic::Location;
use std::sync::Arc;

use serde_json::Value;

use super::Moment;
use crate::run::Own;
use crate::suite::Source;

/// A scenario that is written in Rust: steps as in a file, and code between them that looks at what the
/// app shows and at what crossed the wire.
///
/// ```
/// use rehearsal::{Plan, Scenario, Suite};
///
/// let scenario = Scenario::new("rows-are-whole", "Every row that is shown has a name")
///     .steps("
///         - do: launch
///         - do: sign-in
///           as: tester-a
///         - expect: { screen: home, shows: home }
///           within: 10s
///     ")
///     .check("the app shows its first screen", async |moment| {
///         assert!(moment.is_signed_in());
///         assert_ne!(moment.screen(), "loading");
///     });
/// let suite = Suite::shipped()?.with(scenario)?;
/// rehearsal::assert_conforms(&Plan::of(&suite).scenario("rows-are-whole"));
/// # Ok::<(), rehearsal::Error>(())
/// ```
#[must_use]
pub struct Scenario {
    id: String,
    /// Where it is written.
    place: &'static Location<'static>,
    /// The keys of its file, but for the steps.
    head: String,
    steps: String,
    finally: String,
    code: Vec<(String, Own)>,
}

impl Scenario {
    /// A scenario without steps yet; `name` says in a sentence what it shows.
    #[track_caller]
    pub fn new(id: impl Into<String>, name: &str) -> Self {
        Self {
            id: id.into(),
            place: Location::caller(),
            head: format!("name: {}\n", quoted(name)),
            steps: String::new(),
            finally: String::new(),
            code: Vec::new(),
        }
    }

    /// Further keys of a scenario file, such as `devices: [phone, tablet]` or `waive:` with reasons.
    pub fn keys(mut self, yaml: &str) -> Self {
        self.head.push_str(&moved(yaml, 0));
        self
    }

    /// Steps, as they stand below `steps:` in a scenario file.
    pub fn steps(mut self, yaml: &str) -> Self {
        self.steps.push_str(&moved(yaml, 2));
        self
    }

    /// Code that looks, after the steps so far: it comes true unless it panics, so it holds what any test
    /// holds, `assert_eq!` and all. `name` says what it asks for.
    ///
    /// In virtual time the clock jumps to the next timer whenever everybody waits. So let code wait by
    /// [`Moment::until`] and not for a network or another thread.
    pub fn check<F>(self, name: &str, look: F) -> Self
    where
        F: AsyncFn(Moment) + Send + Sync + 'static,
    {
        let step = format!("  - check: {}\n", quoted(name));
        self.looks(name, step, look)
    }

    /// As [`Scenario::check`], on one of several devices.
    pub fn check_on<F>(self, device: &str, name: &str, look: F) -> Self
    where
        F: AsyncFn(Moment) + Send + Sync + 'static,
    {
        let (own, on) = (quoted(name), quoted(device));
        let step = format!("  - check: {own}\n    on: {on}\n");
        self.looks(name, step, look)
    }

    fn looks<F>(mut self, name: &str, step: String, look: F) -> Self
    where
        F: AsyncFn(Moment) + Send + Sync + 'static,
    {
        self.steps.push_str(&step);
        let look = Arc::new(look);
        let own: Own = Arc::new(move |moment| {
            let look = Arc::clone(&look);
            Box::pin(async move { look(Moment::new(moment)).await })
        });
        self.code.push((name.to_owned(), own));
        self
    }

    /// Steps that are played at the end in every case, as they stand below `finally:` in a scenario file.
    pub fn finally(mut self, yaml: &str) -> Self {
        self.finally.push_str(&moved(yaml, 2));
        self
    }

    pub(super) fn id(&self) -> String {
        self.id.clone()
    }

    /// The file that it would be, under the name of the place where it is written.
    pub(super) fn source(&self) -> Arc<Source> {
        let mut text = format!("{}steps:\n{}", self.head, self.steps);
        if !self.finally.is_empty() {
            // Writing to a String cannot fail.
            let _ = write!(text, "finally:\n{}", self.finally);
        }
        let place = format!("{}:{}", self.place.file(), self.place.line());
        Source::new(place, text)
    }

    /// What its code is called, in the order of the steps.
    pub(super) fn names(&self) -> Vec<String> {
        self.code.iter().map(|(name, _)| name.clone()).collect()
    }

    pub(super) fn into_code(self) -> Vec<Own> {
        self.code.into_iter().map(|(_, own)| own).collect()
    }
}

impl fmt::Debug for Scenario {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.source().text())
    }
}

/// A text in quotes, as YAML and JSON write it.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// Lines of a file, moved so that they begin at this column: in Rust they stand as far in as the code.
fn moved(yaml: &str, column: usize) -> String {
    let lines = || yaml.lines().filter(|line| !line.trim().is_empty());
    let indent = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let margin = lines().map(indent).min().unwrap_or(0);
    lines().fold(String::new(), |mut moved, line| {
        // Writing to a String cannot fail.
        let _ = writeln!(moved, "{:column$}{}", "", &line[margin..]);
        moved
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_keep_their_shape_however_far_in_they_stand() {
        let far = "\n        - do: sign-in\n          as: mate\n\n        - do: refresh\n    ";
        let near = "- do: sign-in\n  as: mate\n- do: refresh";
        assert_eq!(
            moved("- do: sign-in\n  as: mate", 2),
            "  - do: sign-in\n    as: mate\n"
        );
        let wanted = "  - do: sign-in\n    as: mate\n  - do: refresh\n";
        assert_eq!(moved(far, 2), wanted);
        assert_eq!(moved(near, 2), wanted);
    }
}
