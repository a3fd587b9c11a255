//! Leads and opportunities over the eighteen months before today, each with a fate.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::database::Record;
use crate::lead;
use crate::value::Value;

use super::Builder;
use super::customers::Customer;
use super::names;
use super::organisation::{Organisation, Team};

/// Days the history reaches back.
const HISTORY: i64 = 548;
/// The stage whose `is_won` is set.
const WON: i64 = 5;

/// What became of a lead.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Open,
    Won,
    Lost,
    /// Archived by a plain write: inactive with a probability above zero.
    Archived,
    /// Won once, then moved back into the pipeline.
    Reopened,
    /// Lost once, then restored by a plain write that left the old closing date.
    Restored,
}

/// When things happened to a lead, in days before today.
struct Story {
    fate: Fate,
    created: i64,
    closed: i64,
    touched: i64,
}

pub(super) fn build(builder: &mut Builder, organisation: &Organisation, customers: &[Customer]) {
    for index in 0..builder.seed.leads {
        let story = story(builder, index);
        add(builder, organisation, (index, &story), customers);
    }
}

/// The first leads have fixed fates, so that today, this month and this quarter always show something.
fn story(builder: &mut Builder, index: usize) -> Story {
    let fixed = match index {
        0..=3 => Some((Fate::Won, 0)),
        4..=6 => Some((Fate::Lost, 0)),
        7..=18 => Some((Fate::Won, i64::try_from(index).unwrap_or(9) - 6)),
        19..=30 => Some((Fate::Lost, i64::try_from(index).unwrap_or(20) - 18)),
        31..=40 => Some((Fate::Reopened, i64::try_from(index).unwrap_or(31) - 29)),
        41..=46 => Some((Fate::Restored, i64::try_from(index).unwrap_or(41) - 38)),
        _ => None,
    };
    if let Some((fate, closed)) = fixed {
        let created = closed + builder.random.between(20, 90);
        let touched =
            if matches!(fate, Fate::Reopened | Fate::Restored) { (closed - 1).max(1) } else { closed };
        return Story { fate, created, closed, touched };
    }
    let created = builder.random.between(1, HISTORY);
    let settled = builder.random.between(1, 100) <= (created * 100 / 220).min(88) && created > 12;
    if !settled {
        let touched = builder.random.between(1, created);
        return Story { fate: Fate::Open, created, closed: 0, touched };
    }
    let closed = (created - builder.random.between(10, 120)).max(1);
    let fate = match builder.random.between(1, 100) {
        1..=42 => Fate::Won,
        43..=90 => Fate::Lost,
        _ => Fate::Archived,
    };
    Story { fate, created, closed, touched: closed }
}

fn add(
    builder: &mut Builder,
    organisation: &Organisation,
    (index, story): (usize, &Story),
    customers: &[Customer],
) {
    let Some(position) =
        builder.random.id(&(0..i64::try_from(organisation.teams.len()).unwrap_or(0)).collect::<Vec<_>>())
    else {
        return;
    };
    let Some(team) = usize::try_from(position).ok().and_then(|position| organisation.teams.get(position))
    else {
        return;
    };
    let created = builder.moment(story.created);
    // What happened today happened just after midnight, so that it never lies ahead of the machine's clock.
    let event = if story.touched == 0 {
        builder.at(0, i64::try_from(index).unwrap_or(0) + 1)
    } else {
        builder.moment(story.touched)
    };
    let event = event.max(created);
    let closed =
        if story.closed == story.touched { event } else { builder.moment(story.closed).max(created) };
    let mut record = Record::default().with("create_date", created);
    owner(builder, &mut record, (organisation, team), created);
    customer(builder, &mut record, (team, customers));
    money(builder, &mut record);
    particulars(builder, &mut record, story);
    fate(builder, &mut record, story, (created, closed, event));
    if team.company.is_none() && story.created < 40 {
        let seats = builder.random.between(1, 500);
        record
            .set("lead_properties", Value::Json(serde_json::json!({"partner_tier": "gold", "seats": seats})));
    }
    lead::derive(&mut record);
    let author = record.get("user_id").as_int().unwrap_or(2);
    builder.add("crm.lead", record, (created, event), author);
}

fn owner(
    builder: &mut Builder,
    record: &mut Record,
    (organisation, team): (&Organisation, &Team),
    created: Timestamp,
) {
    let draw = builder.random.between(1, 100);
    let user = if draw <= 6 {
        None
    } else if draw <= 9 {
        team.former.or_else(|| builder.random.id(&team.people))
    } else {
        builder.random.id(&team.people)
    };
    let in_team = user.is_some() || builder.random.chance(50);
    let company = match team.company {
        Some(company) if !builder.random.chance(5) => Some(company),
        Some(_) => None,
        None if builder.random.chance(70) => builder.random.id(&organisation.companies),
        None => None,
    };
    record.set("user_id", user.into());
    record.set("team_id", in_team.then_some(team.id).into());
    record.set("company_id", company.into());
    record.set("date_open", user.map(|_| created).into());
}

