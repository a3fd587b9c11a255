//! Companies, users in three levels, sales teams and employees.

use crate::database::Record;
use crate::schema::Level;
use crate::session::groups;
use crate::value::Value;

use super::Builder;

/// Ids the other parts of the seed need.
pub(super) struct Organisation {
    pub(super) companies: Vec<i64>,
    pub(super) teams: Vec<Team>,
}

/// A team and the people who own its records.
pub(super) struct Team {
    pub(super) id: i64,
    pub(super) company: Option<i64>,
    /// Members who still work here, the leader last.
    pub(super) people: Vec<i64>,
    /// Someone who left: inactive, still named on old records.
    pub(super) former: Option<i64>,
}

struct Person {
    login: &'static str,
    name: &'static str,
    level: Level,
    companies: &'static [i64],
    title: &'static str,
    active: bool,
}

const fn person(
    login: &'static str,
    name: &'static str,
    level: Level,
    companies: &'static [i64],
    title: &'static str,
) -> Person {
    Person { login, name, level, companies, title, active: true }
}

const fn sales(login: &'static str, name: &'static str, companies: &'static [i64]) -> Person {
    person(login, name, Level::OwnDocuments, companies, "Account Executive")
}

const fn former(login: &'static str, name: &'static str, companies: &'static [i64]) -> Person {
    Person { login, name, level: Level::OwnDocuments, companies, title: "Account Executive", active: false }
}

const BOTH: &[i64] = &[1, 2];
const FIRST: &[i64] = &[1];
const SECOND: &[i64] = &[2];

const DIRECTOR: Person =
    person("director@securado.net", "Helen Marsh", Level::SalesAdministrator, BOTH, "Sales Director");
const ACCOUNT_MANAGER: Person =
    person("am1@salescommand.com", "Amelia Ward", Level::AllDocuments, BOTH, "Account Manager");

/// Teams of the group: name, company, leader, members.
type Plan = (&'static str, Option<i64>, Person, &'static [Person]);

const GROUP: [Plan; 4] = [
    (
        "Americas Direct",
        Some(1),
        ACCOUNT_MANAGER,
        &[
            sales("krishna@securado.net", "Krishna Patel", FIRST),
            sales("dana.brooks@securado.net", "Dana Brooks", FIRST),
            sales("luis.ortega@securado.net", "Luis Ortega", FIRST),
            former("peter.hale@securado.net", "Peter Hale", FIRST),
        ],
    ),
    (
        "DACH",
        Some(2),
        person("lena.vogt@securado.net", "Lena Vogt", Level::AllDocuments, SECOND, "Team Lead DACH"),
        &[
            sales("jonas.keller@securado.net", "Jonas Keller", SECOND),
            sales("miriam.lang@securado.net", "Miriam Lang", SECOND),
            sales("ayse.demir@securado.net", "Ayşe Demir", SECOND),
        ],
    ),
    (
        "Southern Europe",
        Some(2),
        person("marco.rossi@securado.net", "Marco Rossi", Level::AllDocuments, SECOND, "Team Lead South"),
        &[
            sales("chiara.conti@securado.net", "Chiara Conti", SECOND),
            sales("pierre.blanc@securado.net", "Pierre Blanc", SECOND),
        ],
    ),
    (
        "Channel",
        None,
        person("grace.okafor@securado.net", "Grace Okafor", Level::AllDocuments, BOTH, "Channel Lead"),
        &[
            sales("tom.reed@securado.net", "Tom Reed", BOTH),
            sales("nina.holm@securado.net", "Nina Holm", BOTH),
            sales("omar.aziz@securado.net", "Omar Aziz", BOTH),
        ],
    ),
];

/// The overlapping company: two people of the group and three of its own.
const OVERLAP: [Plan; 2] = [
    (
        "Key Accounts",
        Some(1),
        ACCOUNT_MANAGER,
        &[
            sales("krishna@securado.net", "Krishna Patel", FIRST),
            sales("ruth.meyer@meridian.example", "Ruth Meyer", FIRST),
        ],
    ),
    (
        "Inside Sales",
        Some(1),
        person(
            "paul.novak@meridian.example",
            "Paul Novák",
            Level::AllDocuments,
            FIRST,
            "Team Lead Inside Sales",
        ),
        &[
            sales("tom.reed@securado.net", "Tom Reed", FIRST),
            sales("iris.weber@meridian.example", "Iris Weber", FIRST),
        ],
    ),
];

pub(super) fn build(builder: &mut Builder) -> Organisation {
    for (id, name) in [
        (1, "User types / Internal User"),
        (2, "Administration / Access Rights"),
        (4, "Administration / Settings"),
        (10, "User types / Portal"),
        (11, "User types / Public"),
        (21, "Sales / User: Own Documents Only"),
        (22, "Sales / User: All Documents"),
        (23, "Sales / Administrator"),
    ] {
        builder.database.insert_at("res.groups", id, Record::default().with("name", name));
    }
    let group = builder.seed.variant == 1;
    let companies: &[(&str, i64)] = if group {
        &[("Securado Inc.", 1), ("Securado Europe GmbH", 2)]
    } else {
        &[("Meridian Trading Ltd", 3)]
    };
    let mut ids = Vec::new();
    for (name, currency) in companies {
        ids.push(company(builder, name, *currency));
    }
    system_users(builder);
    let everywhere: &[i64] = if group { BOTH } else { FIRST };
    let integration = Person {
        companies: everywhere,
        ..person("integration@salescommand.com", "SalesCommand Integration", Level::AllDocuments, BOTH, "")
    };
    user(builder, &integration);
    let director = user(builder, &Person { companies: everywhere, ..DIRECTOR });
    let director = employee(builder, &DIRECTOR, director, None);
    let plans: &[Plan] = if group { &GROUP } else { &OVERLAP };
    let teams = plans.iter().map(|plan| team(builder, plan, (everywhere, director))).collect();
    Organisation { companies: ids, teams }
}

