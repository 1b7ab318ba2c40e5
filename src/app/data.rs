//! Loading resources: when a request is sent, and what its reply does.
//!
//! Each resource has at most one request on its way. Whoever wants it meanwhile shares that one.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::domain::contract::is_safe;
use crate::domain::journal::DataSource;

use super::answer::{Meaning, Reply};
use super::event::Answer;
use super::load::{Cause, Load, Progress};
use super::paging::{self, Page, Pages};
use super::requests::Purpose;
use super::sync::{Stream, merge};
use super::timers::Timer;
use super::{App, Quirk, notice, retry};

mod failure;
mod held;
mod refusal;

/// What the app holds of one resource beside what it shows.
#[derive(Debug, Default)]
pub(super) struct ResourceState {
    pub(super) progress: Progress,
    /// Whether it has to be read once more when the load on its way has ended.
    pub(super) again: bool,
    pub(super) pages: Pages,
    pub(super) stream: Stream,
    /// When it was refused with a token that was fresh.
    refused_at: Option<Duration>,
    /// The last whole answer, where reads are conditional.
    held: Option<Held>,
    /// Whether its screen was opened, or it was asked for, while no data could flow.
    owed: bool,
}

/// The last whole answer, and the entity tag that it came with.
#[derive(Debug)]
struct Held {
    tag: String,
    answer: Answer,
}

impl App {
    /// Loads a resource's first page, unless a load that serves as well is under way.
    pub(super) fn want(&mut self, resource: usize, cause: Cause) {
        if !self.flowing {
            self.data[resource].owed |= matches!(cause, Cause::Open | Cause::User);
            return;
        }
        if self.reads_nothing_anew(resource) {
            return;
        }
        self.data[resource].owed = false;
        match &self.data[resource].progress {
            Progress::Idle | Progress::Later(_) => {
                self.clear_timer(Timer::Load(resource));
                self.begin(Load::new(resource, Page::First, cause));
            }
            Progress::Flying => {
                // What is on its way was perhaps read before the change that this is about.
                self.data[resource].again |= matches!(cause, Cause::Snapshot | Cause::Refetch);
                if cause == Cause::Poll && self.quirks.has(Quirk::OverlappingPolls) {
                    self.send_stray_poll(resource);
                }
            }
            Progress::Waiting(_) | Progress::Parked(_) => {}
        }
    }

    /// Reads what screens that were opened meanwhile wait for: they are there behind the open one.
    pub(super) fn load_owed(&mut self) {
        for resource in 0..self.data.len() {
            if std::mem::take(&mut self.data[resource].owed) {
                self.want(resource, Cause::Open);
            }
        }
    }

    /// Reads all pages of a list that have not been read.
    pub(super) fn load_all(&mut self, name: &str) {
        let Some(resource) = self.resource_named(name) else {
            self.unexpected("a walk through a resource that the contract does not have");
            return;
        };
        self.data[resource].pages.walking = true;
        if !self.view.shown.contains_key(name) {
            self.want(resource, Cause::User);
        } else if matches!(
            self.data[resource].progress,
            Progress::Idle | Progress::Later(_)
        ) {
            self.walk_on(resource);
        }
    }

    fn walk_on(&mut self, resource: usize) {
        let pages = &mut self.data[resource].pages;
        match pages.next.clone() {
            Some(next) if pages.walking && self.flowing => {
                self.clear_timer(Timer::Load(resource));
                self.begin(Load::new(resource, Page::Later(next), Cause::Walk));
            }
            Some(_) => {}
            None if pages.walking => {
                pages.walking = false;
                self.ask_past_the_end(resource);
            }
            None => {}
        }
    }

    /// Sends the next attempt of a load, or lets it wait if the backend wants to be left alone.
    fn begin(&mut self, mut load: Load) {
        let resource = load.resource;
        let contract = Arc::clone(&self.contract);
        let own = &contract.resources[resource];
        let pause = self.pause_left(&own.operation.service);
        if !pause.is_zero() {
            let wait = retry::lengthen(pause, 0.1, &mut self.rng);
            self.data[resource].progress = Progress::Waiting(load);
            self.set_timer(Timer::Load(resource), wait);
            return;
        }
        load.attempt += 1;
        if load.page == Page::First {
            self.data[resource].stream.read_begins();
        }
        let query = own
            .paging
            .as_ref()
            .map(|paging| paging::query(paging, &load.page))
            .unwrap_or_default();
        let overlaps = load.cause == Cause::Poll && self.quirks.has(Quirk::OverlappingPolls);
        let bindings = self.bindings_for_read();
        let operation = self.conditional(resource, &own.operation);
        let operation = self.under_condition(resource, &load.page, operation);
        self.note_page(&load.page);
        self.send(&operation, &query, &bindings, Purpose::Load(load));
        self.data[resource].progress = Progress::Flying;
        if overlaps {
            self.send_stray_poll(resource);
        }
    }

