//! Into which lead a lead that is gone was merged.
//!
//! `merge_opportunity` keeps one lead and deletes the others; no record says which went where. What it leaves behind, in one
//! transaction, so with one moment (read in the code of 15 to 18, `crm/models/crm_lead.py`):
//!
//! - the messages of the others now belong to the lead that is kept, and have got a subject with the former lead's name,
//!   `From <name>` or `From <name> : <subject>` in the language of whoever merged;
//! - the lead that is kept has a note that names each of the others, in an element of its own.
//!
//! A lead is created together with a message that says so, and both bear the moment of that transaction. So the proof is: a
//! message that was created in the very second in which the lead was, and whose subject holds the lead's name, belongs to
//! another lead now, and so does a note that names the lead exactly, from after the lead was last there and not from after the
//! message was last written. (A merge of the lead that was kept takes both along.) Names alone would prove nothing: deals are
//! called the same, or like the beginning of another. No word of the texts is compared, so languages do not matter.
//!
//! Nothing is said where there is a doubt: two leads of one name that were created in the same second and are gone at the same
//! time; messages that went to several leads; a merge from before the lead was last known to be there, which can be that of such
//! a twin only. And nothing can be said where there is no trace: a lead that was created without a message (Odoo's import of
//! files works with `tracking_disable`), or renamed since it was last read; a lead whose heir is gone, too; the notes of Odoo 14, which name no
//! lead in an element of its own. Then the lead was deleted, as far as anybody can tell.
//!
//! The other traces are weaker or dearer. Activities and meetings move as well, but meetings are moved by hand, too, and most
//! leads have neither. Messages that the raw log knows to have been the lead's would prove a merge whatever its name, but the
//! log does not find messages by what they are about, and it has those of few leads.
//!
//! It takes one request for leads that are gone and were not merged, and scans the table of messages for it; three, where
//! there were merges, with up to a hundred seconds in each.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use salescommand_domain::raw::ObjectName;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};

use super::fault;
use super::messages;
use super::objects::{self, Object};
use super::record::moment;
use super::source::OdooSource;
use crate::{Census, Merged, Record, SourceError};

/// The object whose records are merged.
pub(super) const OBJECT: &str = "crm.lead";
/// Seconds that one search asks for.
const SECONDS: usize = 100;

/// A lead that is gone, as far as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lead {
    key: String,
    name: String,
    created: Timestamp,
    /// It was there then, and merged later if at all.
    last_there: Timestamp,
}

impl Lead {
    /// The lead of a record that was there at a moment, if that is known; none of one that lacks name or moment.
    pub fn of(record: &Record, since: Option<Timestamp>) -> Option<Self> {
        let text = |field: &str| record.payload.get(field).and_then(Json::as_str);
        let name = text("name").filter(|name| !name.trim().is_empty())?.to_owned();
        let created = moment(text("create_date")?)?;
        let last_there = [since, record.source_modified].into_iter().flatten().fold(created, Timestamp::max);
        Some(Self { key: record.key.clone(), name, created, last_there })
    }
}

/// A message that has a subject.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Moved {
    id: i64,
    #[serde(deserialize_with = "read_moment")]
    create_date: Timestamp,
    #[serde(deserialize_with = "read_moment")]
    write_date: Timestamp,
    /// The lead that it belongs to now.
    res_id: i64,
    subject: String,
}

/// A message that may be the note of a merge.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Note {
    #[serde(deserialize_with = "read_moment")]
    create_date: Timestamp,
    /// The lead it is on.
    res_id: i64,
    /// HTML, or `false`.
    body: Json,
}

impl Note {
    /// Whether an element has this text and no other.
    fn names(&self, name: &str) -> bool {
        let body = self.body.as_str().unwrap_or_default();
        let texts = body.split('<').filter_map(|piece| piece.split_once('>'));
        texts.map(|(_, text)| unescaped(text)).any(|text| text.trim() == name.trim())
    }
}

/// A message that says into which lead another one went, if the note of the merge confirms it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claim {
    /// Which of the leads that are gone.
    lead: usize,
    into: i64,
    /// When.
    at: Timestamp,
    /// The message.
    message: i64,
}

/// What messages claim about leads that are gone.
pub(super) fn claims(gone: &[Lead], moved: &[Moved]) -> Vec<Claim> {
    moved.iter().filter_map(|message| claim(gone, message)).collect()
}

fn claim(gone: &[Lead], message: &Moved) -> Option<Claim> {
    let said = |lead: &Lead| {
        lead.created == message.create_date
            && message.subject.contains(&lead.name)
            && message.subject.trim() != lead.name.trim()
    };
    let named: Vec<_> = gone.iter().enumerate().filter(|(_, lead)| said(lead)).collect();
    // The name of one may be a part of the other's.
    let longest = named.iter().map(|(_, lead)| lead.name.len()).max()?;
    let mut named = named.into_iter().filter(|(_, lead)| lead.name.len() == longest);
    let (place, lead) = named.next()?;
    let twins = named.next().is_some();
    let at = message.write_date;
    let is_later = at > message.create_date && at >= lead.last_there;
    let elsewhere = message.res_id.to_string() != lead.key;
    let claim = Claim { lead: place, into: message.res_id, at, message: message.id };
    (!twins && is_later && elsewhere).then_some(claim)
}