fn company(builder: &mut Builder, name: &'static str, currency: i64) -> i64 {
    let partner = Record::default()
        .with("name", name)
        .with("complete_name", name)
        .with("commercial_company_name", name)
        .with("is_company", true)
        .with("active", true)
        .with("type", "contact")
        .with("partner_share", false)
        .with("email", "office@securado.net")
        .with("email_normalized", "office@securado.net");
    let partner = builder.install("res.partner", partner);
    own_commercial(builder, partner);
    let record = Record::default()
        .with("name", name)
        .with("active", true)
        .with("sequence", 10)
        .with("currency_id", currency)
        .with("partner_id", partner)
        .with("fiscalyear_last_day", 31)
        .with("fiscalyear_last_month", "12");
    builder.install("res.company", record)
}

/// The users every installation has, in their usual places.
fn system_users(builder: &mut Builder) {
    let system =
        |login, name, level, active| Person { login, name, level, companies: FIRST, title: "", active };
    user(builder, &system("__system__", "OdooBot", Level::Settings, false));
    let everywhere = if builder.seed.variant == 1 { BOTH } else { FIRST };
    user(
        builder,
        &Person { companies: everywhere, ..system("admin", "Administrator", Level::Settings, true) },
    );
    user(builder, &system("default", "Default User Template", Level::Internal, false));
    user(builder, &system("public", "Public user", Level::Portal, false));
    user(builder, &system("portaltemplate", "Portal User Template", Level::Portal, false));
}

fn user(builder: &mut Builder, person: &Person) -> i64 {
    let email = person.login.contains('@').then_some(person.login);
    let partner = Record::default()
        .with("name", person.name)
        .with("complete_name", person.name)
        .with("active", person.active)
        .with("is_company", false)
        .with("type", "contact")
        .with("partner_share", person.level == Level::Portal)
        .with("employee", !person.title.is_empty())
        .with("function", Some(person.title).filter(|title| !title.is_empty()))
        .with("email", email)
        .with("email_normalized", email)
        .with("company_id", person.companies.first().copied());
    let partner = builder.install("res.partner", partner);
    own_commercial(builder, partner);
    let record = Record::default()
        .with("login", person.login)
        .with("active", person.active)
        .with("share", person.level == Level::Portal)
        .with("partner_id", partner)
        .with("company_id", person.companies.first().copied())
        .with("company_ids", person.companies.to_vec())
        .with("groups_id", groups(person.level))
        .with("lang", "en_US")
        .with("tz", if person.companies == SECOND { "Europe/Berlin" } else { "America/New_York" })
        .with("notification_type", "email");
    builder.install("res.users", record)
}

fn own_commercial(builder: &mut Builder, partner: i64) {
    if let Some(row) = builder.database.edit("res.partner", partner) {
        row.set("commercial_partner_id", Value::Int(partner));
    }
}

fn employee(builder: &mut Builder, person: &Person, user: i64, manager: Option<i64>) -> i64 {
    let record = Record::default()
        .with("name", person.name)
        .with("active", person.active)
        .with("user_id", user)
        .with("parent_id", manager)
        .with("company_id", person.companies.first().copied())
        .with("job_title", person.title)
        .with("work_email", person.login);
    builder.install("hr.employee", record)
}

fn team(
    builder: &mut Builder,
    (name, company, leader, members): &Plan,
    (everywhere, director): (&[i64], i64),
) -> Team {
    let limit =
        |person: &Person| -> &'static [i64] { if everywhere.len() == 1 { FIRST } else { person.companies } };
    let leader_user = user(builder, &Person { companies: limit(leader), ..*leader });
    let leader_employee = employee(builder, leader, leader_user, Some(director));
    let sequence = i64::try_from(builder.database.count("crm.team")).unwrap_or(0) + 1;
    let record = Record::default()
        .with("name", *name)
        .with("active", true)
        .with("sequence", sequence)
        .with("company_id", *company)
        .with("user_id", leader_user)
        .with("use_leads", true)
        .with("use_opportunities", true)
        .with("color", sequence)
        .with("invoiced_target", 250_000.0)
        .with("lead_properties_definition", properties(name));
    let id = builder.install("crm.team", record);
    let mut team = Team { id, company: *company, people: Vec::new(), former: None };
    for member in *members {
        let user_id = user(builder, member);
        employee(builder, member, user_id, Some(leader_employee));
        let record = Record::default()
            .with("crm_team_id", id)
            .with("user_id", user_id)
            .with("active", member.active)
            .with("assignment_max", 30);
        builder.install("crm.team.member", record);
        if member.active {
            team.people.push(user_id);
        } else {
            team.former = Some(user_id);
        }
    }
    team.people.push(leader_user);
    team
}

/// One team has defined lead properties, which makes older leads of it unreadable in that field.
fn properties(team: &str) -> Value {
    if team != "Channel" {
        return Value::Null;
    }
    Value::Json(serde_json::json!([
        {"name": "partner_tier", "type": "selection", "string": "Partner tier", "selection": [["gold", "Gold"], ["silver", "Silver"]]},
        {"name": "seats", "type": "integer", "string": "Seats", "default": 5},
    ]))
}
