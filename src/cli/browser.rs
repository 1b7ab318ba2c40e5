//! The browser of whoever sits at the machine.

use super::console;

/// Has a page opened in it. Where there is none that is said, and everything goes on.
pub(super) fn open(url: &str) {
    if let Err(error) = open::that_detached(url) {
        console::tell(&format!(
            "no browser could be opened ({error}); the console is at {url}\n"
        ));
    }
}
