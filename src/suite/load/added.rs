//! What a suite is given that does not stand in its files: a scenario from code, a world as data.

use std::sync::Arc;

use serde_json::Value;

use super::{Beside, Depth, Problems, Source, Suite, scenario_of, world, world_of};
use crate::suite::cursor::Cursor;
use crate::suite::diagnostics::Diagnostics;
use crate::suite::node::Node;
use crate::suite::problem::Problem;

impl Suite {
    /// Adds a scenario that is written in code, after those that are there. Its steps may name this code
    /// by `check`, each a place in the list.
    ///
    /// # Errors
    /// Everything that is wrong with it, also that another one has its id.
    pub fn add(&mut self, id: &str, source: &Arc<Source>, code: &[String]) -> Result<(), Problems> {
        if let Some(other) = self.scenarios.iter().find(|own| own.id == id) {
            let message = format!("there are two scenarios `{id}`: {} has it", other.file);
            return Err(Problem::new(message).hint("give one another id").into());
        }
        let beside = Beside {
            contract: Some(&self.contract),
            world: self.world.as_deref(),
            book: Some(&self.runbook),
            flows: &self.flows,
            code,
        };
        let mut scenario = scenario_of(source, beside)?;
        id.clone_into(&mut scenario.id);
        self.scenarios.push(Arc::new(scenario));
        Ok(())
    }

    /// Takes a world in the place of the one that is there.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn replace_world(&mut self, source: &Arc<Source>) -> Result<(), Problems> {
        let world = world_of(source, &self.contract, Depth::Thorough)?;
        self.world = Some(Arc::new(world));
        Ok(())
    }

    /// Takes a world that is data and stands in no file. What is wrong with it has no place but its names.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn replace_world_by(&mut self, value: &Value) -> Result<(), Problems> {
        let diagnostics = Diagnostics::new(&Source::new("the world", ""));
        let node = Node::from_json(value);
        let root = Cursor::root(&diagnostics, &node);
        let read = world::read(&root, &self.contract, Depth::Thorough);
        let world = diagnostics.into_problems().or(read)?;
        self.world = Some(Arc::new(world));
        Ok(())
    }
}
