//! The deals in a prepared sum, by the same cells that the projection uses, and whether they come to the same.

use std::fmt::Debug;

use bson::Bson;
use salescommand_domain::canonical::{Entity, Golden};
use salescommand_domain::money::MoneyError;
use salescommand_domain::serving::{
    Cell, CellKey, Day, DayBuckets, DealFacts, Measure, StageSummary, SumDocument, Sums, day_cells,
    stage_cell,
};
use salescommand_store::{Condition, Direction, Query};
use serde::de::DeserializeOwned;

use crate::error::ApiError;
use crate::viewer::Viewer;

/// Most deals that are looked through for one document.
const MOST_DEALS: usize = 20_000;
/// Deals per read.
const PAGE: usize = 2_000;

/// A document of sums whose deals can be found.
pub(super) trait Traceable: SumDocument + DeserializeOwned + PartialEq + Debug + Sync {
    /// The projection.
    const COLLECTION: &'static str;

    /// The cells of a deal in this kind of document.
    fn cells(deal: &DealFacts) -> Vec<Cell>;

    /// Narrows the search for the document's deals as far as an index or a stored field can; `cells` decides.
    fn narrow(&self, query: Query) -> Query;

    /// The part of the document that is asked for: a day's, or all.
    fn sums(&self, day: Option<Day>) -> Result<Sums, MoneyError>;
}

impl Traceable for DayBuckets {
    const COLLECTION: &'static str = "dashboard_stats";

    fn cells(deal: &DealFacts) -> Vec<Cell> {
        day_cells(deal)
    }

    fn narrow(&self, query: Query) -> Query {
        let (field, status) = match self.measure {
            Measure::OpenByCloseDate => ("body.close_date", Some("open")),
            Measure::WonByClosedOn => ("body.closed_on", Some("won")),
            Measure::LostByClosedOn => ("body.closed_on", Some("lost")),
            Measure::CreatedByCreatedOn => ("body.created_on", None),
        };
        let query = match status {
            Some(status) => query.with(Condition::Eq("body.status".to_owned(), status.into())),
            None => query,
        };
        if self.month == "undated" {
            return query.with(Condition::Eq(field.to_owned(), Bson::Null));
        }
        // Days are stored as text and sort as days do; no day of a month comes behind its 31st.
        query
            .with(Condition::Gte(field.to_owned(), format!("{}-01", self.month).into()))
            .with(Condition::Lt(field.to_owned(), format!("{}-32", self.month).into()))
    }

    fn sums(&self, day: Option<Day>) -> Result<Sums, MoneyError> {
        let mut sums = Sums::default();
        for (_, of_day) in self.days.iter().filter(|(held, _)| day.is_none_or(|day| day == **held)) {
            sums.add(of_day)?;
        }
        Ok(sums)
    }
}

impl Traceable for StageSummary {
    const COLLECTION: &'static str = "pipeline_summary";

    fn cells(deal: &DealFacts) -> Vec<Cell> {
        stage_cell(deal).into_iter().collect()
    }

    fn narrow(&self, query: Query) -> Query {
        let stage = self.stage.map_or(Bson::Null, |stage| Bson::from(stage.to_string()));
        query
            .with(Condition::Eq("body.status".to_owned(), "open".into()))
            .with(Condition::Eq("body.stage".to_owned(), stage))
    }

    fn sums(&self, _day: Option<Day>) -> Result<Sums, MoneyError> {
        Ok(self.sums.clone())
    }
}

/// The deals in a document.
#[derive(Debug)]
pub(super) struct Traced {
    /// Those of the day that was asked for, ascending by id.
    pub(super) deals: Vec<Golden>,
    /// What the document says of that day.
    pub(super) document: Sums,
    /// What the deals come to.
    pub(super) found: Sums,
    /// The document as a whole is what its deals make; false while a projection is behind.
    pub(super) agrees: bool,
}

/// Finds a document within the scope and the deals in it; none if there is no such document.
pub(super) async fn traced<D: Traceable>(
    viewer: &Viewer,
    id: &str,
    scope_key: impl Fn(&D) -> String,
    day: Option<Day>,
) -> Result<Option<Traced>, ApiError> {
    let by_id = Query::all().with(Condition::Eq("_id".to_owned(), id.into())).limited(1);
    let Some(document) = viewer.serving::<D>(D::COLLECTION, &by_id).await?.into_iter().next() else {
        return Ok(None);
    };
    let scoped = Query::all()
        .with(Condition::Eq("scope_key".to_owned(), scope_key(&document).into()))
        .with(Condition::Eq("deleted".to_owned(), Bson::Boolean(false)))
        .sorted("_id", Direction::Ascending);
    let candidates = read_all(viewer, &document.narrow(scoped)).await?;
    let overflow = |error: MoneyError| ApiError::internal(error);
    let mut traced = Traced {
        deals: Vec::new(),
        document: document.sums(day).map_err(overflow)?,
        found: Sums::default(),
        agrees: false,
    };
    let mut rebuilt: Option<D> = None;
    for golden in candidates {
        let Some(facts) = DealFacts::of(&golden) else { continue };
        let mut listed = false;
        for cell in D::cells(&facts).into_iter().filter(|cell| cell.document_id() == id) {
            let Some(mut whole) = rebuilt.take().or_else(|| D::empty(&cell)) else { continue };
            whole.apply(&cell, 1).map_err(overflow)?;
            rebuilt = Some(whole);
            if of_day(&cell, day) {
                traced.found.add(&cell.sums).map_err(overflow)?;
                listed = true;
            }
        }
        if listed {
            traced.deals.push(golden);
        }
    }
    traced.agrees = rebuilt.as_ref() == Some(&document);
    Ok(Some(traced))
}

fn of_day(cell: &Cell, day: Option<Day>) -> bool {
    match (cell.key.clone(), day) {
        (CellKey::Day(_, of_cell), Some(day)) => of_cell == day,
        _ => true,
    }
}

async fn read_all(viewer: &Viewer, query: &Query) -> Result<Vec<Golden>, ApiError> {
    let mut all: Vec<Golden> = Vec::new();
    loop {
        let mut page = query.clone().limited(PAGE);
        if let Some(last) = all.last() {
            page = page.with(Condition::Gt("_id".to_owned(), last.id.to_string().into()));
        }
        let found: Vec<Golden> = viewer.golden(Entity::Opportunity, &page).await?;
        let done = found.len() < PAGE;
        all.extend(found);
        if done {
            return Ok(all);
        }
        if all.len() > MOST_DEALS {
            let detail =
                format!("More than {MOST_DEALS} deals are behind this document; ask for a smaller one.");
            return Err(ApiError::malformed_query(detail));
        }
    }
}
