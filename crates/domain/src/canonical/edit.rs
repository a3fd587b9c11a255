//! Edits: what a person put into fields of an opportunity in SalesCommand, over what the sources say.
//!
//! An edit is a facet of its own, so it has versions, can be withdrawn and is replayed like any source record. Each
//! field carries when and by whom it was edited; a field that is not there is not edited, an edited field without a
//! value was cleared.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Amount, CurrencySource, FacetId, SourceRef, Status};
use crate::iso_4217;
use crate::money::Currency;
use crate::raw::{InstanceName, ObjectName};

/// Namespace of the keys of deals that were asked for under a key of their author's.
const REQUEST_NAMESPACE: Uuid = Uuid::from_u128(0x3b6d_50a2_9c1f_5e0e_8f27_61d8_0b4a_9ce3);
/// Longest name of a deal, in characters.
const LONGEST_NAME: usize = 500;

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

    /// Whether the same fields are edited to the same values, whenever and by whom.
    pub fn says_the_same(&self, other: &Self) -> bool {
        fn same<T: PartialEq>(one: &Option<Edited<T>>, other: &Option<Edited<T>>) -> bool {
            one.as_ref().map(|edited| &edited.value) == other.as_ref().map(|edited| &edited.value)
        }
        same(&self.name, &other.name)
            && same(&self.stage, &other.stage)
            && same(&self.status, &other.status)
            && same(&self.amount, &other.amount)
            && same(&self.probability_ppm, &other.probability_ppm)
            && same(&self.owner, &other.owner)
            && same(&self.close_date, &other.close_date)
    }

    /// The names of the edited fields, in the order of the documentation.
    pub fn fields(&self) -> Vec<&'static str> {
        let all = ["name", "stage", "status", "amount", "probability_ppm", "owner", "close_date"];
        all.into_iter().filter(|field| self.mark(field).is_some()).collect()
    }
}

/// A record of the instance `crm`, object `opportunity`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CrmOpportunity {
    /// The edit of a facet. Its key is the facet's id, so a facet has one.
    Edit(FacetId),
    /// A deal made in SalesCommand.
    Deal(Uuid),
}

impl CrmOpportunity {
    /// The object within the instance.
    pub const OBJECT: &'static str = "opportunity";

    /// Which one a key names; none if it names none. Facet ids are UUIDs of version 5, own deals of any other.
    pub fn of_key(key: &str) -> Option<Self> {
        let id = Uuid::parse_str(key).ok()?;
        Some(if id.get_version_num() == 5 { Self::Edit(FacetId(id)) } else { Self::Deal(id) })
    }

    /// The deal that an author asks for under a key of their own: the same one, however often they ask. Its key is a UUID of
    /// version 8, derived from both, since those of version 5 are facets' ids.
    pub fn asked_for(author: &str, key: &str) -> Self {
        let derived = Uuid::new_v5(&REQUEST_NAMESPACE, format!("{author}\u{0}{key}").as_bytes());
        Self::Deal(
            uuid::Builder::from_bytes(*derived.as_bytes()).with_version(uuid::Version::Custom).into_uuid(),
        )
    }

    /// Which one a source record is; none if it is no record of `crm`.
    pub fn of(source: &SourceRef) -> Option<Self> {
        let own = source.instance == InstanceName::crm() && source.object.as_str() == Self::OBJECT;
        own.then(|| Self::of_key(&source.key)).flatten()
    }

    /// The record.
    pub fn source(self) -> SourceRef {
        let key = match self {
            Self::Edit(facet) => facet.to_string(),
            Self::Deal(id) => id.to_string(),
        };
        SourceRef { instance: InstanceName::crm(), object: ObjectName::own(Self::OBJECT), key }
    }
}

/// What is wrong with an edited field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldProblem {
    /// Which field.
    pub field: &'static str,
    /// What is wrong, and what to do.
    pub problem: String,
}

