//! Facets: one source record each, mapped to our words but not yet resolved against other records.
//!
//! A facet's id is permanent: UUIDv5 of (instance, object, key). All references between documents are facet ids,
//! so a reference is known before its target is.

use std::fmt;
use std::str::FromStr;

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::content::{
    Account, Activity, CompanyFacet, Contact, CurrencyFacet, Custom, LabelFacet, Labels, ManagerEdgeFacet,
    PlanFacet, StageFacet, Team, User,
};
use super::history::TrackedChange;
use super::quarantine::QuarantineDecision;
use super::{Entity, IdentityKey, OpportunityEdit, Role};
use crate::money::CurrencyCode;
use crate::raw::{InstanceName, ObjectName, Position};
use crate::tagged::tagged;

/// Namespace of facet ids; changing it would re-key the whole canonical zone.
const FACET_NAMESPACE: Uuid = Uuid::from_u128(0x6f0c_2b1e_8d55_5a1c_9a5e_53a1_e5c0_77d0);

/// The permanent id of a source record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
pub struct FacetId(pub Uuid);

/// Written as text everywhere, so that an id reads the same in a database, an event and an answer.
impl Serialize for FacetId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for FacetId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl FromStr for FacetId {
    type Err = uuid::Error;
    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        Uuid::parse_str(text).map(Self)
    }
}

impl fmt::Display for FacetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Which record of which source.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct SourceRef {
    /// The source instance.
    #[schemars(with = "String")]
    pub instance: InstanceName,
    /// The object within it.
    #[schemars(with = "String")]
    pub object: ObjectName,
    /// The record's key within the object.
    pub key: String,
}

impl SourceRef {
    /// The id of the facet that this record is.
    pub fn facet_id(&self) -> FacetId {
        let name = format!("{}\u{0}{}\u{0}{}", self.instance, self.object, self.key);
        FacetId(Uuid::new_v5(&FACET_NAMESPACE, name.as_bytes()))
    }
}

/// One source record as we hold it: the latest accepted version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Facet {
    /// Permanent id.
    #[serde(rename = "_id")]
    pub id: FacetId,
    /// Which record it is.
    pub source: SourceRef,
    /// Raw position of the version held.
    pub position: Position,
    /// When the source says it last changed, if it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_modified: Option<Timestamp>,
    /// Deleted at the source. The last body stays.
    pub deleted: bool,
    /// The record that took its content in, if it was deleted by that: merged. Known or not, like every reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged_into: Option<FacetId>,
    /// Raw position of the version that stated the body, if that is not the version held: the record is deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stated: Option<Position>,
    /// What it says.
    pub body: FacetBody,
    /// Keys by which it may be the same thing as another facet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<IdentityKey>,
    /// Facets whose content its golden record depends on; when one changes, this one is resolved anew.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refs: Vec<FacetId>,
    /// Where its history stands; only for what has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_version: Option<LastVersion>,
}

/// What a record's next version must know of those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastVersion {
    /// Valid time of the latest version, by valid time.
    pub valid_at: Timestamp,
    /// When that version was read.
    pub known_at: Timestamp,
    /// All versions came in the order of their valid times, so the record holds the latest of them.
    pub in_order: bool,
}

/// The mapped content of a source record.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FacetBody {
    /// A company we sell to.
    Account(Account),
    /// A person we talk to.
    Contact(Contact),
    /// A lead or an opportunity.
    Opportunity(OpportunityFacet),
    /// A person's edit of an opportunity, over what its sources say.
    OpportunityEdit(OpportunityEdit),
    /// A call, a meeting, a task.
    Activity(Activity),
    /// A user of a source, or of SalesCommand.
    User(User),
    /// A sales team.
    Team(Team),
    /// Reference data: a pipeline stage.
    Stage(StageFacet),
    /// Reference data: what deals are labelled with.
    Label(LabelFacet),
    /// Reference data: how often a recurring revenue comes.
    Plan(PlanFacet),
    /// Reference data: a company of our own (legal entity).
    Company(CompanyFacet),
    /// Reference data: a currency.
    Currency(CurrencyFacet),
    /// Reference data: the organisation's reporting calendar.
    Calendar(CalendarFacet),
    /// Reference data: who somebody reports to, from one day to another.
    ManagerEdge(ManagerEdgeFacet),
    /// Declares that two records are the same thing.
    Link(LinkFacet),
    /// Declares that an identity key joins nothing.
    IgnoredKey(IgnoredKeyFacet),
    /// What a person has decided about a rejected raw event.
    QuarantineDecision(QuarantineDecision),
}

