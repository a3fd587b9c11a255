//! The simulator over a real socket: its answers against Microsoft's published schema, and its manners.

// Everything here is test code; saying so lets helpers unwrap as tests do.
#[cfg(test)]
mod client;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod foreign_client;
#[cfg(test)]
mod manners;
