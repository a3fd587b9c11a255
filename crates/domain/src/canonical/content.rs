//! What records say: the fields of accounts, contacts, activities, users and teams, and of reference data.
//!
//! A facet holds them as one source record has them, a golden record as the merge has chosen them; they are the same
//! fields.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::facet::config_object;
use super::{Entity, FacetId, IdentityKey, SourceRef};
use crate::money::CurrencyCode;
use crate::raw::InstanceName;

/// Typed custom fields, by the source's field name.
pub type Custom = BTreeMap<String, Value>;

/// A company.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Account {
    /// Display name.
    pub name: String,
    /// Tax or registration number, as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tax_id: Option<String>,
    /// Web site.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub website: Option<String>,
    /// E-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Telephone number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Parent account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<FacetId>,
    /// Who owns it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<FacetId>,
    /// Our own company (legal entity) it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub company: Option<FacetId>,
    /// Not archived.
    pub active: bool,
    /// When the source made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// Custom fields.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub custom: Custom,
}

/// A person.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Contact {
    /// Full name as the source has it.
    pub name: String,
    /// Job title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// E-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Telephone number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// The account this person works for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<FacetId>,
    /// Who owns the relation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<FacetId>,
    /// Our own company it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub company: Option<FacetId>,
    /// Not archived.
    pub active: bool,
    /// When the source made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// Custom fields.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub custom: Custom,
}

/// What kind of activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActivityKind {
    /// A telephone call.
    Call,
    /// A message.
    Email,
    /// A meeting.
    Meeting,
    /// A task.
    Task,
    /// A note.
    Note,
    /// Anything else.
    Other,
}

/// Whether an activity is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActivityState {
    /// To be done. Whether it is overdue depends on the day one asks.
    Open,
    /// Done.
    Done,
    /// Given up.
    Cancelled,
}

/// What an activity is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Related {
    /// Which entity, as far as the source says.
    pub entity: Entity,
    /// Which record.
    pub id: FacetId,
}

/// An activity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Activity {
    /// Call, meeting, ….
    pub activity_kind: ActivityKind,
    /// Subject line.
    pub subject: String,
    /// Open, done, cancelled.
    pub state: ActivityState,
    /// Due date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Date>,
    /// The day it was done: as the source says, else that of [`Self::done_at`] in the reporting time zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_on: Option<Date>,
    /// When it was done, for sources that keep the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_at: Option<Timestamp>,
    /// When it begins, if it has a time of its own, as a meeting has. Whether it is over depends on when one asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<Timestamp>,
    /// When it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
    /// Whose it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<FacetId>,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub related: Option<Related>,
    /// Records of the people who took part or are to, as far as the source names them, ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub participants: Vec<FacetId>,
    /// When the source made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
}

/// A user.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct User {
    /// Display name.
    pub name: String,
    /// E-mail address or login.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// May sign in at the source.
    pub active: bool,
    /// The manager this source names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manager: Option<FacetId>,
    /// Of a source record: it is the organisation's directory that says so, which on who manages whom goes before other
    /// sources.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schemars(skip)]
    pub directory: bool,
    /// Of a golden record: the accounts that the organisation's directory has of this person, by key, ascending.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub directory_accounts: Vec<DirectoryAccount>,
}

/// An account in the organisation's directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct DirectoryAccount {
    /// The identity key of its record: `user:directory:<directory>:<record>`.
    #[schemars(with = "String")]
    pub key: IdentityKey,
    /// It is there, and may be used: no record of it says otherwise.
    pub enabled: bool,
}

/// By what a manager is known, the strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ManagerEvidence {
    /// Somebody has said so in SalesCommand.
    Manual,
    /// A directory of people says so.
    Directory,
    /// A source of records says so, of one of its users or employees.
    Source,
    /// Leads a team of which the person is a member.
    TeamLeader,
}

/// The object of `config` that declares who reports to whom.
pub const MANAGER_EDGE_OBJECT: &str = "manager_edge";