tagged!(FacetBody, "kind", {
    "account" => FacetBody::Account,
    "contact" => FacetBody::Contact,
    "opportunity" => FacetBody::Opportunity,
    "opportunity_edit" => FacetBody::OpportunityEdit,
    "activity" => FacetBody::Activity,
    "user" => FacetBody::User,
    "team" => FacetBody::Team,
    "stage" => FacetBody::Stage,
    "label" => FacetBody::Label,
    "plan" => FacetBody::Plan,
    "company" => FacetBody::Company,
    "currency" => FacetBody::Currency,
    "calendar" => FacetBody::Calendar,
    "manager_edge" => FacetBody::ManagerEdge,
    "link" => FacetBody::Link,
    "ignored_key" => FacetBody::IgnoredKey,
    "quarantine_decision" => FacetBody::QuarantineDecision,
});

impl FacetBody {
    /// The canonical entity it takes part in; none for reference data.
    pub fn entity(&self) -> Option<Entity> {
        match self {
            Self::Account(_) => Some(Entity::Account),
            Self::Contact(_) => Some(Entity::Contact),
            Self::Opportunity(_) | Self::OpportunityEdit(_) => Some(Entity::Opportunity),
            Self::Activity(_) => Some(Entity::Activity),
            Self::User(_) => Some(Entity::User),
            Self::Team(_) => Some(Entity::Team),
            Self::Stage(_) | Self::Label(_) | Self::Plan(_) => None,
            Self::Company(_) | Self::Currency(_) | Self::Calendar(_) | Self::ManagerEdge(_) => None,
            Self::Link(_) | Self::IgnoredKey(_) | Self::QuarantineDecision(_) => None,
        }
    }

    /// What it is to the key graph.
    pub fn role(&self) -> Role {
        match self {
            Self::Link(_) => Role::Link,
            Self::IgnoredKey(_) => Role::Ignores,
            body => body.entity().map_or(Role::Bystander, Role::Of),
        }
    }
}

impl Facet {
    /// Raw position of the version that stated the body.
    pub fn stated_at(&self) -> Position {
        self.stated.unwrap_or(self.position)
    }

    /// The facet once its record is gone, into another one if it was merged. The last body stays; a declaration about
    /// other records declares nothing any more, so it lists no keys.
    pub fn gone(mut self, position: Position, merged_into: Option<FacetId>) -> Self {
        if matches!(self.body.role(), Role::Link | Role::Ignores) {
            self.keys.clear();
        }
        let stated = self.stated_at();
        Self { position, deleted: true, merged_into, stated: Some(stated), ..self }
    }
}

/// Two records that are one thing, as a person has declared. Its keys are their self keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkFacet {
    /// One record.
    pub a: FacetId,
    /// The other.
    pub b: FacetId,
}

/// An identity key that joins nothing, as a person has declared. It is this facet's only key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IgnoredKeyFacet {
    /// The key.
    pub key: IdentityKey,
}

/// Lead or opportunity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OpportunityKind {
    /// Not yet qualified; outside every pipeline figure.
    Lead,
    /// A deal.
    Opportunity,
}

/// Where a deal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Being worked on.
    Open,
    /// Won.
    Won,
    /// Lost.
    Lost,
    /// Put away without an outcome.
    Archived,
}