    /// The wait for a further attempt is over.
    pub(super) fn load_timer(&mut self, resource: usize) {
        match std::mem::take(&mut self.data[resource].progress) {
            Progress::Waiting(load) if self.flowing => self.begin(load),
            Progress::Later(load) if self.flowing => {
                self.begin(Load { attempt: 0, ..load });
            }
            other => self.data[resource].progress = other,
        }
    }

    /// A load was answered, or not.
    pub(super) fn load_replied(&mut self, load: Load, tokens: u64, reply: &Reply) {
        let contract = Arc::clone(&self.contract);
        let resource = load.resource;
        let held = self.still_good(resource, reply);
        let reply = held.as_ref().unwrap_or(reply);
        self.data[resource].progress = Progress::Idle;
        self.heed_retry_after(&contract.resources[resource].operation.service, reply);
        if let Reply::Answer(answer) = reply
            && contract
                .kill_switch
                .as_ref()
                .is_some_and(|switch| switch.data_refusal == Some(answer.status))
        {
            self.suspect_maintenance();
            self.try_again(load);
            return;
        }
        if self.quirks.has(Quirk::FollowsRedirects) {
            self.follow_redirect(&contract.resources[resource].operation, reply);
        }
        match reply.meaning() {
            Meaning::Data(body) => match reply {
                Reply::Answer(answer) => self.data_arrived(load, answer, body),
                Reply::Lost => {}
            },
            Meaning::Unauthorized => self.load_unauthorized(load, tokens),
            Meaning::Forbidden => self.load_forbidden(&load),
            Meaning::Trouble => self.try_again(load),
            Meaning::Unreadable => self.unreadable(load),
            Meaning::Rejected => {
                self.unexpected("a read that the backend rejects");
                self.give_up(load, false);
            }
        }
    }

    fn data_arrived(&mut self, load: Load, answer: &Answer, mut body: Value) {
        let contract = Arc::clone(&self.contract);
        let resource = &contract.resources[load.resource];
        if !merge::has_shape(resource, &body) {
            self.unreadable(load);
            return;
        }
        let clears = self.quirks.has(Quirk::BadRecordClearsList);
        if merge::set_aside(resource, &mut body, clears) > 0 {
            self.unexpected("records of an answer that cannot be used");
        }
        self.clear_notice_of(notice::DATA_UNREADABLE);
        self.clear_notice_of(notice::DATA_REFUSED);
        let index = load.resource;
        self.data[index].refused_at = None;
        self.note_entity_tag(index, answer);
        self.hold(index, &load.page, answer);
        match load.page {
            Page::First => self.first_page(index, answer, body),
            Page::Later(_) => self.later_page(index, answer, &body),
        }
        if load.cause == Cause::Poll {
            self.poll_succeeded();
        }
        self.snapshot_settled(index, true);
        if std::mem::take(&mut self.data[index].again) {
            self.want(index, Cause::Snapshot);
        } else {
            self.walk_on(index);
        }
    }

    fn unreadable(&mut self, load: Load) {
        if self.quirks.has(Quirk::BelievesPages) {
            self.tell_shown(load.resource, DataSource::Request);
        }
        if self.quirks.has(Quirk::UnreadableIsEmpty) {
            self.show_nothing(load.resource, DataSource::Request);
        }
        self.notice(notice::DATA_UNREADABLE);
        self.unexpected("an answer that cannot be read");
        self.give_up(load, true);
    }

    /// Gives up all loads; what is on its way is cancelled and can never be applied.
    pub(super) fn stop_loads(&mut self) {
        if !self.quirks.has(Quirk::AppliesLateAnswers) {
            self.cancel_all(|purpose| matches!(purpose, Purpose::Load(_)));
        }
        for resource in 0..self.data.len() {
            let state = &mut self.data[resource];
            state.progress = Progress::Idle;
            state.again = false;
            state.pages.walking = false;
            self.clear_timer(Timer::Load(resource));
            self.clear_timer(Timer::Refetch(resource));
        }
    }

    /// Drops everything that belongs to the user.
    pub(super) fn forget_data(&mut self) {
        if !self.quirks.has(Quirk::ShowsPreviousUser) {
            self.view.shown.clear();
        }
        for state in &mut self.data {
            *state = ResourceState::default();
        }
    }

    /// The place of a resource in the contract.
    pub(super) fn resource_named(&self, name: &str) -> Option<usize> {
        self.contract
            .resources
            .iter()
            .position(|resource| resource.name == name)
    }
}
