//! The two streams of the process, and how wide and colourful they may be.

use std::io::{self, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};

use super::arguments::Colour;
use crate::suite::Rendering;

/// Decides for the whole process whether colours are used.
pub(super) fn choose(colour: Colour) {
    match colour {
        // The stream itself asks NO_COLOR, CLICOLOR_FORCE and whether it is a terminal.
        Colour::Auto => ColorChoice::Auto,
        Colour::Always => ColorChoice::Always,
        Colour::Never => ColorChoice::Never,
    }
    .write_global();
}

/// Where results go.
pub(super) fn out() -> AutoStream<io::Stdout> {
    anstream::stdout()
}

/// Tells somebody who is at the terminal; nothing can be done when nobody listens.
pub(super) fn tell(message: &str) {
    let _ = anstream::stderr().write_all(message.as_bytes());
}

/// How diagnostics look where `tell` writes.
pub(super) fn rendering() -> Rendering {
    match AutoStream::choice(&io::stderr()) {
        ColorChoice::Always | ColorChoice::AlwaysAnsi => Rendering::Colour,
        _ if io::stderr().is_terminal() => Rendering::Monochrome,
        _ => Rendering::Plain,
    }
}

/// The columns of the terminal; a wide one when there is none, so that logs are not broken.
pub(super) fn width() -> usize {
    match terminal_size::terminal_size() {
        Some((columns, _)) => usize::from(columns.0),
        None => 100,
    }
}
