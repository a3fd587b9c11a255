//! Delegations: for some days, somebody lets a colleague see what they see, as for a holiday.
//!
//! They are operational state and no events: a delegation changes no document, nothing is computed from one, and a
//! replay or a verification gives the same whoever is on holiday. Kept here, one holds from the next request on, and ends
//! with it when it is withdrawn. What is delegated is never handed on: see
//! [`scope_with`](salescommand_domain::access::OrgTree::scope_with).

use std::fmt;
use std::sync::Arc;

use bson::Bson;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use salescommand_domain::audit::Details;
use salescommand_domain::canonical::FacetId;
use salescommand_store::{Condition, Error as StoreError, OPS_DELEGATIONS, Ops, Query};
use serde::{Deserialize, Serialize};

use crate::accounts::AccountSummary;
use crate::clock::Clock;
use crate::document;
use crate::ids::Ids;

/// Delegations of one person that are not over.
const MOST: usize = 20;
/// Days for which one that is over is kept. It is read by nobody; a note may say of somebody that they are ill.
const KEPT: i64 = 30;
/// Longest note, in characters.
const LONGEST_NOTE: usize = 500;

/// For some days, somebody lets somebody else see what they see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delegation {
    /// Its id.
    #[serde(rename = "_id")]
    pub id: String,
    /// The account of whoever delegates.
    pub from: String,
    /// The record by which that account is a person.
    pub delegator: FacetId,
    /// The account of whoever sees more for it.
    pub to: String,
    /// The record by which that account is a person.
    pub delegate: FacetId,
    /// The first day, in the reporting calendar.
    pub first: Date,
    /// The last day.
    pub last: Date,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The account that made it; none: an operator on the command line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_by: Option<String>,
    /// When.
    pub made_at: Timestamp,
    revision: i64,
}

impl Delegation {
    /// Whether it holds on a day.
    pub fn holds_on(&self, day: Date) -> bool {
        self.first <= day && day <= self.last
    }
}

/// What a new delegation needs.
#[derive(Debug)]
pub struct NewDelegation<'a> {
    /// Who delegates.
    pub from: &'a AccountSummary,
    /// Who is to see more.
    pub to: &'a AccountSummary,
    /// The first and the last day.
    pub days: (Date, Date),
    /// Why.
    pub note: Option<&'a str>,
    /// The account that makes it; none: an operator on the command line.
    pub made_by: Option<&'a str>,
}

/// What the audit log says of a delegation, beside who sees more for it.
pub fn particulars(delegator: &str, (first, last): (Date, Date)) -> Details {
    Details::default().whom("delegator", delegator).days(Some(first), Some(last))
}

/// Why there is no such delegation.
#[derive(Debug, thiserror::Error)]
pub enum DelegationError {
    /// A field is not acceptable.
    #[error("{0}: {1}")]
    Invalid(&'static str, String),
    /// The store failed.
    #[error("delegations cannot be read or written")]
    Store(#[from] StoreError),
}

/// Makes, lists and withdraws delegations.
pub struct Delegations {
    ops: Arc<dyn Ops>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    /// The most days that one lasts.
    longest: u16,
}

impl fmt::Debug for Delegations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Delegations")
    }
}

impl Delegations {
    /// Delegations in this store, of so many days at most.
    pub fn new(ops: Arc<dyn Ops>, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>, longest: u16) -> Self {
        Self { ops, clock, ids, longest }
    }

    /// The most days that one lasts.
    pub fn longest(&self) -> u16 {
        self.longest
    }

    /// What an account is delegated; whether it holds today, the reporting calendar says.
    pub(crate) async fn to(&self, account: &str) -> Result<Vec<Delegation>, StoreError> {
        self.list(&[("to", account)]).await
    }

    /// What an account has delegated, and is delegated, as far as it is not over.
    pub async fn of(&self, account: &str) -> Result<Vec<Delegation>, StoreError> {
        let (from, to) = ([("from", account)], [("to", account)]);
        let (mut given, got) = tokio::try_join!(self.list(&from), self.list(&to))?;
        given.extend(got);
        Ok(given)
    }

