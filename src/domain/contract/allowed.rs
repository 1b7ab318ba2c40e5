//! What may and what must never be called.

use super::RequestPattern;

/// What may and what must never be called. Whatever is not declared is denied.
#[derive(Debug, Clone)]
pub struct Scope {
    /// Requests that must never be made, whatever else allows them.
    pub forbid: Vec<RequestPattern>,
    /// Requests allowed beside the operations that the contract declares.
    pub allow: Vec<RequestPattern>,
    /// Events that the app may emit beside the subscriptions.
    pub allow_emits: Vec<String>,
    /// Events that the app must never emit.
    pub forbid_emits: Vec<String>,
    /// Namespaces that the app must never join.
    pub forbid_namespaces: Vec<String>,
    /// What a read may say in its query.
    pub queries: Queries,
    /// What a declared write or emit may carry beside what is declared.
    pub bodies: Queries,
    /// Whether reads that bring nothing new were agreed to be none of the app's.
    pub reads_needed: bool,
    /// How little traffic makes a "never called" verdict worthless.
    pub floor: TrafficFloor,
}

/// What a request may say beside what is declared for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Queries {
    /// Whatever it likes; what is not declared is told as information.
    #[default]
    Any,
    /// Only what is declared.
    Declared,
}

/// The least traffic that a scenario must show before "never called" means anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrafficFloor {
    /// Requests by the app.
    pub requests: u64,
}
