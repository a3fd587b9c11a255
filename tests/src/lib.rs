//! Harness for tests on real servers.
//!
//! Servers are started by the tests themselves, on free ports and in folders of their own, so that suites run side
//! by side. Binaries come from the environment; a test without its server fails and says which variable to set.

pub mod load;
pub mod mongo;
pub mod nats;
pub mod organisation;
pub mod platform;
mod signals;
