//! Golden records and the events that announce them.

use std::fmt;

use jiff::{Timestamp, civil::Date};
use schemars::JsonSchema;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

use super::content::{
    Account, Activity, CompanyFacet, Contact, Custom, Label, LabelFacet, ManagerEdge, StageFacet, Team, User,
};
use super::facet::{CalendarFacet, FacetId, OpportunityKind, SourceRef, Status};
use super::history::HistoryVersion;
use crate::access::ScopeKey;
use crate::money::Money;
use crate::raw::{Digest, InstanceName, ObjectName, RawPosition};
use crate::tagged::{Nothing, tagged};

/// The canonical entities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Entity {
    /// Companies we sell to.
    Account,
    /// People we talk to.
    Contact,
    /// Deals.
    Opportunity,
    /// Calls, meetings, tasks.
    Activity,
    /// Users.
    User,
    /// Sales teams.
    Team,
}

impl Entity {
    /// Every entity, in the order of the documentation.
    pub const ALL: [Self; 6] =
        [Self::Account, Self::Contact, Self::Opportunity, Self::Activity, Self::User, Self::Team];

    /// The plural that names collections and routes.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Account => "accounts",
            Self::Contact => "contacts",
            Self::Opportunity => "opportunities",
            Self::Activity => "activities",
            Self::User => "users",
            Self::Team => "teams",
        }
    }

    /// The singular, as in subjects and identity keys.
    pub fn singular(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Contact => "contact",
            Self::Opportunity => "opportunity",
            Self::Activity => "activity",
            Self::User => "user",
            Self::Team => "team",
        }
    }

    /// The entity of a plural, if there is one.
    pub fn from_plural(plural: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|entity| entity.plural() == plural)
    }
}

impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.singular())
    }
}

/// What we hold to be true of one real thing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Golden {
    /// The smallest id among its facets; earlier ids redirect through the link table.
    #[serde(rename = "_id")]
    pub id: FacetId,
    /// The source records joined in it, ascending by id.
    pub facets: Vec<GoldenFacet>,
    /// Its version: the raw positions of everything it was made of, ascending.
    pub version: Vec<RawPosition>,
    /// Deleted in every source that had it.
    pub deleted: bool,
    /// The record that took its content in, if it was deleted by that: merged. A facet's id, which leads to whatever golden
    /// record that facet is in now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged_into: Option<FacetId>,
    /// What a reader should know about the quality of the data, ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<String>,
    /// When a source last changed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
    /// Who may see it.
    #[schemars(with = "String")]
    pub scope_key: ScopeKey,
    /// Its fields.
    pub body: GoldenBody,
}

/// A source record in a golden record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(from = "FlatFacet")]
#[schemars(!from)]
pub struct GoldenFacet {
    /// The facet's id.
    pub id: FacetId,
    /// Which source record it is.
    #[schemars(flatten)]
    pub source: SourceRef,
}

/// As it is written: the source's fields beside the id. What serde derives for flattened fields keeps them all before it
/// reads or writes them, and every record has some.
#[derive(Deserialize)]
struct FlatFacet {
    id: FacetId,
    instance: InstanceName,
    object: ObjectName,
    key: String,
}

impl From<FlatFacet> for GoldenFacet {
    fn from(flat: FlatFacet) -> Self {
        let FlatFacet { id, instance, object, key } = flat;
        Self { id, source: SourceRef { instance, object, key } }
    }
}

impl Serialize for GoldenFacet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let SourceRef { instance, object, key } = &self.source;
        let mut fields = serializer.serialize_struct("GoldenFacet", 4)?;
        fields.serialize_field("id", &self.id)?;
        fields.serialize_field("instance", instance)?;
        fields.serialize_field("object", object)?;
        fields.serialize_field("key", key)?;
        fields.end()
    }
}

impl Golden {
    /// The entity.
    pub fn entity(&self) -> Entity {
        match self.body {
            GoldenBody::Account(_) => Entity::Account,
            GoldenBody::Contact(_) => Entity::Contact,
            GoldenBody::Opportunity(_) => Entity::Opportunity,
            GoldenBody::Activity(_) => Entity::Activity,
            GoldenBody::User(_) => Entity::User,
            GoldenBody::Team(_) => Entity::Team,
        }
    }

    /// Digest of the version; the ETag of the record.
    pub fn version_digest(&self) -> Digest {
        let mut text = String::new();
        for RawPosition { instance, position } in &self.version {
            text.push_str(&format!("{instance}/{}/{};", position.epoch, position.sequence));
        }
        Digest::of(text.as_bytes())
    }
}

/// The fields of a golden record.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "entity", rename_all = "snake_case")]
pub enum GoldenBody {
    /// See [`Account`].
    Account(Account),
    /// See [`Contact`].
    Contact(Contact),
    /// See [`Opportunity`].
    Opportunity(Box<Opportunity>),
    /// See [`Activity`].
    Activity(Activity),
    /// See [`User`].
    User(User),
    /// See [`Team`].
    Team(Team),
}

