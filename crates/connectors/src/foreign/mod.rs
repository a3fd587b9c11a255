//! Foreign instances: producers in any language, whose records a **mapping** turns into facets.
//!
//! A mapping is a `jq` program. It is given one raw event and says one of our own words about it, or nothing:
//! [`Words`], with its JSON Schema in `schemas/mapping-output.json`. The program is data, kept in the log of `config`;
//! this room compiles it, runs it, and checks what it says.
//!
//! Invariants: the same program and the same event give the same answer on any machine (no clock, no environment, no
//! files, no chance can be reached); every program ends, because it can neither call itself nor do more than
//! [`STEPS`] steps on one record; whatever it does, it rejects at most the record it was given.

mod facet;
mod meter;
mod natives;
mod program;
mod rewrite;
mod said;
mod value;
mod words;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use salescommand_domain::canonical::{Mapped, Rejection};
use salescommand_domain::raw::Envelope;

pub use meter::STEPS;
pub use program::MappingError;
pub use words::Words;

/// The version of the engine: raised when the same program would say something else, because its language, its
/// limits or the meaning of [`Words`] have changed.
pub const ENGINE_VERSION: u32 = 1;

/// A compiled mapping.
pub type CompiledMapping = Arc<dyn Fn(&Envelope) -> Result<Option<Mapped>, Rejection> + Send + Sync>;

/// Compiles a mapping. The program is refused if it is no `jq`, uses what is not there, or calls itself.
pub fn compile(program: &str) -> Result<CompiledMapping, MappingError> {
    let program = program::Program::compile(program)?;
    Ok(Arc::new(move |envelope| match program.run(envelope)? {
        Some(said) => said::read(said)?.into_mapped(envelope).map(Some),
        None => Ok(None),
    }))
}
