//! `salescommand link`: declares that two records are one thing, and takes that back.
//!
//! A declaration is a raw event of `config`, keyed by its two ends, so declaring it twice publishes it once.

use anyhow::{Context, Result, bail};
use bson::Bson;
use salescommand_domain::canonical::{Facet, FacetBody, FacetId, SourceRef};
use salescommand_domain::raw::{InstanceName, ObjectName};
use salescommand_ingest::Ports;
use salescommand_store::work::decode;
use salescommand_store::{Condition, Direction, Documents, Query, ScopedReads, facets_collection};
use serde::Serialize;

use crate::cli::{self, Output};
use crate::config::Config;
use crate::{config_events, connections, listing};

/// A declaration, as the listing shows it.
#[derive(Serialize)]
struct Declared {
    a: String,
    b: String,
}

/// `salescommand link …`.
pub async fn link(config: &Config, command: &cli::Link, output: Output) -> Result<()> {
    let declared = match command {
        cli::Link::Add { a, b } => {
            let ends = ends(a, b)?;
            let log = connections::log_for_command(config).await?;
            config_events::publish(&Ports::system(&log), vec![config_events::link(ends.0, ends.1)]).await?;
            vec![shown(ends)]
        }
        cli::Link::Remove { a, b } => {
            let ends = ends(a, b)?;
            let log = connections::log_for_command(config).await?;
            config_events::retract(&Ports::system(&log), config_events::link(ends.0, ends.1)).await?;
            vec![shown(ends)]
        }
        cli::Link::List => list(config).await?,
    };
    listing::print(output, &["a", "b"], &declared)
}

/// The two ends, the smaller id first: a link has no direction.
fn ends(a: &str, b: &str) -> Result<(FacetId, FacetId)> {
    let (a, b) = (end(a)?, end(b)?);
    if a == b {
        bail!("both are the same record; a link joins two");
    }
    Ok((a.min(b), a.max(b)))
}

fn end(text: &str) -> Result<FacetId> {
    if let Ok(facet) = text.parse() {
        return Ok(facet);
    }
    let mut parts = text.splitn(3, '/');
    let (Some(instance), Some(object), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
        bail!("{text:?} is no record: say <instance>/<object>/<key>, or a facet id");
    };
    let (instance, object) = (InstanceName::new(instance)?, ObjectName::new(object)?);
    Ok(SourceRef { instance, object, key: key.to_owned() }.facet_id())
}

fn shown((a, b): (FacetId, FacetId)) -> Declared {
    Declared { a: a.to_string(), b: b.to_string() }
}

async fn list(config: &Config) -> Result<Vec<Declared>> {
    let store = connections::store(config).await?;
    let active =
        ScopedReads::active(&store).await?.context("nothing has been built yet: start the projector")?;
    let facets = facets_collection(active.canonical);
    // Whoever lists a self key is found by the index over keys.
    let query = Query::all()
        .with(Condition::Gte("keys".to_owned(), Bson::from("facet:")))
        .with(Condition::Lt("keys".to_owned(), Bson::from("facet;")))
        .with(Condition::Eq("source.instance".to_owned(), Bson::from("config")))
        .with(Condition::Eq("source.object".to_owned(), Bson::from("link")))
        .with(Condition::Eq("deleted".to_owned(), Bson::Boolean(false)))
        .sorted("_id", Direction::Ascending);
    let mut declared = Vec::new();
    for document in Documents::find(&store, &facets, &query).await? {
        let facet: Facet = decode(&facets, &document)?;
        if let FacetBody::Link(link) = facet.body {
            declared.push(shown((link.a, link.b)));
        }
    }
    Ok(declared)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_has_no_direction_and_two_ends() {
        let (a, b) = ("odoo-eu/res.partner/7", "odoo-us/res.partner/a/b");
        assert_eq!(ends(a, b).unwrap(), ends(b, a).unwrap());
        assert!(ends(a, a).is_err() && ends(a, "res.partner/7").is_err() && ends(a, "Ann").is_err());
        let id = end(a).unwrap().to_string();
        assert_eq!(end(&id).unwrap(), end(a).unwrap());
    }
}
