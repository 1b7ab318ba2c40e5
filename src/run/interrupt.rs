//! How a run is asked to stop before its end.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// A handle that stops a run: running scenarios end their step, put the world back (`finally`) and
/// report what they have. Cheap to clone.
#[derive(Clone, Default)]
pub struct Interrupt(Arc<State>);

#[derive(Default)]
struct State {
    triggered: AtomicBool,
    notify: Notify,
    parent: Option<Interrupt>,
    told: Mutex<Vec<Box<dyn Fn() + Send>>>,
}

impl fmt::Debug for Interrupt {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Interrupt")
            .field(&self.is_triggered())
            .finish()
    }
}

impl Interrupt {
    /// A handle on a run that nobody has stopped.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A handle that is also triggered by this one, and can be triggered alone.
    pub(crate) fn child(&self) -> Self {
        Self(Arc::new(State {
            parent: Some(self.clone()),
            ..State::default()
        }))
    }

    /// Asks the run to stop. Asking again changes nothing.
    pub fn trigger(&self) {
        if self.0.triggered.swap(true, Ordering::SeqCst) {
            return;
        }
        self.0.notify.notify_waiters();
        let told = self.0.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.iter().for_each(|tell| tell());
    }

    /// Lets threads that wait for something else know, too: `tell` is called when this handle is
    /// triggered, at once if it already is.
    pub(crate) fn on_trigger(&self, tell: impl Fn() + Send + 'static) {
        let mut told = self.0.told.lock().unwrap_or_else(PoisonError::into_inner);
        if self.0.triggered.load(Ordering::SeqCst) {
            tell();
        } else {
            told.push(Box::new(tell));
        }
    }

    /// Whether the run was asked to stop.
    #[must_use]
    pub fn is_triggered(&self) -> bool {
        self.0.triggered.load(Ordering::SeqCst)
            || self.0.parent.as_ref().is_some_and(Self::is_triggered)
    }

    /// Completes when the run is asked to stop.
    pub(crate) async fn triggered(&self) {
        loop {
            let own = self.0.notify.notified();
            let parent = self
                .0
                .parent
                .as_ref()
                .map(|parent| parent.0.notify.notified());
            if self.is_triggered() {
                return;
            }
            match parent {
                Some(parent) => tokio::select! { () = own => {}, () = parent => {} },
                None => own.await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[test]
    fn everybody_is_told_once_whether_they_asked_before_or_after() {
        let (interrupt, calls) = (Interrupt::new(), Arc::new(AtomicUsize::new(0)));
        let ask = || {
            let calls = Arc::clone(&calls);
            interrupt.on_trigger(move || {
                calls.fetch_add(1, Ordering::SeqCst);
            });
        };
        ask();
        assert_eq!(calls.load(Ordering::SeqCst), 0);
        interrupt.trigger();
        interrupt.trigger();
        assert_eq!(calls.load(Ordering::SeqCst), 1);
        ask();
        assert_eq!(calls.load(Ordering::SeqCst), 2);
    }
}
