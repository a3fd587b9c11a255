//! The domain of SalesCommand: what a raw event, a facet, a golden record, an amount of money, a KPI and a
//! scope *are*, and the rules between them.
//!
//! Invariants: no I/O, no async, no clock, no randomness. Time, identifiers and exchange rates come in as
//! parameters, so every function here gives the same answer for the same arguments on any machine.

pub mod access;
pub mod audit;
pub mod canonical;
pub mod generation;
pub mod iso_4217;
pub mod kpi;
pub mod money;
pub mod pace;
pub mod raw;
pub mod schedule;
pub mod serving;
mod tagged;

pub use jiff::{Timestamp, civil::Date};
