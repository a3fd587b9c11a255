//! What every implementation refuses before it asks its database, so that all of them refuse alike.
//!
//! Must not look at stored documents: these are rules about what is asked, not about what is there.

use std::collections::BTreeSet;

use crate::{Batch, Condition, Error, Operation, POSITIONS_COLLECTION, Query, text_id};

/// Operational collections, which hold digests of passwords and sealed credentials, begin with this.
const OPERATIONAL_PREFIX: &str = "ops_";

/// Every write names the document it carries, no document is written twice, and nobody writes positions by hand.
pub fn check_batch(batch: &Batch) -> Result<(), Error> {
    if batch.expected_revision < 0 {
        return Err(Error::Refused(format!("{} is no revision", batch.expected_revision)));
    }
    let mut seen = BTreeSet::new();
    for write in &batch.writes {
        let place = || format!("{}/{}", write.collection, write.id);
        if write.collection == POSITIONS_COLLECTION {
            return Err(Error::Refused("positions move by a batch's own position only".to_owned()));
        }
        if let Operation::Insert(document) | Operation::Replace(document) = &write.operation
            && text_id(document)? != write.id
        {
            return Err(Error::Refused(format!("the write of {} carries another document", place())));
        }
        if !seen.insert((write.collection.as_str(), write.id.as_str())) {
            return Err(Error::Refused(format!("the batch writes {} twice", place())));
        }
    }
    Ok(())
}

/// Names of fields are names: an operator in the place of a name could widen what a query matches.
pub fn check_query(query: &Query) -> Result<(), Error> {
    let sort = query.sort.iter().map(|(field, _)| field.as_str());
    for field in asked_of(&query.conditions).into_iter().chain(sort).chain(query.fields.iter().copied()) {
        if field.split('.').any(|part| part.is_empty() || part.starts_with('$') || part.contains('\0')) {
            return Err(Error::Refused(format!("{field:?} is no name of a field")));
        }
    }
    if let Some(field) = query.fields.iter().find(|field| field.contains('.')) {
        return Err(Error::Refused(format!("{field:?} is no top-level field")));
    }
    Ok(())
}

/// The fields that conditions are of.
fn asked_of(conditions: &[Condition]) -> Vec<&str> {
    let mut fields = Vec::new();
    for condition in conditions {
        match condition {
            Condition::Eq(field, _)
            | Condition::In(field, _)
            | Condition::Gt(field, _)
            | Condition::Gte(field, _)
            | Condition::Lt(field, _) => fields.push(field.as_str()),
            Condition::Any(several) => fields.extend(asked_of(several)),
        }
    }
    fields
}

/// A deletion takes every match: a limit in its query would be passed over, so it is refused.
pub fn check_deletion(query: &Query) -> Result<(), Error> {
    if query.limit.is_some() {
        return Err(Error::Refused("a deletion has no limit".to_owned()));
    }
    check_query(query)
}

/// [`crate::Ops`] reaches operational collections only: it takes no scope.
pub fn check_operational(collection: &str) -> Result<(), Error> {
    if collection.starts_with(OPERATIONAL_PREFIX) {
        return Ok(());
    }
    Err(Error::Refused(format!("{collection} is no operational collection")))
}

/// [`crate::ScopedReads`] reaches everything but operational collections, however wide the scope.
pub fn check_scoped(collection: &str) -> Result<(), Error> {
    if collection.starts_with(OPERATIONAL_PREFIX) {
        return Err(Error::Refused(format!("{collection} is operational and not read by scope")));
    }
    Ok(())
}

/// [`crate::ScopedReads::read_rolled_up`] reaches roll-ups only.
pub fn check_rolled_up(collection: &str) -> Result<(), Error> {
    let of_roll_ups = ["_roll_ups_g", "_roll_up_keys_g"];
    if collection.starts_with("serving_") && of_roll_ups.iter().any(|part| collection.contains(part)) {
        return Ok(());
    }
    Err(Error::Refused(format!("{collection} holds no roll-ups")))
}

/// [`crate::ScopedReads::evidence`] reaches what has no scope of its own, and nothing that has.
pub fn check_evidence(collection: &str) -> Result<(), Error> {
    let without_scope = ["canonical_facets_g", "canonical_links_g", "canonical_quarantine_g"];
    if without_scope.iter().any(|prefix| collection.starts_with(prefix)) {
        return Ok(());
    }
    Err(Error::Refused(format!("{collection} is read by scope only")))
}

#[cfg(test)]
mod tests {
    use bson::{Document, rawdoc};

    use super::*;
    use crate::Write;

    fn batch(writes: Vec<Write>) -> Batch {
        Batch { consumer: "c".into(), expected_revision: 0, position: Document::new(), writes }
    }

    fn insert(id: &str, inside: &str) -> Write {
        let operation = Operation::Insert(rawdoc! { "_id": inside });
        Write { collection: "c".into(), id: id.into(), operation }
    }

    #[test]
    fn a_write_names_its_document_once() {
        assert!(check_batch(&batch(vec![insert("a", "a"), insert("b", "b")])).is_ok());
        assert!(check_batch(&batch(vec![insert("a", "b")])).is_err());
        assert!(check_batch(&batch(vec![insert("a", "a"), insert("a", "a")])).is_err());
    }

    #[test]
    fn an_operator_is_no_field() {
        for field in ["$where", "a.$b", "", "a..b"] {
            let query = Query::all().with(Condition::Eq(field.into(), bson::Bson::Null));
            assert!(check_query(&query).is_err(), "{field}");
        }
        assert!(check_query(&Query::all().only(&["a.b"])).is_err());
    }
}