impl OpportunityEdit {
    /// What cannot be true of any deal. The writer asks before it publishes, the mapper before it believes.
    pub fn problems(&self) -> Vec<FieldProblem> {
        let found = [
            ("name", self.name.as_ref().and_then(|edited| name_problem(edited.value.as_deref()))),
            (
                "status",
                self.status.as_ref().and_then(|edited| {
                    edited
                        .value
                        .is_none()
                        .then(|| "a deal always has a status; give the field back instead".to_owned())
                }),
            ),
            ("amount", self.amount.as_ref().and_then(|edited| amount_problem(edited.value.as_ref()?))),
            (
                "probability_ppm",
                self.probability_ppm.as_ref().and_then(|edited| {
                    let too_much = edited.value? > 1_000_000;
                    too_much.then(|| "expected parts per million, 0 to 1000000".to_owned())
                }),
            ),
            (
                "close_date",
                self.close_date.as_ref().and_then(|edited| {
                    let usual = (1900..2200).contains(&edited.value?.year());
                    (!usual).then(|| "expected a day between 1900 and 2199".to_owned())
                }),
            ),
        ];
        let some =
            found.into_iter().filter_map(|(field, problem)| Some(FieldProblem { field, problem: problem? }));
        some.collect()
    }
}

fn name_problem(name: Option<&str>) -> Option<String> {
    match name.map(|name| (name.trim() == name, name.chars().count())) {
        Some((true, 1..=LONGEST_NAME)) => None,
        Some((false, _)) => Some("has white space around it".to_owned()),
        Some(_) => Some(format!("expected 1 to {LONGEST_NAME} characters")),
        None => Some("a deal always has a name; give the field back instead".to_owned()),
    }
}

fn amount_problem(amount: &Amount) -> Option<String> {
    let Some(CurrencySource::Iso(code, exponent)) = amount.currency else {
        return Some("names no currency".to_owned());
    };
    if iso_4217::exponent(&code.to_string()) != Some(exponent) {
        return Some(format!("{code} is no currency of ISO 4217 in circulation"));
    }
    Currency { code, exponent }.money(amount.value).err().map(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::CurrencyCode;

    fn edited<T>(value: Option<T>) -> Option<Edited<T>> {
        Some(Edited { value, at: Timestamp::UNIX_EPOCH, by: FacetId(Uuid::nil()) })
    }

    fn amount(value: i128, code: &str, exponent: u8) -> Option<Edited<Amount>> {
        let currency = Some(CurrencySource::Iso(CurrencyCode::new(code).unwrap(), exponent));
        edited(Some(Amount { value: rust_decimal::Decimal::from_i128_with_scale(value, 0), currency }))
    }

    #[test]
    fn a_key_tells_an_edit_from_a_deal() {
        let deal = CrmOpportunity::Deal(Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0001));
        let edit = CrmOpportunity::Edit(deal.source().facet_id());
        for record in [deal, edit] {
            assert_eq!(CrmOpportunity::of(&record.source()), Some(record));
        }
        let elsewhere = SourceRef { instance: InstanceName::config(), ..edit.source() };
        assert_eq!(CrmOpportunity::of(&elsewhere), None);
        assert_eq!(CrmOpportunity::of_key("17"), None);
    }

    #[test]
    fn names_each_field_that_cannot_be() {
        let good = OpportunityEdit {
            name: edited(Some("Deal".to_owned())),
            amount: amount(1_200, "EUR", 2),
            probability_ppm: edited(Some(1_000_000)),
            close_date: edited(None),
            stage: edited(None),
            ..OpportunityEdit::default()
        };
        assert_eq!(good.problems(), []);
        let bad = OpportunityEdit {
            name: edited(None),
            status: edited(None),
            amount: amount(1, "XXX", 2),
            probability_ppm: edited(Some(1_000_001)),
            close_date: edited(Some(Date::constant(1, 1, 1))),
            ..OpportunityEdit::default()
        };
        let fields: Vec<_> = bad.problems().into_iter().map(|problem| problem.field).collect();
        assert_eq!(fields, ["name", "status", "amount", "probability_ppm", "close_date"]);
        for amount in [amount(1, "EUR", 3), amount(i128::from(i64::MAX), "EUR", 2)] {
            assert_eq!(OpportunityEdit { amount, ..OpportunityEdit::default() }.problems().len(), 1);
        }
        for name in ["", " Deal", &"x".repeat(501)] {
            let edit = OpportunityEdit { name: edited(Some(name.to_owned())), ..OpportunityEdit::default() };
            assert_eq!(edit.problems().len(), 1, "{name:?}");
        }
    }
}
