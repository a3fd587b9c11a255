//! The lists a company keeps: currencies and rates, stages, reasons, tags, activity types, and the model registry.

use crate::database::Record;
use crate::schema::Schema;

use super::Builder;
use super::organisation::Organisation;
use super::registry;

/// Code, name, symbol, decimal places, active, units per US dollar.
const CURRENCIES: &[(&str, &str, &str, i64, bool, f64)] = &[
    ("USD", "United States dollar", "$", 2, true, 1.0),
    ("EUR", "Euro", "€", 2, true, 0.92),
    ("GBP", "Pound sterling", "£", 2, true, 0.79),
    ("JPY", "Japanese yen", "¥", 0, true, 151.0),
    ("CHF", "Swiss franc", "CHF", 2, true, 0.88),
    ("TRY", "Turkish lira", "₺", 2, true, 34.0),
    ("KWD", "Kuwaiti dinar", "KD", 3, false, 0.31),
    ("SEK", "Swedish krona", "kr", 2, false, 10.6),
    ("PLN", "Polish złoty", "zł", 2, false, 3.95),
    ("INR", "Indian rupee", "₹", 2, false, 84.0),
];

pub(super) fn build(builder: &mut Builder, organisation: &Organisation) {
    currencies(builder, organisation);
    for (name, code) in
        [("United States", "US"), ("Germany", "DE"), ("Italy", "IT"), ("France", "FR"), ("Türkiye", "TR")]
    {
        builder.install("res.country", Record::default().with("name", name).with("code", code));
    }
    for model in Schema::get().models().iter().take(registry::FIRST_MODELS) {
        builder.install("ir.model", Record::default().with("name", model.label).with("model", model.name));
    }
    builder.install(
        "ir.config_parameter",
        Record::default().with("key", "web.base.url").with("value", "http://localhost:8069"),
    );
    crm(builder);
    mail(builder);
}

/// Rates are kept per company: units of the currency per unit of that company's own currency, one a month.
fn currencies(builder: &mut Builder, organisation: &Organisation) {
    for (name, full_name, symbol, places, active, _) in CURRENCIES {
        let rounding =
            [1.0, 0.1, 0.01, 0.001].get(usize::try_from(*places).unwrap_or(2)).copied().unwrap_or(0.01);
        let record = Record::default()
            .with("name", *name)
            .with("full_name", *full_name)
            .with("symbol", *symbol)
            .with("decimal_places", *places)
            .with("rounding", rounding)
            .with("active", *active)
            .with("position", if *name == "EUR" { "after" } else { "before" });
        builder.install("res.currency", record);
    }
    for company in &organisation.companies {
        let own =
            builder.database.row("res.company", *company).and_then(|row| row.get("currency_id").as_int());
        let index = own.and_then(|id| usize::try_from(id - 1).ok());
        let Some(base) = index.and_then(|index| CURRENCIES.get(index)) else { continue };
        for (currency, (name, .., per_dollar)) in (1_i64..).zip(CURRENCIES) {
            if name == &base.0 {
                continue;
            }
            for month in 0..20_i64 {
                let drift =
                    1.0 + f64::from(i32::try_from(builder.random.between(-25, 25)).unwrap_or(0)) / 1_000.0;
                let rate = (per_dollar / base.5 * drift * 1_000_000.0).round() / 1_000_000.0;
                let record = Record::default()
                    .with("name", builder.day(month * 30 + 1))
                    .with("rate", rate)
                    .with("currency_id", currency)
                    .with("company_id", *company);
                builder.install("res.currency.rate", record);
            }
        }
    }
}

fn crm(builder: &mut Builder) {
    for (sequence, (name, won)) in (1_i64..).zip([
        ("New", false),
        ("Qualified  ", false),
        ("Proposition", false),
        ("Negotiation", false),
        ("Won", true),
    ]) {
        let record = Record::default()
            .with("name", name)
            .with("sequence", sequence)
            .with("is_won", won)
            .with("fold", won);
        builder.install("crm.stage", record);
    }
    for name in [
        "Too expensive",
        "We don't have people/skills",
        "Not enough stock",
        "Went with a competitor",
        "No budget this year",
    ] {
        builder.install("crm.lost.reason", Record::default().with("name", name).with("active", true));
    }
    for (color, name) in (1_i64..).zip([
        "Services",
        "Product",
        "Training",
        "Renewal",
        "Consulting",
        "Public sector",
        "Partner",
    ]) {
        builder.install("crm.tag", Record::default().with("name", name).with("color", color));
    }
    for (months, name) in [(1, "Monthly"), (12, "Yearly"), (36, "Over 3 years"), (60, "Over 5 years")] {
        let record =
            Record::default().with("name", name).with("number_of_months", months).with("active", true);
        builder.install("crm.recurring.plan", record.with("sequence", months));
    }
    let lists: [(&'static str, &[&str]); 3] = [
        ("utm.source", &["Search engine", "Newsletter", "LinkedIn", "Referral", "Trade fair"]),
        ("utm.medium", &["Website", "Phone", "Email", "Direct"]),
        ("utm.campaign", &["Spring offers", "Security week", "Partner launch"]),
    ];
    for (model, names) in lists {
        for name in names {
            let active = (model != "utm.source").then_some(true);
            let title = (model == "utm.campaign").then_some(*name);
            let record = Record::default().with("name", *name).with("active", active).with("title", title);
            builder.install(model, record);
        }
    }
}

fn mail(builder: &mut Builder) {
    for (sequence, name) in (1_i64..).zip([
        "Discussions",
        "Note",
        "Activities",
        "Opportunity Created",
        "Stage Changed",
        "Opportunity Won",
        "Opportunity Lost",
        "Opportunity Restored",
    ]) {
        builder
            .install("mail.message.subtype", Record::default().with("name", name).with("sequence", sequence));
    }
    // Calls and meetings are kept when done; the other types vanish, as shipped.
    for (sequence, (name, category, icon, keep)) in (1_i64..).zip([
        ("Email", "default", "fa-envelope", false),
        ("Call", "phonecall", "fa-phone", true),
        ("Meeting", "meeting", "fa-users", true),
        ("To-Do", "default", "fa-check", false),
        ("Upload Document", "upload_file", "fa-upload", false),
    ]) {
        let record = Record::default()
            .with("name", name)
            .with("sequence", sequence)
            .with("active", true)
            .with("category", category)
            .with("chaining_type", "suggest")
            .with("delay_count", 0)
            .with("delay_unit", "days")
            .with("icon", icon)
            .with("keep_done", keep);
        builder.install("mail.activity.type", record);
    }
}
