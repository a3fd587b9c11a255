//! The chain: each entry holds its position and the digest of the bytes of the entry before.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Draft, FORMAT};

/// SHA-256, written as 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Hash([u8; 32]);

impl Hash {
    /// What the first entry has in the place of a digest.
    pub const NONE: Self = Self([0; 32]);

    /// Digest of bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl From<Hash> for String {
    fn from(hash: Hash) -> Self {
        hash.to_string()
    }
}

impl TryFrom<String> for Hash {
    type Error = NotAHead;

    fn try_from(text: String) -> Result<Self, NotAHead> {
        text.parse()
    }
}

impl FromStr for Hash {
    type Err = NotAHead;

    fn from_str(text: &str) -> Result<Self, NotAHead> {
        let legal = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let mut bytes = [0; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            let pair = legal.then(|| &text[2 * index..2 * index + 2]);
            *byte = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()).ok_or(NotAHead)?;
        }
        Ok(Self(bytes))
    }
}

/// Text that is no head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a head is POSITION:HASH, with the 64 hexadecimal digits of a SHA-256")]
pub struct NotAHead;

/// The newest entry of a chain: its position, and the digest of its bytes. Whoever has noted it can tell later whether
/// anything up to it has been changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The position; 0 of an empty chain.
    pub position: u64,
    /// The digest.
    pub hash: Hash,
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.position, self.hash)
    }
}

impl FromStr for Head {
    type Err = NotAHead;

    fn from_str(text: &str) -> Result<Self, NotAHead> {
        let (position, hash) = text.trim().split_once(':').ok_or(NotAHead)?;
        let digits = !position.is_empty() && position.bytes().all(|byte| byte.is_ascii_digit());
        let position = digits.then(|| position.parse().ok()).flatten().ok_or(NotAHead)?;
        Ok(Self { position, hash: hash.parse()? })
    }
}

/// An entry as its bytes are made: its place, what it says, and what ties it to the one before.
#[derive(Serialize)]
struct Written<'a> {
    format: u32,
    position: u64,
    #[serde(flatten)]
    draft: &'a Draft,
    previous: Hash,
}

impl Head {
    /// Of a chain without entries.
    pub const EMPTY: Self = Self { position: 0, hash: Hash::NONE };

    /// The bytes of the next entry, and the head that it makes.
    pub fn append(&self, draft: &Draft) -> Result<(Vec<u8>, Self), serde_json::Error> {
        let position = self.position + 1;
        let bytes = serde_json::to_vec(&Written { format: FORMAT, position, draft, previous: self.hash })?;
        let head = Self { position, hash: Hash::of(&bytes) };
        Ok((bytes, head))
    }
}

/// What of an entry ties it to its place.
#[derive(Deserialize)]
struct Tie {
    position: u64,
    previous: Hash,
}

/// Where a chain is broken, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Break {
    /// The position that is not what it must be.
    pub position: u64,
    /// How.
    pub kind: BreakKind,
}

/// How a chain is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BreakKind {
    /// Entries from here on to before this position are missing.
    Missing {
        /// The next one that is there; 0 if there is none.
        next: u64,
    },
    /// What stands here is no entry.
    Unreadable,
    /// The entry that stands here says that it belongs elsewhere.
    Misplaced {
        /// Where it says that it belongs.
        says: u64,
    },
    /// This entry is not the one that the next one was tied to: one of the two was changed or put there.
    Changed,
    /// This entry is not the one of which the digest was kept.
    NotAsKept,
}

impl BreakKind {
    /// A stable word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "missing",
            Self::Unreadable => "unreadable",
            Self::Misplaced { .. } => "misplaced",
            Self::Changed => "changed",
            Self::NotAsKept => "not_as_kept",
        }
    }
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.position;
        match &self.kind {
            BreakKind::Missing { next: 0 } => write!(f, "the entries from {at} on are missing"),
            BreakKind::Missing { next } if *next == at + 1 => write!(f, "entry {at} is missing"),
            BreakKind::Missing { next } => write!(f, "the entries {at} to {} are missing", next - 1),
            BreakKind::Unreadable => write!(f, "what stands at {at} is no entry of an audit log"),
            BreakKind::Misplaced { says } => {
                write!(f, "the entry at {at} says that it is number {says}: the order was forged")
            }
            BreakKind::Changed => {
                write!(f, "entry {at} was changed, or the one behind it was: they do not belong together")
            }
            BreakKind::NotAsKept => write!(f, "entry {at} is not the one whose digest was kept"),
        }
    }
}

/// A walk along a chain, entry by entry.
#[derive(Debug, Clone)]
pub struct Walk {
    head: Head,
}

impl Walk {
    /// Behind an entry that is what it must be.
    pub fn behind(head: Head) -> Self {
        Self { head }
    }

    /// Where the walk is.
    pub fn head(&self) -> Head {
        self.head
    }

    /// The entry of which a head was kept; the walk goes on behind it.
    pub fn begin_at(kept: Head, sequence: u64, bytes: &[u8]) -> Result<Self, Break> {
        if sequence != kept.position {
            return Err(Break {
                position: kept.position,
                kind: BreakKind::Missing { next: sequence.max(kept.position + 1) },
            });
        }
        if Hash::of(bytes) != kept.hash {
            return Err(Break { position: kept.position, kind: BreakKind::NotAsKept });
        }
        Ok(Self::behind(kept))
    }

