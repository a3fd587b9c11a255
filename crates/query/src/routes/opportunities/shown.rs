//! An opportunity as the API spells it.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};
use salescommand_domain::canonical::{
    CrmOpportunity, Facet, FacetBody, FacetId, Golden, GoldenBody, Label, Opportunity, OpportunityKind,
    Status,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::directory::{Directory, PersonRef};
use crate::error::ApiError;
use crate::money::Money;
use crate::viewer::Viewer;

/// A stage with its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct StageRef {
    /// The stage, as changes name it.
    pub id: String,
    /// Its name; none while nobody knows it.
    pub name: Option<String>,
    /// The source it belongs to.
    pub source: Option<String>,
}

/// What a deal is labelled with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
pub struct LabelRef {
    /// Its name.
    pub name: String,
    /// The label's record; none for one that its source gives by name only.
    pub id: Option<String>,
}

/// Revenue that would come again and again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RecurringRevenue {
    /// What comes each time.
    pub amount: Money,
    /// Months between two payments; none if it is not known how often it comes.
    #[schema(format = Int64)]
    pub months: Option<u32>,
    /// What that is in a month; none if the months are not known.
    pub mrr: Option<Money>,
}

/// A source record in an opportunity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct OpportunitySource {
    /// The source instance; `crm` for what was written here.
    pub instance: String,
    /// The object within it.
    pub object: String,
    /// The record's key.
    pub key: String,
}

/// An opportunity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct OpportunityItem {
    /// Golden id.
    pub id: String,
    /// `opportunity`, or `lead` for what is not yet qualified.
    pub kind: String,
    /// Title.
    pub name: String,
    /// `open`, `won`, `lost`, `archived`.
    pub status: String,
    /// Stage.
    pub stage: Option<StageRef>,
    /// Expected revenue; none is unvalued.
    pub amount: Option<Money>,
    /// Amount by probability.
    pub weighted: Option<Money>,
    /// Probability of winning, in parts per million.
    #[schema(format = Int64)]
    pub probability_ppm: Option<u32>,
    /// Owner.
    pub owner: Option<PersonRef>,
    /// The account's id.
    pub account: Option<String>,
    /// Revenue that would come again and again.
    pub recurring: Option<RecurringRevenue>,
    /// Why it was lost.
    pub lost_reason: Option<LabelRef>,
    /// Where it came from.
    pub source: Option<LabelRef>,
    /// By which way it came.
    pub medium: Option<LabelRef>,
    /// For which campaign it came.
    pub campaign: Option<LabelRef>,
    /// Tags, by name. A label whose record is not known, or was deleted, is left out, as everywhere here.
    pub tags: Vec<LabelRef>,
    /// Expected close date.
    pub close_date: Option<Date>,
    /// Day it was won or lost.
    pub closed_on: Option<Date>,
    /// Day it was made.
    pub created_on: Option<Date>,
    /// When a source or a person last changed it.
    pub updated_at: Option<Timestamp>,
    /// Deleted in every source that had it.
    pub deleted: bool,
    /// What a reader should know about the quality of the data.
    pub flags: Vec<String>,
    /// The source records it is made of.
    pub sources: Vec<OpportunitySource>,
    /// The fields that were edited here and not given back.
    pub edited: Vec<String>,
}

/// The crm facets of some records, by id.
pub(super) async fn crm_facets(
    viewer: &Viewer,
    records: &[Golden],
) -> Result<BTreeMap<FacetId, Facet>, ApiError> {
    let facets = records.iter().flat_map(|golden| &golden.facets);
    let written = facets.filter(|facet| CrmOpportunity::of(&facet.source).is_some());
    let ids: Vec<_> = written.map(|facet| facet.id.to_string()).collect();
    Ok(viewer.facets(&ids).await?.into_iter().map(|facet| (facet.id, facet)).collect())
}

