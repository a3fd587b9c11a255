//! Edits: what a person put into fields of an opportunity in SalesCommand, over what the sources say.
//!
//! An edit is a facet of its own, so it has versions, can be withdrawn and is replayed like any source record. Each
//! field carries when and by whom it was edited; a field that is not there is not edited, an edited field without a
//! value was cleared.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use super::{Amount, FacetId, Status};

/// One edited field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Edited<T> {
    /// The new value; none clears the field.
    pub value: Option<T>,
    /// When it was edited.
    pub at: Timestamp,
    /// The facet of the person who did.
    pub by: FacetId,
}

/// When a field was edited, and by whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EditMark {
    /// When.
    pub at: Timestamp,
    /// The facet of the person.
    pub by: FacetId,
}

impl<T> Edited<T> {
    fn mark(&self) -> EditMark {
        EditMark { at: self.at, by: self.by }
    }
}

/// The edited fields of an opportunity.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct OpportunityEdit {
    /// Title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Edited<String>>,
    /// Stage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<Edited<FacetId>>,
    /// Status, whatever the stage says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Edited<Status>>,
    /// Expected revenue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<Edited<Amount>>,
    /// Probability of winning, in parts per million.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probability_ppm: Option<Edited<u32>>,
    /// Owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<Edited<FacetId>>,
    /// Expected close date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub close_date: Option<Edited<Date>>,
}

impl OpportunityEdit {
    /// When and by whom a field was edited; none if it was not.
    pub fn mark(&self, field: &str) -> Option<EditMark> {
        match field {
            "name" => self.name.as_ref().map(Edited::mark),
            "stage" => self.stage.as_ref().map(Edited::mark),
            "status" => self.status.as_ref().map(Edited::mark),
            "amount" => self.amount.as_ref().map(Edited::mark),
            "probability_ppm" => self.probability_ppm.as_ref().map(Edited::mark),
            "owner" => self.owner.as_ref().map(Edited::mark),
            "close_date" => self.close_date.as_ref().map(Edited::mark),
            _ => None,
        }
    }

    /// The names of the edited fields, in the order of the documentation.
    pub fn fields(&self) -> Vec<&'static str> {
        let all = ["name", "stage", "status", "amount", "probability_ppm", "owner", "close_date"];
        all.into_iter().filter(|field| self.mark(field).is_some()).collect()
    }
}
