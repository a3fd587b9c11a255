//! The body of a change: which fields are set, cleared or given back, and what is wrong with them.
//!
//! All that is wrong is told at once, each by its field. What a field may be is the domain's to say
//! ([`OpportunityEdit::problems`]); here is added what only the reader's view knows: stages, people, scope.

use jiff::Timestamp;
use salescommand_domain::access::{ScopeKey, ScopeKind};
use salescommand_domain::canonical::{
    Amount, CurrencySource, Edited, FacetId, Golden, OpportunityEdit, Status,
};
use salescommand_domain::iso_4217;
use salescommand_domain::money::CurrencyCode;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::shown::status_of;
use crate::error::{ApiError, FieldError};
use crate::viewer::Viewer;

/// The fields that can be written.
const FIELDS: [&str; 7] = ["name", "stage", "status", "amount", "probability_ppm", "owner", "close_date"];

/// An amount to be set.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "describes a body that is read field by field, so that every error names its field"
)]
pub struct AmountGiven {
    /// Decimal text, such as `1200.50`: a text, so that no digit is lost.
    pub value: String,
    /// ISO 4217 code.
    pub currency: String,
}

/// Fields to be set; `null` clears one.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "describes a body that is read field by field, so that every error names its field"
)]
pub struct OpportunityFields {
    /// Title; cannot be cleared.
    pub name: Option<String>,
    /// Stage, by the id that a deal's `stage` shows; of the same source as the deal.
    pub stage: Option<String>,
    /// `open`, `won`, `lost`, `archived`, whatever the stage says; cannot be cleared.
    #[schema(pattern = "^(open|won|lost|archived)$")]
    pub status: Option<String>,
    /// Expected revenue.
    pub amount: Option<AmountGiven>,
    /// Probability of winning, in parts per million.
    #[schema(format = Int64, minimum = 0, maximum = 1_000_000)]
    pub probability_ppm: Option<u32>,
    /// Owner: the id of a person within one's scope.
    pub owner: Option<String>,
    /// Expected close date, `YYYY-MM-DD`.
    pub close_date: Option<String>,
}

/// A change of an opportunity.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "describes a body that is read field by field, so that every error names its field"
)]
pub struct OpportunityChange {
    /// Fields to be set; `null` clears one. They win over the sources until they are given back.
    #[schema(required = false)]
    pub set: OpportunityFields,
    /// Fields that follow the sources again.
    #[schema(required = false)]
    pub give_back: Vec<String>,
}

/// Who changes something, and when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Author {
    pub(super) by: FacetId,
    pub(super) at: Timestamp,
}

/// A change that has been read.
#[derive(Debug)]
pub(super) struct Change {
    set: OpportunityEdit,
    give_back: Vec<String>,
}

impl Change {
    /// Reads the body of a change.
    pub(super) fn read(body: &Value, author: Author) -> Result<Self, ApiError> {
        let Some(body) = body.as_object() else {
            return Err(ApiError::malformed_body("Expected an object with set and give_back."));
        };
        let mut reader = Reader { author, errors: Vec::new() };
        for unknown in body.keys().filter(|key| !["set", "give_back"].contains(&key.as_str())) {
            reader.wrong::<()>(unknown, "there is no such field; known: set, give_back");
        }
        let set = match body.get("set") {
            None => OpportunityEdit::default(),
            Some(Value::Object(set)) => reader.fields(set, "set."),
            Some(_) => reader.wrong("set", "expected an object").unwrap_or_default(),
        };
        let give_back = reader.give_back(body.get("give_back"), &set);
        if reader.errors.is_empty() && set.fields().is_empty() && give_back.is_empty() {
            reader.wrong::<()>("set", "nothing is to be changed");
        }
        reader.finish(Self { set, give_back })
    }

    /// Reads the body of a new deal: its fields, without `set`.
    pub(super) fn read_new(body: &Value, author: Author) -> Result<OpportunityEdit, ApiError> {
        let Some(body) = body.as_object() else {
            return Err(ApiError::malformed_body("Expected an object with the fields of the deal."));
        };
        let mut reader = Reader { author, errors: Vec::new() };
        let mut fields = reader.fields(body, "");
        if !body.contains_key("name") {
            reader.wrong::<()>("name", "a deal needs a name");
        }
        if !body.contains_key("owner") {
            fields.owner = Some(reader.edited(Some(author.by)));
        }
        reader.finish(fields)
    }