/// Those of some leads that were merged, by claims that notes confirm and that lead to one lead that is there.
pub(super) fn proven(gone: &[Lead], claims: &[Claim], notes: &[Note], there: &BTreeSet<i64>) -> Vec<Merged> {
    let mut found: BTreeMap<usize, BTreeMap<i64, String>> = BTreeMap::new();
    for claim in claims.iter().filter(|claim| there.contains(&claim.into)) {
        let Some(lead) = gone.get(claim.lead) else { continue };
        let Claim { into, at, message, .. } = claim;
        let in_time = |note: &&Note| (lead.last_there..=*at).contains(&note.create_date);
        let on_it = notes.iter().filter(|note| note.res_id == *into);
        let Some(note) = on_it.filter(in_time).find(|note| note.names(&lead.name)) else { continue };
        let evidence = format!(
            "{} {message}, created with the record, was moved by the merge that {OBJECT} {into} notes at {}",
            messages::OBJECT,
            text(note.create_date)
        );
        found.entry(claim.lead).or_default().entry(*into).or_insert(evidence);
    }
    let proven = found.into_iter().filter_map(|(lead, into)| {
        let key = gone.get(lead)?.key.clone();
        let mut into = into.into_iter();
        let (first, evidence) = into.next()?;
        into.next().is_none().then(|| Merged { key, into: first.to_string(), evidence })
    });
    proven.collect()
}

impl OdooSource {
    /// Which of some leads that are gone were merged into another one.
    pub(super) async fn merges(
        &mut self,
        object: &ObjectName,
        gone: &[Record],
        since: Option<Timestamp>,
    ) -> Result<Vec<Merged>, SourceError> {
        let leads: Vec<Lead> = gone.iter().filter_map(|record| Lead::of(record, since)).collect();
        match self.look_for_merges(object, &leads).await {
            // Whoever may not read messages learns of no merge, and of deletions all the same.
            Err(SourceError::Permanent { code, message, .. })
                if ["not-allowed", "missing-module", "server-fault"].contains(&code) =>
            {
                tracing::warn!(%object, code, cause = message, "no trace of merges can be read");
                Ok(Vec::new())
            }
            answer => answer,
        }
    }

    async fn look_for_merges(
        &mut self,
        object: &ObjectName,
        leads: &[Lead],
    ) -> Result<Vec<Merged>, SourceError> {
        let Some(since) = leads.iter().map(|lead| lead.last_there).min() else { return Ok(Vec::new()) };
        let created: BTreeSet<Timestamp> = leads.iter().map(|lead| lead.created).collect();
        let mut claimed = Vec::new();
        for seconds in created.into_iter().collect::<Vec<_>>().chunks(SECONDS) {
            let mut terms = vec![json!(["write_date", ">=", text(since)]), json!(["subject", "!=", false])];
            terms.extend(within(seconds));
            let moved = self.said(terms, &["create_date", "res_id", "subject", "write_date"]).await?;
            claimed.extend(claims(leads, &moved));
        }
        let into: BTreeSet<i64> = claimed.iter().map(|claim| claim.into).collect();
        let asked: Vec<u32> = into.iter().filter_map(|id| u32::try_from(*id).ok()).collect();
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        let of_the_system = json!(["message_type", "=", "notification"]);
        let terms =
            vec![json!(["res_id", "in", into]), json!(["create_date", ">=", text(since)]), of_the_system];
        let notes: Vec<Note> = self.said(terms, &["body", "create_date", "res_id"]).await?;
        let there = self.existing(object, &asked).await?;
        Ok(proven(leads, &claimed, &notes, &there.into_iter().map(i64::from).collect()))
    }

    /// Messages about leads. Without a limit, so that the server cuts nothing.
    async fn said<M: DeserializeOwned>(
        &self,
        mut terms: Vec<Json>,
        fields: &[&str],
    ) -> Result<Vec<M>, SourceError> {
        let Some(object) = objects::object(messages::OBJECT) else { return Ok(Vec::new()) };
        terms.push(json!(["model", "=", OBJECT]));
        let more = [("fields", json!(fields)), ("order", json!("id asc"))];
        let found = self.ask_about(object, "search_read", json!(terms), &more).await?;
        serde_json::from_value(found).map_err(|_| unexpected(object))
    }
}

/// The terms of a search for what was created in one of some seconds; the database has fractions of them.
fn within(seconds: &[Timestamp]) -> Vec<Json> {
    let or = std::iter::repeat_n(json!("|"), seconds.len().saturating_sub(1));
    let ranges = seconds.iter().flat_map(|second| {
        let next = second.saturating_add(SignedDuration::from_secs(1)).unwrap_or(*second);
        [json!("&"), json!(["create_date", ">=", text(*second)]), json!(["create_date", "<", text(next)])]
    });
    or.chain(ranges).collect()
}

/// A moment in Odoo's form.
fn text(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

fn read_moment<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(deserializer)?;
    moment(&text).ok_or_else(|| serde::de::Error::custom("no moment"))
}

/// Text of HTML as the server's sanitizer writes it.
fn unescaped(text: &str) -> String {
    let entities =
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#34;", "\""), ("&#39;", "'"), ("&amp;", "&")];
    entities.iter().fold(text.to_owned(), |text, (entity, character)| text.replace(entity, character))
}

fn unexpected(object: &Object) -> SourceError {
    fault::permanent(
        "unexpected-answer",
        format!("{}: Odoo's answer to search_read is no list of messages", object.name),
        "look for a module that changes this method of the object",
    )
}
