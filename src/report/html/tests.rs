//! The page of a run, and what must hold of it.