    /// The next entry: what stands at a place of the stream.
    pub fn step(&mut self, sequence: u64, bytes: &[u8]) -> Result<(), Break> {
        let position = self.head.position + 1;
        if sequence != position {
            return Err(Break { position, kind: BreakKind::Missing { next: sequence } });
        }
        let tie: Tie =
            serde_json::from_slice(bytes).map_err(|_| Break { position, kind: BreakKind::Unreadable })?;
        if tie.position != position {
            return Err(Break { position, kind: BreakKind::Misplaced { says: tie.position } });
        }
        if tie.previous != self.head.hash {
            let position = position.saturating_sub(1).max(1);
            return Err(Break { position, kind: BreakKind::Changed });
        }
        self.head = Head { position, hash: Hash::of(bytes) };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::audit::{Action, Actor, Entry, Target};

    /// A chain of so many entries, and its head.
    fn chain(length: usize) -> (Vec<Vec<u8>>, Head) {
        let mut head = Head::EMPTY;
        let entries = (0..length).map(|number| {
            let action = Action::ALL[number % Action::ALL.len()];
            let mut draft = Draft::new(Actor::Account(format!("a{number}")), action);
            draft.id = format!("entry-{number}");
            draft.target = (number % 3 == 0).then(|| Target::source("odoo"));
            let (bytes, next) = head.append(&draft).unwrap();
            head = next;
            bytes
        });
        let entries = entries.collect();
        (entries, head)
    }

    /// Walks along what stands at the places from 1 on, to a head that somebody has kept.
    fn check(entries: &[Vec<u8>], kept: Head) -> Result<(), Break> {
        let mut walk = Walk::behind(Head::EMPTY);
        for (sequence, bytes) in (1..).zip(entries) {
            walk.step(sequence, bytes)?;
            if sequence == kept.position {
                Walk::begin_at(kept, sequence, bytes)?;
            }
        }
        match walk.head().position < kept.position {
            true => Err(Break { position: walk.head().position + 1, kind: BreakKind::Missing { next: 0 } }),
            false => Ok(()),
        }
    }

    #[test]
    fn a_chain_is_whole_and_its_entries_are_read() {
        let (entries, head) = chain(9);
        assert_eq!(check(&entries, head), Ok(()));
        assert_eq!(head.to_string().parse(), Ok(head));
        for (position, bytes) in (1..).zip(&entries) {
            let entry: Entry = serde_json::from_slice(bytes).unwrap();
            assert_eq!((entry.format, entry.position, entry.outcome.as_str()), (FORMAT, position, "done"));
        }
        assert_eq!(Walk::behind(Head::EMPTY).head().to_string(), format!("0:{}", "0".repeat(64)));
        let long = format!("1:{}", "0".repeat(65));
        for wrong in ["", "7", "7:", "x:00", "7:zz", "+7:00", long.as_str()] {
            assert_eq!(wrong.parse::<Head>(), Err(NotAHead), "{wrong}");
        }
    }

    #[test]
    fn a_break_says_where_and_what() {
        let (entries, head) = chain(6);
        let broken = |change: &dyn Fn(&mut Vec<Vec<u8>>)| {
            let mut changed = entries.clone();
            change(&mut changed);
            check(&changed, head).unwrap_err()
        };
        let named =
            |bytes: &[u8]| String::from_utf8_lossy(bytes).replace("\"done\"", "\"refused\"").into_bytes();
        let changed = broken(&|all| all[2] = named(&all[2]));
        assert_eq!(changed, Break { position: 3, kind: BreakKind::Changed });
        let last = broken(&|all| all[5] = named(&all[5]));
        assert_eq!(last, Break { position: 6, kind: BreakKind::NotAsKept });
        let missing = broken(&|all| drop(all.remove(2)));
        assert_eq!(missing, Break { position: 3, kind: BreakKind::Misplaced { says: 4 } });
        let cut = broken(&|all| all.truncate(4));
        assert_eq!(cut, Break { position: 5, kind: BreakKind::Missing { next: 0 } });
        let gap = Walk::behind(Head::EMPTY).step(3, &entries[2]).unwrap_err();
        assert_eq!(gap.to_string(), "the entries 1 to 2 are missing");
        let garbage = broken(&|all| all[0] = b"{}".to_vec());
        assert_eq!(garbage, Break { position: 1, kind: BreakKind::Unreadable });
    }

    #[derive(Debug, Clone)]
    enum Meddling {
        Byte { entry: usize, at: usize, by: u8 },
        Swap { one: usize, other: usize },
        Omit(usize),
        Repeat(usize),
    }

    fn meddling(length: usize) -> impl Strategy<Value = Meddling> {
        prop_oneof![
            (0..length, any::<usize>(), 1..=255_u8).prop_map(|(entry, at, by)| Meddling::Byte {
                entry,
                at,
                by
            }),
            (0..length, 1..length)
                .prop_map(move |(one, by)| Meddling::Swap { one, other: (one + by) % length }),
            (0..length).prop_map(Meddling::Omit),
            (0..length).prop_map(Meddling::Repeat),
        ]
    }

    proptest! {
        #[test]
        fn any_single_change_of_bytes_order_or_number_is_found(
            (length, meddling) in (2..12_usize).prop_flat_map(|length| (Just(length), meddling(length))),
        ) {
            let (mut entries, head) = chain(length);
            match meddling {
                Meddling::Byte { entry, at, by } => {
                    let at = at % entries[entry].len();
                    entries[entry][at] = entries[entry][at].wrapping_add(by);
                }
                Meddling::Swap { one, other } => entries.swap(one, other),
                Meddling::Omit(entry) => drop(entries.remove(entry)),
                Meddling::Repeat(entry) => entries.insert(entry, entries[entry].clone()),
            }
            prop_assert!(check(&entries, head).is_err());
        }
    }
}
