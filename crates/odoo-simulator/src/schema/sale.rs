//! Quotations and orders, as far as they change what a lead shows without moving it.

use super::{Field as F, Level, Model};

const STATES: &[(&str, &str)] =
    &[("draft", "Quotation"), ("sent", "Quotation Sent"), ("sale", "Sales Order"), ("cancel", "Cancelled")];
const INVOICING: &[(&str, &str)] = &[
    ("upselling", "Upselling Opportunity"),
    ("invoiced", "Fully Invoiced"),
    ("to invoice", "To Invoice"),
    ("no", "Nothing to Invoice"),
];

pub(super) fn models() -> Vec<Model> {
    vec![order(), line()]
}

fn order() -> Model {
    let fields = vec![
        F::char("name", "Order Reference").required(),
        F::selection("state", "Status", STATES).readonly(),
        F::datetime("date_order", "Order Date").required(),
        F::date("validity_date", "Expiration"),
        F::many2one("partner_id", "Customer", "res.partner").required().restrict(),
        F::many2one("user_id", "Salesperson", "res.users"),
        F::many2one("team_id", "Sales Team", "crm.team"),
        F::many2one("company_id", "Company", "res.company").required().restrict(),
        F::many2one("currency_id", "Currency", "res.currency").readonly().restrict(),
        F::float("currency_rate", "Currency Rate").readonly(),
        F::monetary("amount_untaxed", "Untaxed Amount", "currency_id").readonly(),
        F::monetary("amount_tax", "Taxes", "currency_id").readonly(),
        F::monetary("amount_total", "Total", "currency_id").readonly(),
        F::selection("invoice_status", "Invoice Status", INVOICING).readonly(),
        F::many2one("opportunity_id", "Opportunity", "crm.lead"),
        F::one2many("order_line", "Order Lines", "sale.order.line", "order_id"),
        F::char("client_order_ref", "Customer Reference"),
    ];
    Model::new("sale.order", "Sales Order", "date_order desc, id desc", fields)
        .access(Level::OwnDocuments, Level::OwnDocuments)
}

fn line() -> Model {
    let fields = vec![
        F::many2one("order_id", "Order Reference", "sale.order").required().cascade(),
        F::text("name", "Description").required(),
        F::integer("sequence", "Sequence"),
        F::float("product_uom_qty", "Quantity").required(),
        F::float("price_unit", "Unit Price").required(),
        F::monetary("price_subtotal", "Subtotal", "currency_id").readonly(),
        F::many2one("currency_id", "Currency", "res.currency").computed().described_stored(true),
    ];
    Model::new("sale.order.line", "Sales Order Line", "order_id, sequence, id", fields)
        .access(Level::OwnDocuments, Level::OwnDocuments)
}
