//! What an object looked like when it was read last, so that no field goes away unnoticed.
//!
//! A field that is no longer sent looks like one that was emptied in every record. So an object of which a guarded field is
//! gone, is no longer permitted, or has another type is not read, until a person has accepted it or the field is back.

use std::collections::BTreeMap;

use salescommand_connectors::{FieldSchema, ObjectPlan, SourceError};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::cursor::Cursor;
use crate::held::{Held, Owned};
use crate::object::{Halt, Session};
use crate::run_log::Level;

/// Bucket of the fields that were read last: key as of cursors, value = [`Seen`] in JSON.
pub(crate) const SCHEMAS_BUCKET: &str = "SYNC_SCHEMAS";

/// The fields of an object that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    run_id: Uuid,
    token: u64,
    fields: BTreeMap<String, FieldSchema>,
}

impl Owned for Seen {
    fn same_owner(&self, other: &Self) -> bool {
        self.token == other.token && self.run_id == other.run_id
    }
}

/// How the fields that are read differ from those that were.
#[derive(Debug, Default, PartialEq, Eq)]
struct Drift {
    /// In words: `x_score is new`, `expected_revenue (monetary) is gone or no longer permitted`.
    changes: Vec<String>,
    /// Those of guarded fields that went away or changed.
    held: Vec<String>,
}

impl Drift {
    fn between(before: &BTreeMap<String, FieldSchema>, now: &BTreeMap<String, FieldSchema>) -> Self {
        let mut drift = Self::default();
        for (name, was) in before {
            let change = match now.get(name) {
                Some(is) if is.kind == was.kind => continue,
                Some(is) => format!("{name} is {} and was {}", is.kind, was.kind),
                None => format!("{name} ({}) is gone or no longer permitted", was.kind),
            };
            // What is guarded is for the present configuration to say, as long as the field is there to say it.
            if now.get(name).map_or(was.guarded, |is| is.guarded) {
                drift.held.push(change.clone());
            }
            drift.changes.push(change);
        }
        let new = now.keys().filter(|name| !before.contains_key(*name));
        drift.changes.extend(new.map(|name| format!("{name} is new")));
        drift
    }
}

impl Session<'_> {
    /// Compares the fields of an object with those that were read last; writes them down if it may be read.
    pub(crate) async fn settle_schema(&mut self, index: usize, plan: &ObjectPlan) -> Result<(), Halt> {
        if plan.schema.is_empty() {
            return Ok(());
        }
        let context = self.context;
        let key = Cursor::key(context.instance, &plan.object);
        let (mut held, before) = Held::read::<Seen>(context.ports, SCHEMAS_BUCKET, key).await?;
        if let Some(before) = &before {
            let drift = Drift::between(&before.fields, &plan.schema);
            if !drift.held.is_empty() && !self.demands.accept_schema {
                return Err(Halt::Source(refused(plan, &drift)));
            }
            if drift.changes.is_empty() && before.fields == plan.schema {
                return Ok(());
            }
            if !drift.changes.is_empty() {
                let changes = drift.changes.join("; ");
                tracing::warn!(source = %context.instance, object = %plan.object, changes, "fields have changed");
                context.progress.tell(index, Level::Warn, &format!("fields have changed: {changes}"));
            }
        }
        let seen = Seen { run_id: self.run_id, token: context.lease.token(), fields: plan.schema.clone() };
        Ok(held.write(context.ports, &seen).await?)
    }
}

fn refused(plan: &ObjectPlan, drift: &Drift) -> SourceError {
    SourceError::Permanent {
        code: "schema-drift",
        message: format!("{}: {}; nothing of it was read", plan.object, drift.held.join("; ")),
        fix: "give the right back, or put the field back; if the change is meant, run `salescommand sync run NAME \
              --accept-schema` once: the values of those fields become empty"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(fields: &[(&str, &str, bool)]) -> BTreeMap<String, FieldSchema> {
        let field = |(name, kind, guarded): &(&str, &str, bool)| {
            ((*name).to_owned(), FieldSchema { kind: (*kind).to_owned(), guarded: *guarded })
        };
        fields.iter().map(field).collect()
    }

    #[test]
    fn what_goes_away_or_changes_is_told_and_held_if_it_is_guarded() {
        let before = fields(&[
            ("amount", "monetary", true),
            ("name", "char", true),
            ("x_a", "char", false),
            ("x_b", "char", false),
        ]);
        assert_eq!(Drift::between(&before, &before), Drift::default());
        let now = fields(&[("amount", "float", true), ("x_b", "integer", false), ("x_c", "char", false)]);
        let drift = Drift::between(&before, &now);
        let held = ["amount is float and was monetary", "name (char) is gone or no longer permitted"];
        assert_eq!(drift.held, held);
        let told = [
            held[0],
            held[1],
            "x_a (char) is gone or no longer permitted",
            "x_b is integer and was char",
            "x_c is new",
        ];
        assert_eq!(drift.changes, told);
    }
}