/// Who somebody reports to, from one day to another, as a record of its own says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ManagerEdge {
    /// A record of the person.
    pub person: FacetId,
    /// A record of the manager; none: the person reports to nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manager: Option<FacetId>,
    /// By what that is known.
    pub evidence: ManagerEvidence,
    /// The first day on which it holds; none: ever since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Date>,
    /// The last day on which it holds; none: from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
}

impl ManagerEdge {
    /// The record of `config` that declares it: by the person and the first day, so that one declared again takes the
    /// place of the former.
    pub fn source(&self) -> SourceRef {
        let Self { person, from, .. } = self;
        let key = from.map_or_else(|| person.to_string(), |from| format!("{person}/{from}"));
        SourceRef { instance: InstanceName::config(), object: config_object(MANAGER_EDGE_OBJECT), key }
    }

    /// Whether it holds on a day.
    pub fn holds_on(&self, day: Date) -> bool {
        self.from.is_none_or(|from| from <= day) && self.until.is_none_or(|until| day <= until)
    }
}

impl ManagerEdgeFacet {
    /// Longest note, in characters.
    pub const LONGEST_NOTE: usize = 500;

    /// Whether it can be declared; if not, the field that is wrong, and why. That the two are known, and no circle is closed,
    /// depends on other records.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        let ManagerEdge { person, manager, from, until, .. } = self.edge;
        if manager == Some(person) {
            return Err(("manager", "nobody is their own manager".to_owned()));
        }
        if from.zip(until).is_some_and(|(from, until)| until < from) {
            return Err(("until", "must not be before the first day".to_owned()));
        }
        let longest = Self::LONGEST_NOTE;
        if self.note.as_ref().is_some_and(|note| note.chars().count() > longest) {
            return Err(("note", format!("must have {longest} characters at most")));
        }
        Ok(())
    }
}

/// A manager edge as it was declared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManagerEdgeFacet {
    /// What it says.
    pub edge: ManagerEdge,
    /// Why, in the words of whoever declared it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Who declared it: the record of an account, if it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_by: Option<FacetId>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_at: Option<Timestamp>,
}

/// A sales team.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Team {
    /// Display name.
    pub name: String,
    /// Its leader.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leader: Option<FacetId>,
    /// Its members, ascending.
    pub members: Vec<FacetId>,
    /// Our own company.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub company: Option<FacetId>,
    /// Not archived.
    pub active: bool,
}

/// A pipeline stage.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct StageFacet {
    /// Display name.
    pub name: String,
    /// Order in the pipeline.
    pub order: i64,
    /// Deals in it are won.
    pub is_won: bool,
}

/// What deals are labelled with: a tag, a lost reason, a source, a medium, a campaign.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct LabelFacet {
    /// Display name.
    pub name: String,
    /// Not archived: may be chosen for further deals.
    pub active: bool,
}

/// How often a recurring revenue comes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanFacet {
    /// Display name.
    pub name: String,
    /// Months between two payments, at least one.
    pub months: u32,
}

/// A label on a deal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Label {
    /// A record, which has the name: whoever reads the deal looks it up, so that it may be renamed.
    Record(FacetId),
    /// The name itself, of a source that keeps no record of it.
    Name(String),
}

/// What a deal is labelled with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Labels {
    /// Why it was lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost_reason: Option<Label>,
    /// Where it came from: a search engine, a partner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Label>,
    /// By which way: e-mail, telephone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub medium: Option<Label>,
    /// For which campaign.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub campaign: Option<Label>,
    /// Tags, each once, in the order of their source.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Label>,
}

impl Labels {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// One of our own companies.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CompanyFacet {
    /// Display name.
    pub name: String,
    /// Its currency record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<FacetId>,
}

/// A currency.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CurrencyFacet {
    /// ISO 4217 code.
    pub code: CurrencyCode,
    /// Digits after the decimal point.
    pub exponent: u8,
}
