//! What must hold whenever an event has been handled, and once everything has settled.

use super::*;

impl World {
    /// What must hold of a request as it is sent.
    pub(super) fn check_sent(&self, flight: &Flight) -> Outcome {
        let session = self.session;
        let owner = flight.owner;
        let of_whom = || format!("{} for {owner:?} during {session:?}", flight.role);
        match &flight.role {
            Role::Resource(_) | Role::Refresh => {
                ensure(owner.is_some(), "SESSION-14", of_whom)?;
                ensure(owner == session, "SESSION-11", of_whom)?;
            }
            Role::SignIn => ensure(session.is_none(), "SESSION-14", of_whom)?,
            _ => {}
        }
        let rule = match &flight.role {
            Role::Refresh => "SESSION-4",
            Role::Resource(_) => "SYNC-4",
            _ => "bounded",
        };
        let is_alone =
            flight.role == Role::SignOut || self.flights.iter().all(|own| own.role != flight.role);
        ensure(is_alone, rule, || format!("two at once: {}", of_whom()))
    }

    /// What must hold whenever an event has been handled.
    pub(super) fn check(&mut self) -> Outcome {
        let session = self.session;
        let shown_to = self.app.view().session.as_ref().map(|own| &*own.username);
        ensure(shown_to == session.map(Owner::name), "SESSION-7", || {
            format!("{shown_to:?} is signed in, and {session:?} should be")
        })?;
        ensure(self.timers.len() <= 16, "bounded", || {
            "too many timers".into()
        })?;
        for flight in &self.flights {
            let is_free = matches!(flight.role, Role::SignIn | Role::SignOut | Role::Status);
            ensure(is_free || flight.owner == session, "NET-11", || {
                format!("{} of {:?} is not given up", flight.role, flight.owner)
            })?;
        }
        let Some(owner) = session else {
            self.marks = Marks::default();
            ensure(self.app.view().shown.is_empty(), "TENANT-6", || {
                "data is shown to nobody".into()
            })?;
            ensure(self.wire.is_none(), "SYNC-10", || {
                "a socket without a session".into()
            })?;
            return ensure(
                self.storage.is_none() || self.is_reading,
                "SESSION-11",
                || "a session that is over is stored".into(),
            );
        };
        let is_own = self.wire.as_ref().is_none_or(|wire| wire.owner == owner);
        ensure(is_own, "SYNC-10", || "the socket of another session".into())?;
        self.check_positions(owner)?;
        self.check_account(owner)?;
        self.check_trades(owner)
    }

    fn check_positions(&mut self, owner: Owner) -> Outcome {
        let Some(shown) = self.app.view().shown.get("positions") else {
            self.marks.positions = None;
            return Ok(());
        };
        let whose = shown.value["items"][0]["owner"].as_str();
        ensure(whose == Some(owner.name()), "TENANT-6", || {
            format!("{owner:?} sees the positions of {whose:?}")
        })?;
        let number = shown.sequence.unwrap_or_default();
        let last = self.marks.positions.replace(number);
        ensure(last.is_none_or(|last| last <= number), "SYNC-6", || {
            format!("what is shown goes back from {last:?} to {number}")
        })?;
        let is_true = truth::is_positions(&shown.value, owner.user, number);
        ensure(is_true, "SYNC-6", || {
            format!("positions were never so at {number}: {}", shown.value)
        })
    }

    fn check_account(&mut self, owner: Owner) -> Outcome {
        let Some(shown) = self.app.view().shown.get("account") else {
            self.marks.account = None;
            return Ok(());
        };
        ensure(shown.value["owner"] == owner.name(), "TENANT-6", || {
            format!("{owner:?} sees the account of somebody else")
        })?;
        let number = shown.value["n"].as_i64();
        let last = std::mem::replace(&mut self.marks.account, number);
        ensure(last <= number, "SYNC-6", || {
            format!("what is shown goes back from {last:?} to {number:?}")
        })
    }

    /// The newest trades come first, without holes and none twice.
    fn check_trades(&self, owner: Owner) -> Outcome {
        let Some(shown) = self.app.view().shown.get("trades") else {
            return Ok(());
        };
        let items = shown.value["items"].as_array().unwrap();
        let is_own = items.iter().all(|item| item["owner"] == owner.name());
        ensure(is_own, "TENANT-6", || {
            format!("{owner:?} sees the trades of somebody else")
        })?;
        let ids: Vec<i64> = items
            .iter()
            .filter_map(|item| item["id"].as_i64())
            .collect();
        ensure(
            ids.windows(2).all(|two| two[0] == two[1] + 1),
            "SYNC-12",
            || format!("trades with holes or twice: {ids:?}"),
        )
    }

    /// Ends all trouble, and compares what is shown with what is true.
    pub(super) fn settle(&mut self) -> Outcome {
        self.truth.maintenance = false;
        self.step(Step::StorageRead(Storage::Whole))?;
        for step in [
            Step::Network(false),
            Step::Network(true),
            Step::User(Act::Background),
            Step::User(Act::Foreground),
        ] {
            self.step(step)?;
        }
        self.live(seconds(2))?;
        self.step(ANEW)?;
        // Longer than any wait that the backend or the app itself has asked for.
        self.live(seconds(75))?;
        if self.session.is_none() {
            self.step(Step::User(Act::SignIn(0)))?;
            self.live(seconds(5))?;
        }
        let Some(owner) = self.session else {
            return ensure(false, "SESSION-7", || "nobody can sign in any more".into());
        };
        self.step(ANEW)?;
        self.live(seconds(5))?;
        self.step(Step::Changes(2))?;
        while self
            .wire
            .as_ref()
            .is_some_and(|wire| wire.connected && !wire.queue.is_empty())
        {
            self.step(Step::Deliver(Packet::Next))?;
        }
        self.live(seconds(8))?;
        self.what_is_live_is_true(owner.user)?;
        for act in [
            Act::OpenOverview,
            Act::Refresh,
            Act::OpenHistory,
            Act::Refresh,
        ] {
            self.step(Step::User(act))?;
            self.live(seconds(2))?;
        }
        self.what_is_shown_is_true(owner.user)
    }

    fn what_is_live_is_true(&self, user: usize) -> Outcome {
        let truth = self.truth.holdings[user];
        if self.wire.as_ref().is_some_and(|wire| wire.connected) {
            let shown = self.app.view().shown.get("positions");
            let number = shown.and_then(|shown| shown.sequence);
            ensure(number == Some(truth.positions), "SYNC-6", || {
                format!("live: {number:?} is shown, and {} is true", truth.positions)
            })?;
            ensure(self.app.view().feed == FeedState::Live, "SYNC-5", || {
                format!("the feed is {:?} at the end", self.app.view().feed)
            })?;
        }
        Ok(())
    }

    fn what_is_shown_is_true(&self, user: usize) -> Outcome {
        let truth = self.truth.holdings[user];
        let view = self.app.view();
        let ends = |name: &str, pointer: &str| {
            let shown = view.shown.get(name)?;
            shown.value.pointer(pointer)?.as_i64()
        };
        let number = view.shown.get("positions").and_then(|shown| shown.sequence);
        let shown = (number, ends("account", "/n"), ends("trades", "/items/0/id"));
        let truth = (
            Some(truth.positions),
            Some(truth.account),
            Some(truth.trades),
        );
        ensure(shown == truth, "SYNC-6", || {
            format!("at the end {shown:?} is shown, and {truth:?} is true")
        })
    }
}
