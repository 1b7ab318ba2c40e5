//! What an app can show.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The screen without a session.
pub const SIGNED_OUT: &str = "signed-out";
/// The screen while the app finds out where it stands.
pub const LOADING: &str = "loading";
/// The screen while the kill-switch blocks.
pub const MAINTENANCE: &str = "maintenance";

/// A screen: one that every app has, or one that the contract names. No contract can give its own
/// the name of one of the former.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum ScreenName {
    /// [`SIGNED_OUT`].
    SignedOut,
    /// [`LOADING`].
    Loading,
    /// [`MAINTENANCE`].
    Maintenance,
    /// One of the contract's.
    Own(String),
}

impl ScreenName {
    /// The names of the screens that every app has.
    pub const EVERY_APP: [&'static str; 3] = [SIGNED_OUT, LOADING, MAINTENANCE];

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::SignedOut => SIGNED_OUT,
            Self::Loading => LOADING,
            Self::Maintenance => MAINTENANCE,
            Self::Own(name) => name,
        }
    }
}

impl From<String> for ScreenName {
    fn from(name: String) -> Self {
        match name.as_str() {
            SIGNED_OUT => Self::SignedOut,
            LOADING => Self::Loading,
            MAINTENANCE => Self::Maintenance,
            _ => Self::Own(name),
        }
    }
}

impl From<&str> for ScreenName {
    fn from(name: &str) -> Self {
        name.to_owned().into()
    }
}

impl From<ScreenName> for String {
    fn from(screen: ScreenName) -> Self {
        screen.as_str().to_owned()
    }
}

impl fmt::Display for ScreenName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}
