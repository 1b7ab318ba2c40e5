//! The release runbook's items, by id: what a run proves, violates or leaves open.

use std::fmt;

use super::verdict::Verdict;

/// The id of one runbook item: `S4.1`, `P.3`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunbookId(String);

impl RunbookId {
    /// Reads an id of the catalogue.
    ///
    /// # Errors
    /// When there is no such item.
    pub fn parse(text: &str) -> Result<Self, String> {
        if ITEMS.iter().any(|(id, _)| *id == text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!("there is no runbook item `{text}`"))
        }
    }

    /// What the item says.
    #[must_use]
    pub fn title(&self) -> &'static str {
        ITEMS
            .iter()
            .find(|(id, _)| *id == self.0)
            .map_or("", |(_, title)| title)
    }

    /// Every item in the runbook's order.
    pub fn all() -> impl Iterator<Item = Self> {
        ITEMS.iter().map(|(id, _)| Self((*id).to_owned()))
    }
}

impl fmt::Display for RunbookId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// What a run says about one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunbookItem {
    /// The item.
    pub id: RunbookId,
    /// What is known about it.
    pub status: RunbookStatus,
    /// The scenarios that name it.
    pub scenarios: Vec<String>,
    /// Why it is not proven, if it is not.
    pub note: Option<String>,
}

/// What is known about an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunbookStatus {
    /// Every scenario that names it passed.
    Proven,
    /// A scenario that names it failed.
    Violated,
    /// The harness could not judge.
    Inconclusive,
    /// No scenario that was played names it.
    NotCovered,
}

impl RunbookStatus {
    /// The word for reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Violated => "violated",
            Self::Inconclusive => "inconclusive",
            Self::NotCovered => "not covered",
        }
    }
}

/// Every item of the runbook in its order, given each scenario's id, items and verdict.
#[must_use]
pub fn cover(scenarios: &[(&str, &[RunbookId], &Verdict)]) -> Vec<RunbookItem> {
    RunbookId::all()
        .map(|id| {
            let naming: Vec<_> = scenarios
                .iter()
                .filter(|(_, items, _)| items.contains(&id))
                .collect();
            let first = |wanted: fn(&Verdict) -> bool| {
                naming.iter().find(|(_, _, verdict)| wanted(verdict))
            };
            let (status, note) = if naming.is_empty() {
                (RunbookStatus::NotCovered, None)
            } else if let Some((scenario, ..)) = first(Verdict::is_failure) {
                (RunbookStatus::Violated, Some(format!("{scenario} failed")))
            } else if let Some((scenario, _, verdict)) =
                first(|verdict| *verdict != Verdict::Passed)
            {
                let why = verdict.reason().unwrap_or_default();
                (
                    RunbookStatus::Inconclusive,
                    Some(format!("{scenario} is {}: {why}", verdict.name())),
                )
            } else {
                (RunbookStatus::Proven, None)
            };
            let scenarios = naming
                .iter()
                .map(|(scenario, ..)| (*scenario).to_owned())
                .collect();
            RunbookItem {
                id,
                status,
                scenarios,
                note,
            }
        })
        .collect()
}

/// Ids and titles in the runbook's order.
pub const ITEMS: &[(&str, &str)] = &[
    ("P.1", "The app's own checks are green"),
    ("P.2", "The web stage is signed off and the backend stable"),
    ("P.3", "The deployment answers its health check"),
    (
        "P.4",
        "The live namespace is reachable over both transports",
    ),
    ("P.5", "The feature flags are a valid answer"),
    ("P.6", "The app's variables are set and point at the target"),
    ("P.7", "Channel, testers and rollback owner are named"),
    (
        "S2.1",
        "A fresh install opens on sign-in and asks for no data",
    ),
    (
        "S2.2",
        "Platform credentials work and wrong ones are refused clearly",
    ),
    (
        "S2.3",
        "A session is established and lands on the first tab",
    ),
    ("S2.4", "The access token is genuine"),
    ("S2.5", "The profile is that of the user who signed in"),
    (
        "S3.1",
        "A killed and reopened app restores its session without sign-in",
    ),
    ("S3.2", "Live state is back in bounded time"),
    (
        "S3.3",
        "The token survives in secure storage; a broken one ends in a clean sign-in",
    ),
    ("S4.1", "Maintenance blocks the app and no data flows"),
    (
        "S4.2",
        "The app recovers when maintenance ends, without sign-in",
    ),
    (
        "S4.3",
        "A stopped backend shows as degraded, without sign-out",
    ),
    (
        "S4.4",
        "The app reconnects by itself when the backend is back",
    ),
    ("S5.1", "Overview: summary, positions, account"),
    ("S5.2", "Overview: a price update shows within a minute"),
    (
        "S5.3",
        "Overview: the control badge shows the backend's mode",
    ),
    ("S5.4", "The socket joins the live namespace"),
    ("S5.5", "Positions: the same list as on web"),
    ("S5.6", "Positions: each has its five facts"),
    ("S5.7", "Positions change live"),
    ("S5.8", "History: the same as on web"),
    ("S5.9", "History: older pages load, none lost, none twice"),
    ("S5.10", "Strategies: this user's profiles"),
    ("S5.11", "Settings: the user's email and account"),
    (
        "S5.12",
        "Settings: sign-out clears the session, on the server too",
    ),
    ("S5.13", "Settings: notification preferences are offered"),
    ("S6.1", "Prices update within five minutes"),
    ("S6.2", "The shown health follows the backend's"),
    ("S6.3", "A closing trade appears in History by itself"),
    ("S6.4", "No unhandled error in the window"),
    ("S6.5", "With the socket blocked, polling keeps data fresh"),
    ("S6.6", "With the socket back, polling stops"),
    ("S7.1", "Airplane mode shows as offline"),
    (
        "S7.2",
        "The app reconnects by itself when the network is back",
    ),
    ("S7.3", "Nothing stale is shown as current"),
    ("S8.1", "No destructive trading action, over REST or socket"),
    ("S8.2", "Strategies cannot be edited"),
    ("S8.3", "No admin surface for a tester"),
    (
        "S8.4",
        "The forbidden endpoints are never called, in any disguise",
    ),
    ("S9.1", "Mobile and web show the same data"),
    ("S9.2", "Backend errors do not rise with mobile clients"),
    ("S9.3", "No tester sees another user's data"),
    (
        "S9.4",
        "Sign-in failures and 401/403 stay at their baseline",
    ),
    ("S9.5", "No token refresh fails"),
    ("S9.6", "Socket connections are stable"),
    ("S9.7", "Polling adds no unexpected load"),
    ("S9.8", "Degraded states are rare on good networks"),
    ("S9.9", "Rollback triggers are evaluated"),
    ("S9.10", "Sign-off over the whole period"),
];