    /// Every one that is not over.
    pub async fn all(&self) -> Result<Vec<Delegation>, StoreError> {
        self.list(&[]).await
    }

    /// One of them.
    pub async fn find(&self, id: &str) -> Result<Option<Delegation>, StoreError> {
        Ok(self.list(&[("_id", id)]).await?.pop())
    }

    /// Makes one. `today` is the day in the reporting calendar.
    pub async fn make(&self, new: NewDelegation<'_>, today: Date) -> Result<Delegation, DelegationError> {
        let NewDelegation { from, to, days: (first, last), note, made_by } = new;
        let invalid = |field, why: String| Err(DelegationError::Invalid(field, why));
        if from.id == to.id {
            return invalid("to", "must be somebody else".to_owned());
        }
        if to.disabled {
            return invalid("to", "is shut out".to_owned());
        }
        if last < first {
            return invalid("last", "must not be before the first day".to_owned());
        }
        if last < today {
            return invalid("last", "must not be over".to_owned());
        }
        let days = first.until(last).map_or(i32::MAX, |span| span.get_days());
        if days >= i32::from(self.longest) {
            return invalid("last", format!("a delegation lasts {} days at most", self.longest));
        }
        let note = note.map(str::trim).filter(|note| !note.is_empty());
        if note.is_some_and(|note| note.chars().count() > LONGEST_NOTE) {
            return invalid("note", format!("must have {LONGEST_NOTE} characters at most"));
        }
        if self.list(&[("from", &from.id)]).await?.len() >= MOST {
            return invalid("from", format!("has {MOST} delegations already; withdraw one"));
        }
        let made = Delegation {
            id: self.ids.ordered().to_string(),
            from: from.id.clone(),
            delegator: from.person_facet,
            to: to.id.clone(),
            delegate: to.person_facet,
            first,
            last,
            note: note.map(str::to_owned),
            made_by: made_by.map(str::to_owned),
            made_at: self.clock.now(),
            revision: 1,
        };
        self.ops.insert(OPS_DELEGATIONS, document::write(&made)?).await?;
        self.forget(today).await?;
        Ok(made)
    }

    /// Removes those that have been over for long.
    async fn forget(&self, today: Date) -> Result<(), StoreError> {
        let Ok(before) = today.checked_sub(KEPT.days()) else { return Ok(()) };
        let old = Condition::Lt("last".to_owned(), Bson::from(before.to_string()));
        self.ops.delete(OPS_DELEGATIONS, &Query::all().with(old)).await?;
        Ok(())
    }

    /// Ends one from the next request on; tells whether there was such a one.
    pub async fn withdraw(&self, id: &str) -> Result<bool, StoreError> {
        let this = Condition::Eq("_id".to_owned(), Bson::from(id));
        Ok(self.ops.delete(OPS_DELEGATIONS, &Query::all().with(this)).await? > 0)
    }

    /// Those that match and are not over anywhere: wherever the reporting calendar is, today is no day before yesterday
    /// in Greenwich.
    async fn list(&self, fields: &[(&str, &str)]) -> Result<Vec<Delegation>, StoreError> {
        let greenwich = self.clock.now().to_zoned(TimeZone::UTC).date();
        let oldest = greenwich.yesterday().unwrap_or(greenwich);
        let open = Condition::Gte("last".to_owned(), Bson::from(oldest.to_string()));
        let query = fields.iter().fold(Query::all().with(open), |query, (field, value)| {
            query.with(Condition::Eq((*field).to_owned(), Bson::from(*value)))
        });
        let mut found: Vec<Delegation> = document::read_all(&self.ops.list(OPS_DELEGATIONS, &query).await?)?;
        found.sort_by(|a, b| (a.first, &a.id).cmp(&(b.first, &b.id)));
        Ok(found)
    }
}
