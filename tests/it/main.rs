//! Tests on real servers.

mod architecture;
mod convergence;
mod eventlog;
mod store;
