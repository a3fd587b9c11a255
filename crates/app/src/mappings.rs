//! Mappings of foreign instances.

use salescommand_connectors::foreign;
use salescommand_normalizer::Mapping;

/// Compiles a mapping's program for the normalizer.
pub fn compile(program: &str) -> Result<Mapping, String> {
    foreign::compile(program).map_err(|error| error.to_string())
}
