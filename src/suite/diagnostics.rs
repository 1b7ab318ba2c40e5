//! Everything that is wrong with one file, gathered while it is read.

use std::cell::RefCell;
use std::sync::Arc;

use super::node::Span;
use super::problem::{Problem, Problems};
use super::source::Source;
use super::trace::Trace;

/// One file that is being read, with what is wrong in it so far.
#[derive(Debug)]
pub(crate) struct Diagnostics {
    source: Arc<Source>,
    /// Texts that are read as parts of it, in the order in which they were taken in.
    inclusions: RefCell<Vec<Inclusion>>,
    problems: RefCell<Vec<(Span, Problem)>>,
    /// What readers take at each place, where somebody wants to know.
    trace: Option<Trace>,
}

/// A text that is read as a part of the file. Its bytes are counted on from the end of whatever was
/// taken in before, once for each use, so that a span alone says in which text it lies, and by which
/// step that text was used.
#[derive(Debug)]
struct Inclusion {
    base: usize,
    source: Arc<Source>,
    used_at: Span,
}

impl Diagnostics {
    pub(crate) fn new(source: &Arc<Source>) -> Self {
        Self {
            source: Arc::clone(source),
            inclusions: RefCell::default(),
            problems: RefCell::default(),
            trace: None,
        }
    }

    /// One that also writes down what readers take at each place.
    pub(crate) fn tracing(source: &Arc<Source>) -> Self {
        Self {
            trace: Some(Trace::default()),
            ..Self::new(source)
        }
    }

    /// What readers took at each place, where that was written down.
    pub(crate) fn trace(&self) -> Option<&Trace> {
        self.trace.as_ref()
    }

    /// The file that is read.
    pub(crate) fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// Takes in a text that is used at a place, and says from where on its bytes are counted.
    pub(crate) fn include(&self, source: &Arc<Source>, used_at: Span) -> usize {
        let mut inclusions = self.inclusions.borrow_mut();
        let (start, last) = inclusions
            .last()
            .map_or((0, &self.source), |own| (own.base, &own.source));
        // One more, so that the end of one text is not the beginning of the next.
        let base = start + last.text().len() + 1;
        inclusions.push(Inclusion {
            base,
            source: Arc::clone(source),
            used_at,
        });
        base
    }

    /// The texts in which a span lies: its own first, then those that use it, each with the place there.
    fn places(&self, span: &Span) -> Vec<(Arc<Source>, Span)> {
        let inclusions = self.inclusions.borrow();
        let mut places = Vec::new();
        let mut span = span.clone();
        while let Some(own) = inclusions.iter().rfind(|own| own.base <= span.start) {
            let inside = span.start - own.base..span.end.max(span.start) - own.base;
            places.push((Arc::clone(&own.source), inside));
            span = own.used_at.clone();
        }
        places.push((Arc::clone(&self.source), span));
        places
    }

    /// Where something begins, in words: `line 4`, or `line 2 of flows/enter.yaml, used in line 4`.
    pub(crate) fn line(&self, span: &Span) -> String {
        let places = self.places(span);
        let lines = places.iter().enumerate().map(|(at, (source, span))| {
            let (line, _) = source.line_and_column(span.start);
            let used = if at == 0 { "" } else { ", used in " };
            if at + 1 == places.len() {
                format!("{used}line {line}")
            } else {
                format!("{used}line {line} of {}", source.name())
            }
        });
        lines.collect()
    }

    /// Notes a problem at `span`.
    pub(crate) fn note(&self, span: &Span, problem: Problem) {
        let mut places = self.places(span).into_iter();
        let problem = match places.next() {
            Some((source, inside)) => problem.at(&source, inside),
            None => problem,
        };
        let problem = places.fold(problem, |problem, (source, inside)| {
            problem.used_at(&source, inside)
        });
        self.problems.borrow_mut().push((span.clone(), problem));
    }

    /// Notes what is wrong with another file, without which the value at `span` cannot be read.
    pub(crate) fn adopt(&self, span: &Span, others: &Problems) {
        let mut problems = self.problems.borrow_mut();
        problems.extend(others.all().iter().map(|own| (span.clone(), own.clone())));
    }

    /// Everything noted, in the order of the file, each once.
    pub(crate) fn into_problems(self) -> Problems {
        let mut noted = self.problems.into_inner();
        noted.sort_by_key(|(span, _)| span.start);
        let mut problems = Problems::default();
        for (_, problem) in noted {
            problems.push(problem);
        }
        problems.each_once()
    }
}
