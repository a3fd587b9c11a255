//! The invented company: the same every time, and with something of everything.

use std::collections::BTreeSet;

use jiff::ToSpan;
use jiff::civil::{Date, date};
use proptest::prelude::*;
use salescommand_odoo_simulator::{Database, Record, Seed};

use super::client::TODAY;

fn leads(database: &Database, accepts: impl Fn(&Record) -> bool) -> usize {
    database.ids_where("crm.lead", accepts).len()
}

#[test]
fn the_same_seed_and_day_give_the_same_rows() {
    let one = Seed::new(42, TODAY).build();
    assert!(one == Seed::new(42, TODAY).build());
    assert!(one != Seed::new(43, TODAY).build());
    let restored = Database::from_json(&one.to_json().unwrap()).unwrap();
    assert!(one == restored, "the state file keeps every value");
}

#[test]
fn the_company_has_something_of_everything() {
    let database = Seed::new(42, TODAY).build();
    for (model, least) in [
        ("res.users", 20),
        ("res.company", 2),
        ("crm.team", 4),
        ("crm.team.member", 10),
        ("hr.employee", 15),
        ("res.partner", 420),
        ("crm.lead", 600),
        ("mail.activity", 2_000),
        ("crm.stage", 5),
        ("res.currency", 10),
        ("res.currency.rate", 100),
        ("crm.tag", 5),
        ("crm.lost.reason", 3),
        ("mail.activity.type", 5),
    ] {
        assert!(database.count(model) >= least, "{model}: {}", database.count(model));
    }
    let done = |row: &Record| !row.get("date_done").is_null();
    let told = |row: &Record| !row.get("mail_activity_type_id").is_null();
    let done = database.ids_where("mail.activity", done).len();
    assert!(database.ids_where("mail.message", told).len() > done, "each leaves a message, kept or not");
    let null = |column: &'static str| move |row: &Record| row.get(column).is_null();
    for column in
        ["user_id", "team_id", "company_id", "expected_revenue", "date_deadline", "partner_id", "email_from"]
    {
        assert!(leads(&database, null(column)) > 5, "leads without {column}");
    }
    let lost = |row: &Record| !row.get("active").as_bool() && row.get("probability").as_float() == 0.0;
    let archived = |row: &Record| !row.get("active").as_bool() && row.get("probability").as_float() > 0.0;
    assert!(leads(&database, lost) > 100);
    assert!(leads(&database, archived) > 10);
    assert!(leads(&database, |row| lost(row) && row.get("lost_reason_id").is_null()) > 3);
    assert!(leads(&database, |row| lost(row) && row.get("stage_id").as_int() == Some(5)) > 0);
    assert!(leads(&database, |row| row.get("type").as_text() == Some("lead")) > 20);
    assert!(leads(&database, |row| row.get("expected_revenue").as_float() == 10.005) > 3);
    for stage in 1..=5 {
        assert!(
            leads(&database, |row| row.get("active").as_bool()
                && row.get("stage_id").as_int() == Some(stage))
                > 10
        );
    }
    for company in [1, 2] {
        assert!(leads(&database, |row| row.get("company_id").as_int() == Some(company)) > 100);
    }
    let partners = |accepts: fn(&Record) -> bool| database.ids_where("res.partner", accepts).len();
    assert!(partners(|row| row.get("email").as_text() == Some("familie.huber@gmail.com")) > 2);
    assert!(partners(|row| row.get("email").as_text().is_some_and(|email| email.starts_with("info@"))) > 3);
    assert!(partners(|row| row.get("email").is_null()) > 20);
    assert!(partners(|row| row.get("name").as_text().is_some_and(|name| name != name.trim())) > 3);
    assert!(partners(|row| row.get("vat").as_text().is_some()) > 100);
}

#[test]
fn employees_stand_in_three_levels() {
    let database = Seed::new(42, TODAY).build();
    let depth = |mut id: i64| {
        let mut depth = 1;
        while let Some(parent) = database.row("hr.employee", id).and_then(|row| row.get("parent_id").as_int())
        {
            (id, depth) = (parent, depth + 1);
        }
        depth
    };
    let depths: BTreeSet<i32> = database.rows("hr.employee").map(|(id, _)| depth(id)).collect();
    assert_eq!(depths, BTreeSet::from([1, 2, 3]));
}

#[test]
fn two_companies_share_people_and_customers() {
    let (first, second) = (Seed::new(42, TODAY).build(), Seed::second(42, TODAY).build());
    let texts = |database: &Database, model: &str, column: &str| -> BTreeSet<String> {
        database.rows(model).filter_map(|(_, row)| row.get(column).as_text().map(str::to_owned)).collect()
    };
    let (logins, others) = (texts(&first, "res.users", "login"), texts(&second, "res.users", "login"));
    for login in ["krishna@securado.net", "am1@salescommand.com", "integration@salescommand.com"] {
        assert!(logins.contains(login) && others.contains(login), "{login}");
    }
    assert!(others.difference(&logins).count() >= 3);
    let shared =
        texts(&first, "res.partner", "vat").intersection(&texts(&second, "res.partner", "vat")).count();
    assert!((10..=40).contains(&shared), "{shared}");
    assert_eq!(second.count("res.company"), 1);
}

#[test]
fn large_sets_have_the_asked_size() {
    let database = Seed::large(1, TODAY, 3_000, 900).build();
    assert_eq!(database.count("crm.lead"), 3_000);
    assert_eq!(database.count("mail.activity"), 9_000);
    assert!(database.count("res.partner") >= 900);
}

/// Whether a lead closed in the quarter `today` falls into.
fn closed_in_quarter(row: &Record, today: Date) -> bool {
    let first = date(today.year(), (today.month() - 1) / 3 * 3 + 1, 1);
    row.get("date_closed").as_instant().is_some_and(|at| {
        let day = at.to_zoned(jiff::tz::TimeZone::UTC).date();
        day >= first && day <= today
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn any_day_shows_wins_and_losses_of_its_quarter_and_nothing_ahead(seed in any::<u64>(), offset in 0_i32..800) {
        let today = date(2025, 1, 1).saturating_add(offset.days());
        let database = Seed { activities: 200, ..Seed::new(seed, today) }.build();
        let won = |row: &Record| row.get("active").as_bool() && row.get("stage_id").as_int() == Some(5);
        let lost = |row: &Record| !row.get("active").as_bool() && row.get("probability").as_float() == 0.0;
        prop_assert!(leads(&database, |row| won(row) && closed_in_quarter(row, today)) >= 4);
        prop_assert!(leads(&database, |row| lost(row) && closed_in_quarter(row, today)) >= 3);
        let first_minute = today.at(0, 1, 0, 0).to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp();
        for model in ["crm.lead", "res.partner", "mail.activity", "mail.message"] {
            for (id, row) in database.rows(model) {
                for column in ["create_date", "write_date", "date_closed", "date_conversion", "date_open"] {
                    if let Some(at) = row.get(column).as_instant() {
                        prop_assert!(at < first_minute, "{model} {id} {column} {at}");
                    }
                }
                let (created, written) = (row.get("create_date").as_instant(), row.get("write_date").as_instant());
                prop_assert!(created <= written, "{model} {id}");
            }
        }
    }
}
