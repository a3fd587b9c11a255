//! What a comparison of two generations at the same raw vector has shown, and whether the new one may be read.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Definition;
use crate::raw::Vector;

/// A document that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Its id.
    pub id: String,
    /// Where it differs, as JSON pointers; empty if it is in one generation only.
    pub fields: Vec<String>,
    /// In the active generation only.
    pub only_before: bool,
    /// In the new generation only.
    pub only_after: bool,
    /// The parts of the definition that explain it; empty if nothing does.
    pub explained_by: Vec<String>,
}

/// What differs in a collection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollectionDifference {
    /// Its name without the generation: `canonical_opportunities`, `serving_dashboard_stats`.
    pub collection: String,
    /// Documents in the active generation.
    pub before: u64,
    /// Documents in the new one.
    pub after: u64,
    /// In the active one only.
    pub only_before: u64,
    /// In the new one only.
    pub only_after: u64,
    /// In both, and different.
    pub changed: u64,
    /// Of all these, not explained by a changed definition.
    pub unexplained: u64,
    /// Some of them, unexplained ones first.
    pub samples: Vec<Sample>,
}

impl CollectionDifference {
    /// Documents that differ.
    pub fn differing(&self) -> u64 {
        self.only_before + self.only_after + self.changed
    }
}

/// All deals' amounts in a currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoneyTotal {
    /// ISO code and exponent: `USD2`.
    pub currency: String,
    /// Minor units in the active generation.
    pub before: i64,
    /// Minor units in the new one.
    pub after: i64,
}

/// The result of comparing a new generation with the active one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// Where in the raw zone both stood.
    pub vector: Vector,
    /// The parts of the definition that differ.
    pub changed_definition: BTreeSet<String>,
    /// Collections that were compared.
    pub compared: u64,
    /// Those that differ.
    pub collections: Vec<CollectionDifference>,
    /// Amounts per currency.
    pub money: Vec<MoneyTotal>,
}

/// Whether the new generation may be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// Equal, or every difference is explained by a changed definition.
    Open,
    /// Something differs that nothing explains: a defect.
    Shut,
}

impl Comparison {
    /// The rule: same definition and any difference is a defect.
    pub fn gate(&self) -> Gate {
        if self.unexplained() == 0 { Gate::Open } else { Gate::Shut }
    }

    /// Documents that differ and nothing explains it.
    pub fn unexplained(&self) -> u64 {
        self.collections.iter().map(|collection| collection.unexplained).sum()
    }

    /// Documents that differ.
    pub fn differing(&self) -> u64 {
        self.collections.iter().map(CollectionDifference::differing).sum()
    }
}

/// The parts in which two definitions differ.
pub fn changed_parts(before: &Definition, after: &Definition) -> BTreeSet<String> {
    before.keys().chain(after.keys()).filter(|part| before.get(*part) != after.get(*part)).cloned().collect()
}

/// Where two documents differ, as JSON pointers, at most `most`; a list that differs is one place.
pub fn differing_fields(before: &Value, after: &Value, most: usize) -> Vec<String> {
    let mut found = Vec::new();
    collect(before, after, &mut String::new(), most, &mut found);
    found
}

fn collect(before: &Value, after: &Value, path: &mut String, most: usize, found: &mut Vec<String>) {
    if before == after || found.len() >= most {
        return;
    }
    let (Value::Object(one), Value::Object(other)) = (before, after) else {
        found.push(path.clone());
        return;
    };
    let keys: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    for key in keys {
        let length = path.len();
        path.push('/');
        path.push_str(&key.replace('~', "~0").replace('/', "~1"));
        collect(value_of(one, key), value_of(other, key), path, most, found);
        path.truncate(length);
    }
}

fn value_of<'a>(map: &'a Map<String, Value>, key: &str) -> &'a Value {
    map.get(key).unwrap_or(&Value::Null)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn difference(changed: u64, unexplained: u64) -> CollectionDifference {
        CollectionDifference {
            collection: "canonical_accounts".into(),
            before: 5,
            after: 5,
            only_before: 0,
            only_after: 0,
            changed,
            unexplained,
            samples: Vec::new(),
        }
    }

    #[test]
    fn the_gate_is_shut_by_one_unexplained_document() {
        let mut comparison = Comparison {
            vector: Vector::new(),
            changed_definition: BTreeSet::new(),
            compared: 1,
            collections: Vec::new(),
            money: Vec::new(),
        };
        assert_eq!(comparison.gate(), Gate::Open);
        comparison.collections = vec![difference(3, 0)];
        assert_eq!((comparison.gate(), comparison.differing()), (Gate::Open, 3));
        comparison.collections.push(difference(1, 1));
        assert_eq!(comparison.gate(), Gate::Shut);
    }

    #[test]
    fn differences_are_named_by_their_place() {
        let before = json!({"_id": 1, "body": {"name": "A", "a/b": 1, "list": [1, 2]}, "gone": true});
        let after = json!({"_id": 1, "body": {"name": "B", "a/b": 2, "list": [1]}});
        let places = ["/body/a~1b", "/body/list", "/body/name", "/gone"];
        assert_eq!(differing_fields(&before, &after, 10), places);
        assert_eq!(differing_fields(&before, &after, 2), places[..2]);
    }

    #[test]
    fn a_definition_differs_by_what_was_added_too() {
        let definition = |pairs: &[(&str, &str)]| -> Definition {
            pairs.iter().map(|(part, version)| ((*part).to_owned(), (*version).to_owned())).collect()
        };
        let before = definition(&[("merge", "1"), ("mapper:odoo", "1")]);
        let after = definition(&[("merge", "1"), ("mapper:odoo", "2"), ("mapping:tickets", "config/1/4")]);
        let expected = BTreeSet::from(["mapper:odoo".to_owned(), "mapping:tickets".to_owned()]);
        assert_eq!(changed_parts(&before, &after), expected);
    }
}
