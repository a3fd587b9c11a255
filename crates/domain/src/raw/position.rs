//! Positions in the raw zone.
//!
//! A position is (instance, epoch, sequence) everywhere; a consumer of several logs stands at a vector of them.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

use super::InstanceName;

/// A place in one instance's log. Epochs follow each other, so the order is (epoch, sequence).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Position {
    /// Which stream of the chain; the first is 1.
    pub epoch: u32,
    /// The sequence in that stream; the first is 1, and 0 stands before it.
    pub sequence: u64,
}

impl Position {
    /// Before the first event of the first epoch.
    pub const START: Self = Self { epoch: 1, sequence: 0 };
}

/// A place in the raw zone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
#[serde(from = "FlatPosition")]
#[schemars(!from)]
pub struct RawPosition {
    /// Whose log.
    #[schemars(with = "String")]
    pub instance: InstanceName,
    /// Where in it.
    #[schemars(flatten)]
    pub position: Position,
}

/// As it is written: three fields. What serde derives for flattened fields keeps them all before it reads or writes
/// them, and every record has several positions.
#[derive(Deserialize)]
struct FlatPosition {
    instance: InstanceName,
    epoch: u32,
    sequence: u64,
}

impl From<FlatPosition> for RawPosition {
    fn from(FlatPosition { instance, epoch, sequence }: FlatPosition) -> Self {
        Self { instance, position: Position { epoch, sequence } }
    }
}

impl Serialize for RawPosition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("RawPosition", 3)?;
        fields.serialize_field("instance", &self.instance)?;
        fields.serialize_field("epoch", &self.position.epoch)?;
        fields.serialize_field("sequence", &self.position.sequence)?;
        fields.end()
    }
}

/// `<instance>/<epoch>/<sequence>`, as in the ids of rejects and in definitions.
impl fmt::Display for RawPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.instance, self.position.epoch, self.position.sequence)
    }
}

impl std::str::FromStr for RawPosition {
    type Err = PositionError;

    fn from_str(text: &str) -> Result<Self, PositionError> {
        let parsed = || {
            let mut parts = text.split('/');
            let instance = InstanceName::new(parts.next()?).ok()?;
            let epoch = number(parts.next()?)?;
            let sequence = number(parts.next()?)?;
            parts.next().is_none().then_some(Self { instance, position: Position { epoch, sequence } })
        };
        parsed().ok_or_else(|| PositionError(text.to_owned()))
    }
}

/// A number as it is written by us: digits, and no zero before them.
fn number<N: std::str::FromStr + fmt::Display>(text: &str) -> Option<N> {
    text.parse::<N>().ok().filter(|number| number.to_string() == text)
}

/// A text that is no raw position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no raw position, <instance>/<epoch>/<sequence>")]
pub struct PositionError(String);

/// Where a consumer of all raw logs stands: for each instance, the last event that is in.
pub type Vector = BTreeMap<InstanceName, Position>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_reads_what_it_writes_and_nothing_else() {
        let position: RawPosition = "odoo-eu/2/17".parse().unwrap();
        assert_eq!((position.position.epoch, position.position.sequence), (2, 17));
        assert_eq!(position.to_string(), "odoo-eu/2/17");
        for wrong in ["", "odoo", "odoo/1", "odoo/1/2/3", "odoo/01/2", "odoo/1/+2", "Odoo/1/2"] {
            assert!(wrong.parse::<RawPosition>().is_err(), "{wrong:?}");
        }
    }
}
