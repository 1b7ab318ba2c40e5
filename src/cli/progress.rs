//! What is played right now, told while it is: lines that move on a terminal, and one line now and then
//! where there is none.

use std::io::{self, IsTerminal};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::console;
use crate::report::text::clip;
use crate::run::{Board, Doing};

/// How often something is said where lines stay.
const SELDOM: Duration = Duration::from_secs(10);
/// How often lines that move are drawn.
const OFTEN: Duration = Duration::from_millis(250);

/// Tells until it is dropped.
pub(super) struct Progress {
    bars: Option<MultiProgress>,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// Nothing is told: in virtual time a scenario is over before anybody could read it.
    pub(super) fn none() -> Self {
        Self {
            bars: None,
            stop: None,
            thread: None,
        }
    }

    /// Tells of what stands on this board.
    pub(super) fn of(board: Board) -> Self {
        let bars = io::stderr().is_terminal().then(MultiProgress::new);
        let (stop, stopped) = mpsc::channel();
        let shown = bars.clone();
        let tell = move || {
            let mut lines: Vec<ProgressBar> = Vec::new();
            let pause = if shown.is_some() { OFTEN } else { SELDOM };
            while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                let all = board.now();
                match &shown {
                    Some(bars) => draw(bars, &mut lines, &all),
                    None => all.iter().for_each(|own| console::tell(&plain(own))),
                }
            }
            lines.iter().for_each(ProgressBar::finish_and_clear);
        };
        let thread = thread::Builder::new().name("progress".to_owned());
        Self {
            bars,
            stop: Some(stop),
            // Where there is no thread for it, nothing is told.
            thread: thread.spawn(tell).ok(),
        }
    }

    /// Writes something else meanwhile.
    pub(super) fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.bars {
            Some(bars) => bars.suspend(write),
            None => write(),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // One that has panicked has told enough.
            let _ = thread.join();
        }
    }
}

/// One line for each scenario that is played.
fn draw(bars: &MultiProgress, lines: &mut Vec<ProgressBar>, all: &[Doing]) {
    while lines.len() < all.len() {
        let line = bars.add(ProgressBar::new_spinner());
        if let Ok(style) = ProgressStyle::with_template("  {spinner} {wide_msg}") {
            line.set_style(style);
        }
        lines.push(line);
    }
    for line in lines.drain(all.len()..) {
        line.finish_and_clear();
    }
    for (line, own) in lines.iter().zip(all) {
        line.set_message(said(own));
        line.tick();
    }
}

fn plain(own: &Doing) -> String {
    format!("… {}\n", said(own))
}

/// What a scenario is at, in a line.
fn said(own: &Doing) -> String {
    let verb = if own.waits { "waits for" } else { "does" };
    let step = clip(&own.step, 100);
    let (id, place, lasts) = (&own.scenario, &own.place, own.lasts().as_secs());
    format!("{id} · {place} · {verb} {step} · for {lasts} s")
}