    /// The edited fields after the change; none if nothing is left of the edit.
    pub(super) fn applied(self, before: OpportunityEdit) -> Option<OpportunityEdit> {
        let Self { set, give_back } = self;
        let keep = |field: &str| !give_back.iter().any(|given| given == field);
        let after = OpportunityEdit {
            name: set.name.or(before.name.filter(|_| keep("name"))),
            stage: set.stage.or(before.stage.filter(|_| keep("stage"))),
            status: set.status.or(before.status.filter(|_| keep("status"))),
            amount: set.amount.or(before.amount.filter(|_| keep("amount"))),
            probability_ppm: set
                .probability_ppm
                .or(before.probability_ppm.filter(|_| keep("probability_ppm"))),
            owner: set.owner.or(before.owner.filter(|_| keep("owner"))),
            close_date: set.close_date.or(before.close_date.filter(|_| keep("close_date"))),
        };
        (!after.fields().is_empty()).then_some(after)
    }

    /// What the change sets.
    pub(super) fn set(&self) -> &OpportunityEdit {
        &self.set
    }
}

/// Checks what only the reader's view knows: stages and people. `golden` is the deal that is changed; none for a new
/// one.
pub(super) fn check(
    fields: &OpportunityEdit,
    golden: Option<&Golden>,
    viewer: &Viewer,
    prefix: &str,
) -> Result<(), ApiError> {
    let mut errors = Vec::new();
    let mut wrong = |field: &str, detail: &str| {
        errors.push(FieldError { field: format!("{prefix}{field}"), detail: detail.to_owned() });
    };
    if let Some(stage) = fields.stage.as_ref().and_then(|stage| stage.value) {
        match (viewer.directory.stage(stage), golden) {
            (None, _) => wrong("stage", "there is no such stage"),
            (Some(known), Some(golden))
                if !golden.facets.iter().any(|f| f.source.instance == known.source) =>
            {
                wrong("stage", "belongs to another source than the deal");
            }
            _ => {}
        }
    }
    if let Some(owner) = &fields.owner {
        match owner.value {
            None if viewer.scope.kind() != ScopeKind::All => {
                wrong("owner", "a deal without an owner would leave your scope; name somebody");
            }
            Some(owner) if viewer.directory.tree.person_of(owner).is_none() => {
                wrong("owner", "there is no such person");
            }
            Some(owner) if !viewer.scope.allows(&ScopeKey::owner(owner)) => {
                wrong("owner", "is outside your scope; name yourself or somebody who reports to you");
            }
            _ => {}
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(ApiError::invalid_fields(errors)) }
}

/// Reads fields, and gathers what is wrong.
struct Reader {
    author: Author,
    errors: Vec<FieldError>,
}

impl Reader {
    fn wrong<T>(&mut self, field: &str, detail: impl Into<String>) -> Option<T> {
        self.errors.push(FieldError { field: field.to_owned(), detail: detail.into() });
        None
    }

    fn finish<T>(self, read: T) -> Result<T, ApiError> {
        if self.errors.is_empty() { Ok(read) } else { Err(ApiError::invalid_fields(self.errors)) }
    }

    fn edited<T>(&self, value: Option<T>) -> Edited<T> {
        Edited { value, at: self.author.at, by: self.author.by }
    }

    fn fields(&mut self, given: &Map<String, Value>, prefix: &str) -> OpportunityEdit {
        for unknown in given.keys().filter(|key| !FIELDS.contains(&key.as_str())) {
            let known = FIELDS.join(", ");
            self.wrong::<()>(
                &format!("{prefix}{unknown}"),
                format!("there is no such field; known: {known}"),
            );
        }
        let edit = OpportunityEdit {
            name: self.field(
                given,
                prefix,
                "name",
                |v| v.as_str().map(|name| name.trim().to_owned()),
                "a text",
            ),
            stage: self.field(given, prefix, "stage", id, "the id of a stage"),
            status: self.field(given, prefix, "status", status, "open, won, lost or archived"),
            amount: self.field(given, prefix, "amount", amount, AMOUNT),
            probability_ppm: self.field(
                given,
                prefix,
                "probability_ppm",
                parts,
                "parts per million, 0 to 1000000",
            ),
            owner: self.field(given, prefix, "owner", id, "the id of a person"),
            close_date: self.field(
                given,
                prefix,
                "close_date",
                |v| v.as_str()?.parse().ok(),
                "a day, YYYY-MM-DD",
            ),
        };
        for problem in edit.problems() {
            self.wrong::<()>(&format!("{prefix}{}", problem.field), problem.problem);
        }
        edit
    }

    fn field<T>(
        &mut self,
        given: &Map<String, Value>,
        prefix: &str,
        field: &str,
        read: impl Fn(&Value) -> Option<T>,
        expected: &str,
    ) -> Option<Edited<T>> {
        match given.get(field)? {
            Value::Null => Some(self.edited(None)),
            value => match read(value) {
                Some(value) => Some(self.edited(Some(value))),
                None => self.wrong(&format!("{prefix}{field}"), format!("expected {expected}")),
            },
        }
    }

    fn give_back(&mut self, given: Option<&Value>, set: &OpportunityEdit) -> Vec<String> {
        let Some(given) = given else { return Vec::new() };
        let names: Option<Vec<String>> = given
            .as_array()
            .and_then(|names| names.iter().map(|name| name.as_str().map(str::to_owned)).collect());
        let Some(names) = names else {
            return self.wrong("give_back", "expected a list of names of fields").unwrap_or_default();
        };
        for name in &names {
            if !FIELDS.contains(&name.as_str()) {
                self.wrong::<()>("give_back", format!("there is no field {name:?}"));
            } else if set.mark(name).is_some() {
                self.wrong::<()>("give_back", format!("{name} cannot be set and given back at once"));
            }
        }
        names
    }
}

const AMOUNT: &str = "{value: decimal text, currency: ISO 4217 code of a currency in circulation}";

fn id(value: &Value) -> Option<FacetId> {
    value.as_str()?.parse().ok()
}

fn status(value: &Value) -> Option<Status> {
    status_of(value.as_str()?)
}

fn parts(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|parts| u32::try_from(parts).ok())
}

