//! Tests on real servers.

mod architecture;
mod convergence;
mod dashboard;
mod eventlog;
mod faults;
mod ingest;
mod oracle;
mod store;
