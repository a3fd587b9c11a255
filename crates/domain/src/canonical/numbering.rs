//! Which numbers of a canonical stream count.
//!
//! An event gets its number in the transaction that makes it, and is published under that number afterwards. So an
//! event with a higher number than the database knows was made by a database that is no more: it was replaced by an
//! older backup. The normalizer declares such numbers void once and for all and goes on behind them; what they said
//! it makes again from raw. Until it has, projections wait.
//!
//! Invariant: void ranges do not overlap, and the last number given is never inside one that is declared later.

use serde::{Deserialize, Serialize};

/// Numbers whose events do not count: those above `after`, up to `last`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoidRange {
    /// The last number before the range.
    pub after: i64,
    /// The last number of the range.
    pub last: i64,
}

/// What the database knows of its canonical stream; part of the normalizer's position.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numbering {
    /// The last number given.
    pub outbox: i64,
    /// Numbers that do not count, in order; one range per restored backup.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub void: Vec<VoidRange>,
}

/// What a reader does with an event of the canonical stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is of this database's making.
    Counts,
    /// It is of a database that is no more.
    Void,
    /// This database has not given the number yet: it waits until the normalizer has.
    Ahead,
}

impl Numbering {
    /// What an event with this number is.
    pub fn standing(&self, number: i64) -> Standing {
        if number > self.outbox {
            return Standing::Ahead;
        }
        let void = self.void.iter().any(|range| range.after < number && number <= range.last);
        if void { Standing::Void } else { Standing::Counts }
    }

    /// Goes on behind the end of the stream, if that is ahead; tells whether it was.
    pub fn skip_to(&mut self, end: i64) -> bool {
        if end <= self.outbox {
            return false;
        }
        match self.void.last_mut() {
            // Nothing has been numbered since the last restored backup.
            Some(range) if range.last == self.outbox => range.last = end,
            _ => self.void.push(VoidRange { after: self.outbox, last: end }),
        }
        self.outbox = end;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_future_is_void_and_the_numbers_go_on_behind_it() {
        let mut numbering = Numbering { outbox: 10, void: Vec::new() };
        assert_eq!(numbering.standing(10), Standing::Counts);
        assert_eq!(numbering.standing(11), Standing::Ahead);
        assert!(!numbering.skip_to(10), "the stream ends where the database does");
        assert!(numbering.skip_to(15));
        assert_eq!(numbering.standing(10), Standing::Counts);
        assert_eq!(numbering.standing(11), Standing::Void);
        assert_eq!(numbering.standing(15), Standing::Void);
        assert_eq!(numbering.standing(16), Standing::Ahead);
    }

    #[test]
    fn several_restored_backups_each_leave_a_range() {
        let mut numbering = Numbering { outbox: 10, void: Vec::new() };
        numbering.skip_to(15);
        numbering.skip_to(20);
        assert_eq!(numbering.void, [VoidRange { after: 10, last: 20 }]);
        numbering.outbox = 22;
        numbering.skip_to(30);
        assert_eq!(numbering.void, [VoidRange { after: 10, last: 20 }, VoidRange { after: 22, last: 30 }]);
        assert_eq!(numbering.standing(21), Standing::Counts);
        assert_eq!(numbering.standing(23), Standing::Void);
    }
}
