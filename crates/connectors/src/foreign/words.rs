//! What a mapping may say: one of our words about one record.
//!
//! The types are the definition; `schemas/mapping-output.json` is made from them. A field that is not here, a field of
//! another type and a value that cannot be are refused with the place in the mapping's output, never dropped.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};
use rust_decimal::Decimal;
use salescommand_domain::money::decimal_of_f64;
use salescommand_domain::raw::ObjectName;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use serde_json::{Number, Value};

/// What a mapping says about a record.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[schemars(title = "What a mapping says about one record; null if nothing")]
pub enum Words {
    /// A company we sell to.
    Account(Account),
    /// A person we talk to.
    Contact(Contact),
    /// A lead or a deal.
    Opportunity(Box<Opportunity>),
    /// A call, a meeting, a task.
    Activity(Activity),
    /// A user of the source.
    User(User),
    /// A sales team.
    Team(Team),
    /// A stage of the pipeline.
    Stage(Stage),
    /// What deals are labelled with: a tag, a lost reason, a source, a medium, a campaign.
    Label(LabelRecord),
    /// A company of our own (legal entity).
    Company(Company),
    /// A currency.
    Currency(Currency),
}

/// Another record of the same instance.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ref {
    /// Its object.
    #[schemars(with = "String")]
    pub object: ObjectName,
    /// Its key within the object.
    pub key: String,
}

/// A key by which a record may be the same thing as one of another source.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum Key {
    /// A person's e-mail address. Role mailboxes join nobody.
    Email(String),
    /// A tax or registration number.
    TaxId(String),
    /// An internet domain together with the exact legal name.
    Domain {
        /// Web site or domain.
        website: String,
        /// Legal name.
        name: String,
    },
}

/// A company.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Display name.
    pub name: String,
    /// Tax or registration number.
    pub tax_id: Option<String>,
    /// Web site.
    pub website: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// Telephone number.
    pub phone: Option<String>,
    /// Parent account.
    pub parent: Option<Ref>,
    /// The user who owns it.
    pub owner: Option<Ref>,
    /// Our own company.
    pub company: Option<Ref>,
    /// Not archived; true if not said.
    pub active: Option<bool>,
    /// When the source made it.
    pub created_at: Option<Timestamp>,
    /// Fields without a place of their own.
    pub custom: Option<BTreeMap<String, Value>>,
    /// Keys; by default the tax number, and the web site with the name. An empty list joins it with nothing.
    pub keys: Option<Vec<Key>>,
}

/// A person.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// Full name.
    pub name: String,
    /// Job title.
    pub title: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// Telephone number.
    pub phone: Option<String>,
    /// The account this person works for.
    pub account: Option<Ref>,
    /// The user who owns the relation.
    pub owner: Option<Ref>,
    /// Our own company.
    pub company: Option<Ref>,
    /// Not archived; true if not said.
    pub active: Option<bool>,
    /// When the source made it.
    pub created_at: Option<Timestamp>,
    /// Fields without a place of their own.
    pub custom: Option<BTreeMap<String, Value>>,
    /// Keys; by default the e-mail address. An empty list joins it with nothing.
    pub keys: Option<Vec<Key>>,
}

/// Lead or deal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OpportunityType {
    /// Not yet qualified; outside every pipeline figure.
    Lead,
    /// A deal.
    Opportunity,
}

/// Where a deal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
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

/// A lead or a deal.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Opportunity {
    /// Title.
    pub name: String,
    /// Lead or opportunity; opportunity if not said.
    #[serde(rename = "type")]
    pub kind: Option<OpportunityType>,
    /// Where it stands. If not said, its stage decides: won in a winning stage, else open.
    pub status: Option<Status>,
    /// Its stage.
    pub stage: Option<Ref>,
    /// Expected revenue; without it the deal is unvalued, which is not zero.
    pub amount: Option<Amount>,
    /// Probability of winning, 0 to 1.
    pub probability: Option<f64>,
    /// The customer: an account or a contact.
    pub customer: Option<Ref>,
    /// The user who owns it.
    pub owner: Option<Ref>,
    /// Its team.
    pub team: Option<Ref>,
    /// Our own company.
    pub company: Option<Ref>,
    /// Expected close date.
    pub close_date: Option<Date>,
    /// When the source made it.
    pub created_at: Option<Timestamp>,
    /// When it was won or lost.
    pub closed_at: Option<Timestamp>,
    /// Revenue that would come again and again.
    pub recurring: Option<Recurring>,
    /// Why it was lost.
    pub lost_reason: Option<LabelWord>,
    /// Where it came from.
    pub source: Option<LabelWord>,
    /// By which way it came.
    pub medium: Option<LabelWord>,
    /// For which campaign it came.
    pub campaign: Option<LabelWord>,
    /// Its tags.
    pub tags: Option<Vec<LabelWord>>,
    /// Fields without a place of their own.
    pub custom: Option<BTreeMap<String, Value>>,
}

