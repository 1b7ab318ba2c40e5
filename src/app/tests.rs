//! The app on a bench: a clock, a storage and a backend that answer as a test says.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use super::*;
use crate::domain::contract::{
    Apply, Body, Condition, Emit, EventRule, Expiry, FailMode, KillSwitch, NextPage, Operation,
    Paging, Polling, Queries, Realtime, RequestPattern, Resource, Retry, Role, Scope, Screen,
    Service, Session, SessionRequest, SocketClient, Token, TokenAnswer, TrafficFloor,
    TransportName,
};
use crate::domain::journal::{FeedState, LinkState};
use crate::domain::secret::Secret;
use crate::domain::selector::{Selector, Template};

mod bench;
mod contract;
mod data;
mod feed;
mod interleavings;
mod kill_switch;
mod network;
mod quirks;
mod random;
mod session;

use bench::Bench;
use contract::contract;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn positions() -> Role {
    Role::Resource("positions".into())
}