tagged!(GoldenBody, "entity", {
    "account" => GoldenBody::Account,
    "contact" => GoldenBody::Contact,
    "opportunity" => GoldenBody::Opportunity,
    "activity" => GoldenBody::Activity,
    "user" => GoldenBody::User,
    "team" => GoldenBody::Team,
});

/// A deal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Opportunity {
    /// Lead or opportunity.
    pub opportunity_kind: OpportunityKind,
    /// Title.
    pub name: String,
    /// The customer record that the source names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partner: Option<FacetId>,
    /// The account, once the customer record is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<FacetId>,
    /// The contact, if the customer record is a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<FacetId>,
    /// Stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<FacetId>,
    /// Open, won, lost, archived.
    pub status: Status,
    /// Expected revenue; none is unvalued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Money>,
    /// Amount × probability, rounded half-even for this deal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weighted: Option<Money>,
    /// Probability of winning, in parts per million.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability_ppm: Option<u32>,
    /// Owner.
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
    /// The day of that in the reporting time zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_on: Option<Date>,
    /// Begin of the present won or lost spell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Timestamp>,
    /// The day of that in the reporting time zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_on: Option<Date>,
    /// Revenue that would come again and again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recurring: Option<Recurring>,
    /// Why it was lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_reason: Option<Label>,
    /// Where it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Label>,
    /// By which way it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub medium: Option<Label>,
    /// For which campaign it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<Label>,
    /// Tags. A label whose record is gone stays here, and has no name any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Label>,
    /// Custom fields.
    #[serde(default, skip_serializing_if = "Custom::is_empty")]
    pub custom: Custom,
}

/// Revenue that comes again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Recurring {
    /// What comes each time.
    pub amount: Money,
    /// Months between two payments; none if it is not known how often it comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub months: Option<u32>,
    /// What that is in a month, rounded half-even once; none if the months are not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mrr: Option<Money>,
}

/// Reference data that readers need: names and orders of things that golden records point to.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "reference", rename_all = "snake_case")]
pub enum Reference {
    /// A pipeline stage.
    Stage(StageFacet),
    /// What deals are labelled with.
    Label(LabelFacet),
    /// One of our own companies.
    Company(CompanyFacet),
    /// The reporting calendar.
    Calendar(CalendarFacet),
    /// Who somebody reports to, from one day to another.
    ManagerEdge(ManagerEdge),
}

tagged!(Reference, "reference", {
    "stage" => Reference::Stage,
    "label" => Reference::Label,
    "company" => Reference::Company,
    "calendar" => Reference::Calendar,
    "manager_edge" => Reference::ManagerEdge,
});

impl Reference {
    /// The word in the event's subject.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Stage(_) => "stage",
            Self::Label(_) => "label",
            Self::Company(_) => "company",
            Self::Calendar(_) => "calendar",
            Self::ManagerEdge(_) => "manager_edge",
        }
    }
}

/// What a canonical event says; always the full state after the change.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum CanonicalEvent {
    /// A golden record is now this.
    Upserted {
        /// The record.
        golden: Box<Golden>,
    },
    /// A golden record is no more: its facets are in another one, or are of another entity now.
    Gone {
        /// Which entity it was.
        entity: Entity,
        /// Its former id.
        id: FacetId,
    },
    /// Reference data is now this.
    Referenced {
        /// The facet.
        id: FacetId,
        /// Whose it is: two sources may have a stage of the same name.
        instance: InstanceName,
        /// Gone at its source.
        deleted: bool,
        /// Its content.
        reference: Reference,
    },
    /// A version of an opportunity's record has these rows of history now.
    Historied {
        /// The version with its rows.
        version: Box<HistoryVersion>,
    },
    /// Nothing changed; the raw events up to the vector have been seen.
    Progressed,
}

#[derive(Deserialize)]
struct Upserted {
    golden: Box<Golden>,
}

#[derive(Deserialize)]
struct Gone {
    entity: Entity,
    id: FacetId,
}

#[derive(Deserialize)]
struct Referenced {
    id: FacetId,
    instance: InstanceName,
    deleted: bool,
    reference: Reference,
}

#[derive(Deserialize)]
struct Historied {
    version: Box<HistoryVersion>,
}

tagged!(CanonicalEvent, "change", {
    "upserted" => |Upserted { golden }| CanonicalEvent::Upserted { golden },
    "gone" => |Gone { entity, id }| CanonicalEvent::Gone { entity, id },
    "referenced" => |Referenced { id, instance, deleted, reference }| {
        CanonicalEvent::Referenced { id, instance, deleted, reference }
    },
    "historied" => |Historied { version }| CanonicalEvent::Historied { version },
    "progressed" => |Nothing {}| CanonicalEvent::Progressed,
});