fn amount(value: &Value) -> Option<Amount> {
    let fields = value.as_object().filter(|fields| fields.len() == 2)?;
    let value = fields.get("value")?.as_str()?.parse().ok()?;
    let code = fields.get("currency")?.as_str()?;
    let currency = CurrencySource::Iso(CurrencyCode::new(code).ok()?, iso_4217::exponent(code)?);
    Some(Amount { value, currency: Some(currency) })
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn author() -> Author {
        Author { by: FacetId(Uuid::from_u128(1)), at: Timestamp::UNIX_EPOCH }
    }

    fn fields(given: Value) -> OpportunityEdit {
        Change::read(&json!({ "set": given }), author()).unwrap().set
    }

    #[test]
    fn sets_clears_and_gives_back() {
        let before = fields(
            json!({ "name": " Deal ", "amount": {"value": "1.50", "currency": "EUR"}, "probability_ppm": 5 }),
        );
        assert_eq!(before.name.as_ref().unwrap().value.as_deref(), Some("Deal"));
        let change = json!({ "set": { "amount": null, "status": "lost" }, "give_back": ["name"] });
        let after = Change::read(&change, author()).unwrap().applied(before.clone()).unwrap();
        assert_eq!(after.fields(), ["status", "amount", "probability_ppm"]);
        assert_eq!(after.amount.unwrap().value, None);
        let all = json!({ "give_back": ["name", "amount", "probability_ppm"] });
        assert_eq!(Change::read(&all, author()).unwrap().applied(before), None, "nothing is left");
    }

    #[test]
    fn a_new_deal_is_its_makers() {
        let made = Change::read_new(&json!({ "name": "Deal" }), author()).unwrap();
        assert_eq!(made.owner.unwrap().value, Some(author().by));
        assert!(Change::read_new(&json!({}), author()).is_err());
        assert!(Change::read_new(&json!([]), author()).is_err());
    }
}
