//! Why nothing could be played or judged.

use std::fmt;

use crate::run::{Unjudgeable, Unplayable, Unselected};
use crate::suite::{Problems, Rendering};

/// Why nothing could be played or judged: the files, the selection or the target. That an app or a
/// backend does not conform is no error: a [`Report`](crate::Report) says so.
///
/// It shows everything that is wrong at once, with its place and what to do about it, also where a test
/// ends by `unwrap`.
#[derive(Clone, PartialEq, Eq)]
pub struct Error(String);

impl Error {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.0.trim_end())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A test that ends by `unwrap` shows this, and quoted lines would be hard to read.
        write!(out, "\n{self}")
    }
}

impl std::error::Error for Error {}

impl From<Problems> for Error {
    fn from(problems: Problems) -> Self {
        Self(problems.render(Rendering::Plain))
    }
}

impl From<Unselected> for Error {
    fn from(why: Unselected) -> Self {
        Self(why.to_string())
    }
}

impl From<Unplayable> for Error {
    fn from(why: Unplayable) -> Self {
        Self(why.to_string())
    }
}

impl From<Unjudgeable> for Error {
    fn from(why: Unjudgeable) -> Self {
        Self(why.to_string())
    }
}