/// Most leads belong to a customer; the others carry what somebody typed.
fn customer(builder: &mut Builder, record: &mut Record, (team, customers): (&Team, &[Customer])) {
    let fits = |customer: &&Customer| {
        customer.company.is_none() || team.company.is_none() || customer.company == team.company
    };
    let candidate = builder.random.pick(customers).filter(fits).filter(|_| builder.random.chance(85));
    let product = builder.random.word(names::PRODUCTS);
    let partner = candidate.and_then(|customer| {
        Some((customer.partner, builder.database.row("res.partner", customer.partner)?.clone()))
    });
    let Some((id, partner)) = partner else {
        let company = format!(
            "{} {}",
            builder.random.word(names::COMPANY_START),
            builder.random.word(names::COMPANY_FIELD)
        );
        let contact = format!("{} {}", builder.random.word(names::FIRST), builder.random.word(names::LAST));
        let email = match builder.random.between(1, 6) {
            1 => None,
            2 => Some(format!("info@{}.example", names::slug(&company))),
            _ => Some(format!("{}@{}.example", names::slug(&contact), names::slug(&company))),
        };
        record.set("name", format!("{product} for {company}").into());
        record.set("partner_name", company.into());
        record.set("contact_name", contact.into());
        record.set("email_from", email.into());
        return;
    };
    let title = partner
        .get("commercial_company_name")
        .as_text()
        .or_else(|| partner.get("name").as_text())
        .unwrap_or_default();
    record.set("name", format!("{product} for {}", title.trim()).into());
    record.set("partner_id", Value::Int(id));
    record.set("partner_name", partner.get("commercial_company_name").clone());
    if !partner.get("is_company").as_bool() {
        record.set("contact_name", partner.get("name").clone());
    }
    record.set("email_from", partner.get("email").clone());
    for name in ["phone", "function", "street", "city", "zip", "country_id"] {
        record.set(name, partner.get(name).clone());
    }
}

fn money(builder: &mut Builder, record: &mut Record) {
    let revenue = match builder.random.between(1, 100) {
        1..=8 => None,
        9..=10 => Some(10.005),
        11..=12 => Some(12_345.678),
        13..=60 => Some(cents(builder.random.between(20, 240) * 5_000)),
        61..=92 => Some(cents(builder.random.between(1_200, 9_000) * 1_000)),
        _ => Some(cents(builder.random.between(10_000_000, 45_000_000))),
    };
    record.set("expected_revenue", revenue.into());
    if builder.random.chance(12) {
        record.set("recurring_revenue", cents(builder.random.between(10, 200) * 1_000).into());
        record.set("recurring_plan", builder.random.between(1, 4).into());
    }
}

/// An amount from its hundredths.
fn cents(hundredths: i64) -> f64 {
    f64::from(i32::try_from(hundredths).unwrap_or(i32::MAX)) / 100.0
}

fn particulars(builder: &mut Builder, record: &mut Record, story: &Story) {
    let unqualified = story.fate == Fate::Open && story.created < 120 && builder.random.chance(35);
    record.set("type", Value::from(if unqualified { "lead" } else { "opportunity" }));
    if !unqualified && builder.random.chance(30) {
        let converted = builder.moment((story.created - 2).max(story.touched));
        record.set("date_conversion", converted.into());
    }
    let priority = builder.random.word(&["0", "0", "0", "1", "1", "2", "3"]);
    record.set("priority", priority.into());
    let tags: Vec<i64> = (0..builder.random.between(0, 2)).map(|_| builder.random.between(1, 7)).collect();
    record.set("tag_ids", tags.into());
    for (column, most, share) in [("source_id", 5, 60), ("medium_id", 4, 60), ("campaign_id", 3, 30)] {
        if builder.random.chance(share) {
            record.set(column, builder.random.between(1, most).into());
        }
    }
    if builder.random.chance(25) {
        record.set("description", Value::from("<p>Asked for a first conversation.</p>"));
    }
    let deadline = match story.fate {
        _ if builder.random.chance(12) => None,
        Fate::Won | Fate::Lost | Fate::Archived => Some(story.closed + builder.random.between(-20, 30)),
        _ if builder.random.chance(28) => Some(builder.random.between(1, 60)),
        _ => Some(builder.random.between(-120, 0)),
    };
    record.set("date_deadline", deadline.map(|days| builder.day(days)).into());
}

/// Stage, probability, activity and dates, consistent with what became of the lead.
fn fate(
    builder: &mut Builder,
    record: &mut Record,
    story: &Story,
    (created, closed, event): (Timestamp, Timestamp, Timestamp),
) {
    let won = story.fate == Fate::Won;
    let stage = match story.fate {
        Fate::Won => WON,
        // A lost lead keeps its stage, and now and then that is the won one.
        Fate::Lost if builder.random.chance(3) => WON,
        _ => *builder.random.pick(&[1, 1, 1, 2, 2, 2, 3, 3, 4]).unwrap_or(&1),
    };
    record.set("stage_id", Value::Int(stage));
    record.set("active", Value::Bool(!matches!(story.fate, Fate::Lost | Fate::Archived)));
    let automated =
        if story.fate == Fate::Lost { 0.0 } else { lead::automated_probability(&builder.database, record) };
    let by_hand = !won && story.fate != Fate::Lost && builder.random.chance(12);
    let probability = if by_hand { cents(builder.random.between(5, 95) * 100) } else { automated };
    record.set("automated_probability", automated.into());
    record.set("probability", probability.into());
    if matches!(story.fate, Fate::Won | Fate::Lost | Fate::Restored) {
        record.set("date_closed", closed.into());
    }
    if story.fate == Fate::Lost && !builder.random.chance(15) {
        record.set("lost_reason_id", builder.random.between(1, 5).into());
    }
    let moved = if matches!(story.fate, Fate::Won | Fate::Reopened) { event } else { created };
    record.set("date_last_stage_update", moved.into());
    let waited = (moved.as_second() - created.as_second()).max(0);
    let mut spent = BTreeMap::new();
    if waited > 0 {
        spent.insert(1, waited / 3);
        spent.insert(3, waited - waited / 3);
    }
    if story.fate == Fate::Reopened {
        spent.insert(WON, 86_400);
    }
    record.set("x_durations", if spent.is_empty() { Value::Null } else { Value::Durations(spent) });
}
