//! Queries in MongoDB's language.
//!
//! Invariant: a value stays a value. Every condition names its operator, so that a document in the place of a
//! value cannot become an operator.

use bson::{Bson, Document, doc};
use salescommand_store::{Condition, Direction};

/// All conditions; the same field may stand in several.
pub(crate) fn filter(conditions: &[Condition]) -> Document {
    match conditions {
        [] => Document::new(),
        [condition] => single(condition),
        several => doc! { "$and": several.iter().map(single).collect::<Vec<_>>() },
    }
}

fn single(condition: &Condition) -> Document {
    let (field, operator, value) = match condition {
        Condition::Eq(field, value) => (field, "$eq", value.clone()),
        Condition::In(field, values) => (field, "$in", Bson::Array(values.clone())),
        Condition::Gt(field, value) => (field, "$gt", value.clone()),
        Condition::Gte(field, value) => (field, "$gte", value.clone()),
        Condition::Lt(field, value) => (field, "$lt", value.clone()),
        Condition::Any(several) => return doc! { "$or": several.iter().map(single).collect::<Vec<_>>() },
    };
    doc! { field: { operator: value } }
}

/// Sort keys.
pub(crate) fn sort(keys: &[(String, Direction)]) -> Document {
    let order = |direction: &Direction| match direction {
        Direction::Ascending => 1,
        Direction::Descending => -1,
    };
    keys.iter().map(|(field, direction)| (field.clone(), Bson::Int32(order(direction)))).collect()
}

/// Some top-level fields, and `_id`.
pub(crate) fn projection(fields: &[&'static str]) -> Document {
    fields.iter().map(|field| ((*field).to_owned(), Bson::Int32(1))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_become_an_operator() {
        let filter = filter(&[Condition::Eq("email".into(), Bson::Document(doc! { "$ne": 1 }))]);
        assert_eq!(filter, doc! { "email": { "$eq": { "$ne": 1 } } });
    }

    #[test]
    fn a_field_may_stand_in_several_conditions() {
        let conditions = [Condition::Gte("n".into(), 1.into()), Condition::Lt("n".into(), 5.into())];
        assert_eq!(filter(&conditions), doc! { "$and": [{ "n": { "$gte": 1 } }, { "n": { "$lt": 5 } }] });
    }
}
