//! `notify`: who is told when something changes.

use std::time::Duration;

use crate::suite::cursor::Cursor;

/// How long telling somebody may take unless the file says otherwise.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The longest that it may take at all: a run must end.
const LONGEST: Duration = Duration::from_secs(60);

/// Somebody who is told when something changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notify {
    /// In which form.
    pub form: NotifyForm,
    /// The variable that holds the URL, which is a secret: whoever has it can write there.
    pub variable: String,
    /// Of runs at which targets, names or patterns; of all without any.
    pub targets: Vec<String>,
    /// How long it may take.
    pub timeout: Duration,
}

/// In which form somebody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotifyForm {
    /// A JSON document of our own.
    Webhook,
    /// A message for Slack, and for what takes the same.
    Slack,
}

/// Reads all of them; `variable` understands names of variables.
pub(super) fn read(
    cursor: &Cursor<'_>,
    variable: impl Fn(&Cursor<'_>) -> Option<String>,
) -> Option<Vec<Notify>> {
    let all = cursor.list()?.into_iter().map(|cursor| {
        let fields = cursor.fields("a notification")?;
        let form = fields.or("kind", NotifyForm::Webhook, |cursor| {
            cursor.word(&[
                ("webhook", NotifyForm::Webhook),
                ("slack", NotifyForm::Slack),
            ])
        });
        let variable = fields.need("url-env").and_then(|cursor| variable(&cursor));
        let targets = fields.or("targets", Vec::new(), |cursor| {
            let names = cursor.list()?.into_iter();
            names.map(|name| name.name_text()).collect()
        });
        let timeout = fields.or("timeout", TIMEOUT, |cursor| {
            match cursor.positive_duration()? {
                timeout if timeout <= LONGEST => Some(timeout),
                _ => cursor.refuse(
                    "`timeout` is more than a minute, and the run waits for it",
                    "write a shorter time, like `10s`",
                ),
            }
        });
        Some(Notify {
            form: form?,
            variable: variable?,
            targets: targets?,
            timeout: timeout?,
        })
    });
    // Each is read, whatever is wrong with the one before it.
    let all: Vec<Option<Notify>> = all.collect();
    all.into_iter().collect()
}