/// Shows a record; none for what is no opportunity.
pub(super) fn shown(
    golden: &Golden,
    written: &BTreeMap<FacetId, Facet>,
    directory: &Directory,
) -> Option<OpportunityItem> {
    let GoldenBody::Opportunity(deal) = &golden.body else { return None };
    let sources = golden.facets.iter().map(|facet| OpportunitySource {
        instance: facet.source.instance.to_string(),
        object: facet.source.object.to_string(),
        key: facet.source.key.clone(),
    });
    Some(OpportunityItem {
        id: golden.id.to_string(),
        kind: match deal.opportunity_kind {
            OpportunityKind::Lead => "lead".to_owned(),
            OpportunityKind::Opportunity => "opportunity".to_owned(),
        },
        name: deal.name.clone(),
        status: status_word(deal.status).to_owned(),
        stage: deal.stage.map(|stage| stage_ref(stage, directory)),
        amount: deal.amount.map(Money::from),
        weighted: deal.weighted.map(Money::from),
        probability_ppm: deal.probability_ppm,
        owner: deal.owner.and_then(|owner| directory.person(owner)),
        account: deal.account.map(|account| account.to_string()),
        recurring: recurring(deal),
        lost_reason: one_label(deal.lost_reason.as_ref(), directory),
        source: one_label(deal.source.as_ref(), directory),
        medium: one_label(deal.medium.as_ref(), directory),
        campaign: one_label(deal.campaign.as_ref(), directory),
        tags: tags(&deal.tags, directory),
        close_date: deal.close_date,
        closed_on: deal.closed_on,
        created_on: deal.created_on,
        updated_at: golden.updated_at,
        deleted: golden.deleted,
        flags: golden.flags.clone(),
        sources: sources.collect(),
        edited: edited(golden, written),
    })
}

fn stage_ref(stage: FacetId, directory: &Directory) -> StageRef {
    let known = directory.stage(stage);
    StageRef {
        id: stage.to_string(),
        name: known.map(|stage| stage.name.clone()),
        source: known.map(|stage| stage.source.to_string()),
    }
}

fn recurring(deal: &Opportunity) -> Option<RecurringRevenue> {
    deal.recurring.map(|recurring| RecurringRevenue {
        amount: Money::from(recurring.amount),
        months: recurring.months,
        mrr: recurring.mrr.map(Money::from),
    })
}

/// A label by its name, if it has one.
fn label_ref(label: &Label, directory: &Directory) -> Option<LabelRef> {
    Some(match label {
        Label::Record(id) => LabelRef { name: directory.label(*id)?.to_owned(), id: Some(id.to_string()) },
        Label::Name(name) => LabelRef { name: name.clone(), id: None },
    })
}

fn one_label(label: Option<&Label>, directory: &Directory) -> Option<LabelRef> {
    label.and_then(|label| label_ref(label, directory))
}

fn tags(tags: &[Label], directory: &Directory) -> Vec<LabelRef> {
    let mut tags: Vec<_> = tags.iter().filter_map(|tag| label_ref(tag, directory)).collect();
    tags.sort();
    tags
}

/// The words of the API are those of the stored documents.
pub(super) fn status_word(status: Status) -> &'static str {
    match status {
        Status::Open => "open",
        Status::Won => "won",
        Status::Lost => "lost",
        Status::Archived => "archived",
    }
}

/// The status of a word.
pub(super) fn status_of(word: &str) -> Option<Status> {
    [Status::Open, Status::Won, Status::Lost, Status::Archived]
        .into_iter()
        .find(|status| status_word(*status) == word)
}

fn edited(golden: &Golden, written: &BTreeMap<FacetId, Facet>) -> Vec<String> {
    let mut fields: Vec<String> = Vec::new();
    for facet in
        golden.facets.iter().filter_map(|facet| written.get(&facet.id)).filter(|facet| !facet.deleted)
    {
        if let FacetBody::OpportunityEdit(edit) = &facet.body {
            fields.extend(edit.fields().into_iter().map(str::to_owned));
        }
    }
    fields.sort();
    fields.dedup();
    fields
}
