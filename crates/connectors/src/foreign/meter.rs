//! The meter of a running mapping: how much it may do on one record.
//!
//! Steps are counted, not time, so a record that is too much is too much on every machine. Every value that passes
//! from one filter to the next costs a step; every value that is built, and every value that a function or an operator
//! works on, costs as many as it has parts. What a step costs in time is bounded, so the whole is.
//!
//! When the steps are used up the program is halted, which a program cannot catch.

use std::cell::Cell;

use jaq_core::{DataT, Exn, Lut, data::HasLut};
use jaq_json::{Num, Val};

/// Steps that a mapping may take on one record.
pub const STEPS: u64 = 1_000_000;
/// Deepest nesting of a value.
pub(super) const DEEPEST: usize = 128;
/// Bytes of text that cost one step.
const BYTES_PER_STEP: usize = 32;
/// Largest whole number, in bits; a product of larger ones takes too long.
const MOST_BITS: u64 = 2_048;

/// The kind of data that mappings work on.
pub(super) struct Metered;

/// What a running program can reach beside its input: its own code, and the meter.
#[derive(Clone, Copy)]
pub(super) struct Run<'a> {
    pub lut: &'a Lut<Metered>,
    pub left: &'a Cell<u64>,
}

impl DataT for Metered {
    type V<'a> = Val;
    type Data<'a> = Run<'a>;
}

impl<'a> HasLut<'a, Metered> for Run<'a> {
    fn lut(&self) -> &'a Lut<Metered> {
        self.lut
    }
}

impl Run<'_> {
    /// Takes steps off the meter.
    pub fn charge(&self, steps: u64) -> Result<(), Exn<'static, Val>> {
        match self.left.get().checked_sub(steps) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => Err(self.halt()),
        }
    }

    /// Charges for one value that passes.
    pub fn pass(&self, value: &Val) -> Result<(), Exn<'static, Val>> {
        self.charge(match value {
            Val::Arr(items) => 1 + parts(items.len()) / 16,
            Val::Obj(fields) => 1 + parts(fields.len()) / 16,
            _ => 1,
        })
    }

    /// Charges for every part of a value, and refuses what is nested too deep.
    pub fn weigh(&self, value: &Val) -> Result<(), Exn<'static, Val>> {
        self.weigh_at(value, 0)
    }

    fn weigh_at(&self, value: &Val, depth: usize) -> Result<(), Exn<'static, Val>> {
        if depth > DEEPEST {
            return Err(self.halt());
        }
        match value {
            Val::Null | Val::Bool(_) => self.charge(1),
            Val::Num(Num::BigInt(number)) if number.bits() > MOST_BITS => Err(self.halt()),
            Val::Num(Num::Dec(text)) => self.charge(1 + parts(text.len() / BYTES_PER_STEP)),
            Val::Num(_) => self.charge(1),
            Val::BStr(text) | Val::TStr(text) => self.charge(1 + parts(text.len() / BYTES_PER_STEP)),
            Val::Arr(items) => {
                self.charge(1)?;
                items.iter().try_for_each(|item| self.weigh_at(item, depth + 1))
            }
            Val::Obj(fields) => {
                self.charge(1)?;
                fields.iter().try_for_each(|(key, item)| {
                    self.weigh_at(key, depth + 1)?;
                    self.weigh_at(item, depth + 1)
                })
            }
        }
    }

    /// Ends the program; nothing in it can catch this.
    fn halt(&self) -> Exn<'static, Val> {
        self.left.set(0);
        Exn::halt(1)
    }
}

fn parts(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