/// The status a record has, given whether its stage is a winning one. The stage is another record, so the mapper
/// cannot know; it says what would follow in either case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutcomeRule {
    /// If the stage is a winning one.
    pub in_won_stage: Status,
    /// If it is not, or is unknown.
    pub elsewhere: Status,
    /// A winning stage contradicts the record's other fields.
    pub ambiguous_in_won_stage: bool,
}

/// Where an amount's currency is to be found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CurrencySource {
    /// The currency of one of our own companies.
    Company(FacetId),
    /// A currency record.
    Currency(FacetId),
    /// Named by the record itself, with the exponent of ISO 4217 as the connector knows it.
    Iso(CurrencyCode, u8),
}

/// An amount before its currency is known.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Amount {
    /// What the source says, unrounded. Text, so that no digit is lost.
    #[serde(with = "rust_decimal_text")]
    pub value: Decimal,
    /// Where the currency is; none if the source leaves it open. Never assumed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<CurrencySource>,
}

/// Where the months between two payments are to be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TermSource {
    /// Named by the record itself; at least one.
    Months(u32),
    /// A plan.
    Plan(FacetId),
}

/// A revenue that comes again and again, before its currency and plan are known.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RecurringAmount {
    /// What comes each time.
    pub amount: Amount,
    /// How often it comes; none if the source leaves it open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub term: Option<TermSource>,
}

/// A deal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpportunityFacet {
    /// Lead or opportunity.
    pub opportunity_kind: OpportunityKind,
    /// Title.
    pub name: String,
    /// The customer record it names: an account or a contact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partner: Option<FacetId>,
    /// The stage it stands in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<FacetId>,
    /// Its status by that stage.
    pub outcome: OutcomeRule,
    /// Expected revenue; none is "unvalued", which is not zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Amount>,
    /// Probability of winning, in parts per million.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability_ppm: Option<u32>,
    /// Who owns it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<FacetId>,
    /// Team.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<FacetId>,
    /// Our own company.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company: Option<FacetId>,
    /// Expected close date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub close_date: Option<Date>,
    /// When the source made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// When the source closed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Timestamp>,
    /// Since when it stands in its stage, if the source says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub staged_at: Option<Timestamp>,
    /// Since when its owner has it, if the source says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assigned_at: Option<Timestamp>,
    /// The changes that the source itself has written down; none if it keeps no such history, or lets us read none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracked: Option<Vec<TrackedChange>>,
    /// What would come again and again; none is "none named", which is not zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recurring: Option<RecurringAmount>,
    /// What it is labelled with.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// Custom fields.
    #[serde(default, skip_serializing_if = "Custom::is_empty")]
    pub custom: Custom,
}

/// The organisation's reporting calendar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CalendarFacet {
    /// IANA time zone in which a moment becomes a day.
    pub time_zone: String,
    /// Month (1 to 12) in which the fiscal year begins.
    pub fiscal_year_start: u8,
}

impl CalendarFacet {
    /// The source record that holds the organisation's calendar: `config`, `calendar`, `default`.
    pub fn source() -> SourceRef {
        SourceRef {
            instance: InstanceName::config(),
            object: config_object("calendar"),
            key: "default".to_owned(),
        }
    }

    /// The day of a moment in the reporting time zone. The mapper has checked the name.
    pub fn day_of(&self, at: Timestamp) -> Date {
        at.to_zoned(TimeZone::get(&self.time_zone).unwrap_or(TimeZone::UTC)).date()
    }
}

impl Default for CalendarFacet {
    /// UTC and calendar years, until configured.
    fn default() -> Self {
        Self { time_zone: "UTC".to_owned(), fiscal_year_start: 1 }
    }
}

/// An object of the `config` instance; the names are literals of this program.
pub(super) fn config_object(name: &str) -> ObjectName {
    match ObjectName::new(name) {
        Ok(name) => name,
        Err(error) => unreachable!("configuration object names are legal: {error}"),
    }
}

/// Decimals as text.
mod rust_decimal_text {
    use rust_decimal::Decimal;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(value: &Decimal, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&value.normalize())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
