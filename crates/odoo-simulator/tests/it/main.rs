//! The simulator seen from outside: over its socket, from foreign clients, and through its handle.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests fail loudly")]

mod access;
mod activities;
mod calendar;
mod client;
mod crm;
mod deletion;
mod faults;
mod foreign_clients;
mod history;
mod late_commits;
mod listing;
mod login;
mod merging;
mod program;
mod recordings;
mod sales;
mod seed;
mod strategies;
mod transport;
mod values;
mod write_date;
