//! Quotations and orders: their totals, confirmation and cancellation. None of it moves the lead they belong to,
//! although what the lead shows of them changes.

use std::collections::BTreeSet;

use crate::compute;
use crate::database::Record;
use crate::fault::Fault;
use crate::reader::Reader;
use crate::schema::Model;
use crate::value::Value;
use crate::wire::Wire;
use crate::writer::{Given, Writer};

/// Defaults of a new quotation.
pub(crate) fn on_create(writer: &Writer<'_>, record: &mut Record, given: &Given) {
    let number = writer.database.rows("sale.order").map(|(id, _)| id).max().unwrap_or(0) + 1;
    let defaults = [
        ("name", Value::Text(format!("S{number:05}"))),
        ("state", Value::from("draft")),
        ("date_order", writer.session.noted()),
        ("user_id", Value::Int(writer.session.uid)),
        ("company_id", Value::reference(writer.session.company())),
        ("invoice_status", Value::from("no")),
        ("currency_rate", Value::Float(1.0)),
    ];
    for (name, value) in defaults {
        if !given.contains(name) {
            record.set(name, value);
        }
    }
    let currency = compute::lead_currency(&Reader::new(writer.database, writer.session), record);
    record.set("currency_id", Value::reference(currency));
}

/// A line's own total.
pub(crate) fn on_line_change(record: &mut Record) {
    let total = record.get("product_uom_qty").as_float() * record.get("price_unit").as_float();
    record.set("price_subtotal", Value::Float((total * 100.0).round() / 100.0));
}

/// The order's totals after a change of its lines; only other totals move the order.
pub(crate) fn add_up(writer: &mut Writer<'_>, order: i64) {
    let total: f64 = writer
        .database
        .rows("sale.order.line")
        .filter(|(_, row)| row.get("order_id").as_int() == Some(order))
        .map(|(_, row)| row.get("price_subtotal").as_float())
        .sum();
    let before = writer.database.row("sale.order", order).map(|row| row.get("amount_untaxed").as_float());
    if before.is_some_and(|before| (before - total).abs() >= 0.005) {
        writer.touch("sale.order", order, |row| {
            row.set("amount_untaxed", Value::Float(total));
            row.set("amount_total", Value::Float(total));
        });
    }
}

/// The order of each of these lines.
pub(crate) fn orders_of(writer: &Writer<'_>, lines: &[i64]) -> BTreeSet<i64> {
    let order = |line: &i64| writer.database.row("sale.order.line", *line)?.get("order_id").as_int();
    lines.iter().filter_map(order).collect()
}

/// `action_confirm` and `action_cancel`.
pub(crate) fn change_state(
    writer: &mut Writer<'_>,
    model: &'static Model,
    ids: &[i64],
    state: &str,
) -> Result<Wire, Fault> {
    writer.check_present(model, ids)?;
    let now = writer.session.noted();
    for id in ids {
        writer.touch(model.name, *id, |row| {
            row.set("state", Value::from(state));
            if state == "sale" {
                row.set("date_order", now.clone());
            }
        });
    }
    Ok(Wire::Bool(true))
}

/// Orders that were confirmed stay.
///
/// # Errors
/// Fault 2 for an order neither a quotation nor cancelled.
pub(crate) fn check_deletable(writer: &Writer<'_>, ids: &[i64]) -> Result<(), Fault> {
    let confirmed = |id: &i64| {
        writer.database.row("sale.order", *id).is_some_and(|row| row.get("state").as_text() == Some("sale"))
    };
    if ids.iter().any(confirmed) {
        return Err(Fault::user("A confirmed order cannot be deleted. Cancel it first."));
    }
    Ok(())
}

/// What a lead shows of its quotations and orders.
pub(crate) fn of_lead(reader: &Reader<'_>, lead: i64, name: &str) -> Value {
    let index = reader.pointing_at("crm.lead", "sale.order", "opportunity_id");
    let orders = index.get(&lead).into_iter().flatten();
    let orders = orders.filter_map(|id| reader.database.row("sale.order", *id));
    let in_state = |row: &Record, states: &[&str]| {
        row.get("state").as_text().is_some_and(|state| states.contains(&state))
    };
    match name {
        "quotation_count" => {
            let number = orders.filter(|row| in_state(row, &["draft", "sent"])).count();
            Value::Int(i64::try_from(number).unwrap_or(0))
        }
        "sale_order_count" => {
            let number = orders.filter(|row| in_state(row, &["sale"])).count();
            Value::Int(i64::try_from(number).unwrap_or(0))
        }
        _ => Value::Float(
            orders
                .filter(|row| in_state(row, &["sale"]))
                .map(|row| row.get("amount_untaxed").as_float())
                .sum(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_costs_its_quantity_times_its_price() {
        let mut record = Record::default().with("product_uom_qty", 3.0).with("price_unit", 0.335);
        on_line_change(&mut record);
        assert_eq!(record.get("price_subtotal"), &Value::Float(1.01));
    }
}
