//! Everything that is wrong with one file, gathered while it is read.

use std::cell::RefCell;
use std::sync::Arc;

use super::node::Span;
use super::problem::{Problem, Problems};
use super::source::Source;

/// One file that is being read, with what is wrong in it so far.
#[derive(Debug)]
pub(crate) struct Diagnostics {
    source: Arc<Source>,
    problems: RefCell<Vec<(Span, Problem)>>,
}

impl Diagnostics {
    pub(crate) fn new(source: &Arc<Source>) -> Self {
        Self {
            source: Arc::clone(source),
            problems: RefCell::new(Vec::new()),
        }
    }

    pub(crate) fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// Notes a problem at `span`.
    pub(crate) fn note(&self, span: &Span, problem: Problem) {
        let problem = problem.at(&self.source, span.clone());
        self.problems.borrow_mut().push((span.clone(), problem));
    }

    /// Everything noted, in the order of the file, each once.
    pub(crate) fn into_problems(self) -> Problems {
        let mut noted = self.problems.into_inner();
        noted.sort_by_key(|(span, _)| span.start);
        let mut problems = Problems::default();
        for (_, problem) in noted {
            if problems.all().last() != Some(&problem) {
                problems.push(problem);
            }
        }
        problems
    }
}
