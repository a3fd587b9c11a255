//! A stack of its own for a suite: free ports, an empty state folder, servers of its own even where the environment names some.

use super::{Count, Outcome, Suite};
use crate::ports::Ports;
use crate::progress;
use crate::secrets::Secrets;
use crate::servers::{Kind, Origin};
use crate::stack::Stack;
use crate::stack::services::Plan;
use crate::state::StateFolder;
use anyhow::Result;
use std::fs;

/// What a suite's stack is started from; its state lies in the folder `name` beside the report.
pub fn plan(suite: &Suite<'_>, name: &str) -> Result<Plan> {
    let workspace = &suite.context.workspace;
    let nats = Origin::Program(Kind::Nats.ensure_program()?);
    let mongo = Origin::Program(Kind::Mongo.ensure_program()?);
    let binaries = suite.binaries()?.clone();
    let state = StateFolder::at(workspace.report().join(name));
    let _ = fs::remove_dir_all(state.root());
    state.create("")?;
    let secrets = Secrets::load_or_create(&state.path("secrets.json"))?;
    let (root, ports, settings) = (workspace.root.clone(), Ports::free()?, Vec::new());
    Ok(Plan { root, state, ports, secrets, nats, mongo, binaries, settings })
}

/// Runs tests against the stack of a plan, and keeps its logs and data only if one fails.
pub fn with(plan: &Plan, tests: impl FnOnce() -> Result<Count>) -> Result<Outcome> {
    let stack = Stack::start(plan)?;
    let count = tests();
    drop(stack);
    let count = count?;
    if count.failed == 0 {
        let _ = fs::remove_dir_all(plan.state.root());
    } else {
        progress::note(&format!("the servers' logs and data are kept in {}", plan.state.root().display()));
    }
    Ok(Outcome::Ran(count))
}