/// An amount of money.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Amount {
    /// How much: a number, or its digits as text, of which none is lost.
    #[schemars(with = "NumberOrText")]
    #[serde(deserialize_with = "decimal")]
    pub value: Decimal,
    /// In which currency: an ISO 4217 code or a currency record. If not said, that of our own company of the deal.
    pub currency: Option<CurrencyWord>,
}

#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "it is the schema of a field that has a deserialiser of its own")]
enum NumberOrText {
    Number(f64),
    Text(String),
}

/// Revenue that would come again and again.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Recurring {
    /// How much each time: a number, or its digits as text, of which none is lost.
    #[schemars(with = "NumberOrText")]
    #[serde(deserialize_with = "decimal")]
    pub value: Decimal,
    /// In which currency: an ISO 4217 code or a currency record. If not said, that of our own company of the deal.
    pub currency: Option<CurrencyWord>,
    /// Months between two payments; not known if not said.
    #[schemars(range(min = 1))]
    pub months: Option<u32>,
}

/// A label by its name or by its record.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a name, or {object, key}")]
pub enum LabelWord {
    /// Its name.
    Name(String),
    /// Its record.
    Record(Ref),
}

/// A currency by its code or by its record.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected an ISO 4217 code, or {object, key}")]
pub enum CurrencyWord {
    /// ISO 4217 code.
    Code(String),
    /// A currency record.
    Record(Ref),
}

/// What kind of activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActivityType {
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActivityState {
    /// To be done.
    Open,
    /// Done.
    Done,
    /// Given up.
    Cancelled,
}

/// What an activity may be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// A company.
    Account,
    /// A person.
    Contact,
    /// A deal.
    Opportunity,
}

/// What an activity is about.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Related {
    /// What it is.
    pub kind: About,
    /// Its object.
    #[schemars(with = "String")]
    pub object: ObjectName,
    /// Its key within the object.
    pub key: String,
}

/// An activity.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Activity {
    /// Subject line.
    pub subject: String,
    /// Call, meeting, …; other if not said.
    #[serde(rename = "type")]
    pub kind: Option<ActivityType>,
    /// Open, done, cancelled; open if not said.
    pub state: Option<ActivityState>,
    /// Due date.
    pub due: Option<Date>,
    /// The day on which it was done.
    pub done_on: Option<Date>,
    /// The user whose it is.
    pub owner: Option<Ref>,
    /// What it is about.
    pub related: Option<Related>,
    /// When the source made it.
    pub created_at: Option<Timestamp>,
}

/// A user of the source. Managers are SalesCommand's to decide, so a mapping cannot name one.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// Display name.
    pub name: String,
    /// E-mail address or login.
    pub email: Option<String>,
    /// May sign in at the source; true if not said.
    pub active: Option<bool>,
    /// Keys; by default the e-mail address. An empty list joins the user with nobody.
    pub keys: Option<Vec<Key>>,
}

/// A sales team.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Team {
    /// Display name.
    pub name: String,
    /// The user who leads it.
    pub leader: Option<Ref>,
    /// The users in it.
    pub members: Option<Vec<Ref>>,
    /// Our own company.
    pub company: Option<Ref>,
    /// Not archived; true if not said.
    pub active: Option<bool>,
}

/// A stage of the pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// Display name.
    pub name: String,
    /// Order in the pipeline; 0 if not said.
    pub order: Option<i64>,
    /// Deals in it are won; false if not said.
    pub is_won: Option<bool>,
}

/// What deals are labelled with.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LabelRecord {
    /// Display name.
    pub name: String,
    /// Not archived; true if not said.
    pub active: Option<bool>,
}

/// A company of our own.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Company {
    /// Display name.
    pub name: String,
    /// Its currency record.
    pub currency: Option<Ref>,
}

/// A currency.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Currency {
    /// ISO 4217 code.
    pub code: String,
    /// Digits after the decimal point, at most 8; those of ISO 4217 if not said.
    #[schemars(range(max = 8))]
    pub exponent: Option<u8>,
}

fn decimal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
    let wrong = |what: String| {
        serde::de::Error::custom(format!("expected an amount that fits 28 digits, found {what}"))
    };
    match Value::deserialize(deserializer)? {
        Value::Number(number) => number_as_decimal(&number).ok_or_else(|| wrong(number.to_string())),
        Value::String(text) => text.trim().parse().map_err(|_| wrong(format!("{text:?}"))),
        other => Err(serde::de::Error::custom(format!(
            "invalid type: {other}, expected a number or its digits as text"
        ))),
    }
}

fn number_as_decimal(number: &Number) -> Option<Decimal> {
    match (number.as_i64(), number.as_u64()) {
        (Some(whole), _) => Some(Decimal::from(whole)),
        (None, Some(whole)) => Some(Decimal::from(whole)),
        _ => decimal_of_f64(number.as_f64()?).ok(),
    }
}
