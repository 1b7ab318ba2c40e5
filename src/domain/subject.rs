//! Whom a rule binds, and whom a finding blames. The journal says it of a step that did not come
//! true, so it stands below both journal and verdict.

use serde::{Deserialize, Serialize};

/// Who broke a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// The client.
    App,
    /// The backend.
    Backend,
    /// Either side, in a rule that binds both; a finding always names one of them.
    Both,
    /// rehearsal itself, or what it runs on.
    Harness,
    /// Nobody can tell: a step did not come true, and nothing in the journal says why.
    Unclear,
}

impl Subject {
    /// The word for reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Backend => "backend",
            Self::Both => "both",
            Self::Harness => "harness",
            Self::Unclear => "unclear",
        }
    }
}
