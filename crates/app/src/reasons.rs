//! `salescommand lineage … --field`: why a field is what it is, a row per statement.

use anyhow::{Context, Result, bail};
use salescommand_domain::canonical::{FieldLineage, Golden, Input, Statement};
use salescommand_query::lineage::explained;
use salescommand_store_mongo::MongoStore;
use serde::Serialize;
use serde_json::Value;

/// The columns of the table.
pub const COLUMNS: [&str; 8] = ["part", "value", "rule", "instance", "object", "key", "epoch", "sequence"];

/// One part of the answer: the field's value, a statement that won or lost, or an input.
#[derive(Debug, Default, Serialize)]
pub struct Reason {
    /// `value`, `winner`, `loser`, `input`.
    part: &'static str,
    value: Value,
    rule: Option<&'static str>,
    facet: Option<String>,
    instance: Option<String>,
    object: Option<String>,
    key: Option<String>,
    epoch: Option<u32>,
    sequence: Option<u64>,
    edited_at: Option<String>,
    edited_by: Option<String>,
}

/// Explains one field of a record.
pub async fn of_field(
    store: &MongoStore,
    generation: u32,
    golden: &Golden,
    field: &str,
) -> Result<Vec<Reason>> {
    let explained = explained(store, generation, golden).await?;
    let fields = explained.context("the record has changed while it was read; try again")?.explanation.fields;
    let known: Vec<_> = fields.iter().map(|line| line.field.clone()).collect();
    match fields.into_iter().find(|line| line.field == field) {
        Some(line) => Ok(rows(line)),
        None => bail!("there is no field {field:?}; known: {}", known.join(", ")),
    }
}

fn rows(line: FieldLineage) -> Vec<Reason> {
    let rule = Some(line.rule.text());
    let value = Reason { part: "value", value: line.value, rule, ..Reason::default() };
    let winner = line.winner.map(|winner| statement("winner", winner, rule));
    let inputs = line.inputs.into_iter().map(input);
    let losers =
        line.losers.into_iter().map(|loser| statement("loser", loser.statement, Some(loser.lost_by.text())));
    [value].into_iter().chain(winner).chain(inputs).chain(losers).collect()
}

fn statement(part: &'static str, said: Statement, rule: Option<&'static str>) -> Reason {
    Reason {
        part,
        value: said.value,
        rule,
        facet: Some(said.facet.to_string()),
        instance: Some(said.source.instance.to_string()),
        object: Some(said.source.object.to_string()),
        key: Some(said.source.key),
        epoch: Some(said.position.epoch),
        sequence: Some(said.position.sequence),
        edited_at: said.edit.map(|edit| edit.at.to_string()),
        edited_by: said.edit.map(|edit| edit.by.to_string()),
    }
}

fn input(input: Input) -> Reason {
    match input {
        Input::Field { name } => Reason { part: "input", value: Value::from(name), ..Reason::default() },
        Input::Facet { facet, source, position } => Reason {
            part: "input",
            facet: Some(facet.to_string()),
            instance: Some(source.instance.to_string()),
            object: Some(source.object.to_string()),
            key: Some(source.key),
            epoch: Some(position.epoch),
            sequence: Some(position.sequence),
            ..Reason::default()
        },
    }
}
