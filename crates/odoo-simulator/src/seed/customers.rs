//! Customers: companies and their contacts, with the irregularities of a real address book.

use crate::database::Record;
use crate::partner;
use crate::value::Value;

use super::Builder;
use super::names;
use super::organisation::Organisation;
use super::random::Random;

/// A customer a lead can belong to.
pub(super) struct Customer {
    pub(super) partner: i64,
    pub(super) company: Option<i64>,
}

/// How many companies both variants know, under the same tax number.
const SHARED: usize = 40;

/// An address several contacts of different companies use.
const SHARED_MAILBOX: &str = "familie.huber@gmail.com";

pub(super) fn build(builder: &mut Builder, organisation: &Organisation) -> Vec<Customer> {
    // Companies both variants know come from a sequence of their own, whatever the rest draws.
    let mut shared = Random::new(builder.seed.seed ^ 0x5eed_c0de);
    let companies = builder.seed.partners / 3;
    let mut customers = Vec::new();
    let mut number = 0;
    while customers.len() < builder.seed.partners {
        let spec = if number < SHARED {
            company_spec(&mut shared, number)
        } else {
            company_spec(&mut builder.random, number + 1_000)
        };
        number += 1;
        if number > companies.max(1) {
            let contact = private_person(builder);
            customers.push(contact);
            continue;
        }
        let owner = pick_owner(builder, organisation);
        let partner = add_company(builder, &spec, owner);
        customers.push(Customer { partner, company: owner.1 });
        let contacts = builder.random.between(1, 3);
        for _ in 0..contacts {
            if customers.len() < builder.seed.partners {
                let contact = add_contact(builder, &spec, (partner, owner));
                customers.push(Customer { partner: contact, company: owner.1 });
            }
        }
    }
    customers
}

struct Spec {
    name: String,
    domain: String,
    vat: Option<String>,
    city: (&'static str, &'static str, i64),
}

fn company_spec(random: &mut Random, number: usize) -> Spec {
    let (start, field, end) = (
        random.word(names::COMPANY_START),
        random.word(names::COMPANY_FIELD),
        random.word(names::COMPANY_END),
    );
    let domain = format!("{}-{}{}.example", names::slug(start), names::slug(field), number % 97);
    let city = random.pick(names::CITIES).copied().unwrap_or(("Berlin", "10115", 2));
    let prefix =
        ["US", "DE", "IT", "FR", "TR"].get(usize::try_from(city.2 - 1).unwrap_or(0)).copied().unwrap_or("DE");
    let digits = random.between(100_000_000, 999_999_999);
    let vat = random.chance(80).then(|| match random.between(1, 10) {
        1 => format!("{prefix} {digits}"),
        2 => format!("{}{digits}", prefix.to_lowercase()),
        _ => format!("{prefix}{digits}"),
    });
    Spec { name: format!("{start} {field} {end}"), domain, vat, city }
}

/// The salesperson and company of a new customer; some customers have neither.
fn pick_owner(builder: &mut Builder, organisation: &Organisation) -> (Option<i64>, Option<i64>) {
    let Some(team) = builder.random.pick(&organisation.teams) else { return (None, None) };
    let user = if builder.random.chance(80) { builder.random.id(&team.people) } else { None };
    (user, if builder.random.chance(75) { team.company } else { None })
}

fn add_company(builder: &mut Builder, spec: &Spec, (user, company): (Option<i64>, Option<i64>)) -> i64 {
    let name = match builder.random.between(1, 20) {
        1 => format!("  {}", spec.name),
        2 => format!("{} ", spec.name),
        _ => spec.name.clone(),
    };
    let mailbox = builder.random.word(names::ROLE_MAILBOXES);
    let email = builder.random.chance(70).then(|| format!("{mailbox}@{}", spec.domain));
    let website = match builder.random.between(1, 4) {
        1 => Some(format!("https://www.{}", spec.domain)),
        2 => Some(format!("http://{}/", spec.domain)),
        3 => Some(spec.domain.clone()),
        _ => None,
    };
    let record = Record::default()
        .with("name", name)
        .with("is_company", true)
        .with("email", email)
        .with("website", website)
        .with("vat", spec.vat.clone())
        .with("customer_rank", 1)
        .with("user_id", user)
        .with("company_id", company);
    let record = address(builder, record, spec.city);
    add(builder, record)
}

fn add_contact(
    builder: &mut Builder,
    spec: &Spec,
    (parent, (user, company)): (i64, (Option<i64>, Option<i64>)),
) -> i64 {
    let name = full_name(builder);
    let address = format!("{}@{}", names::slug(&name.replace(' ', "")), spec.domain);
    let email = match builder.random.between(1, 20) {
        1..=2 => None,
        3 => Some(format!(" {address} ")),
        4 => Some(address.to_uppercase()),
        5 => Some(SHARED_MAILBOX.to_owned()),
        6 => Some(String::new()),
        _ => Some(address),
    };
    let function = builder.random.word(names::FUNCTIONS);
    let record = Record::default()
        .with("name", name)
        .with("is_company", false)
        .with("parent_id", parent)
        .with("email", email)
        .with("function", function)
        .with("vat", spec.vat.clone())
        .with("user_id", user)
        .with("company_id", company);
    let record = self::address(builder, record, spec.city);
    add(builder, record)
}

/// Someone without a company.
fn private_person(builder: &mut Builder) -> Customer {
    let name = full_name(builder);
    let email = match builder.random.between(1, 6) {
        1 => None,
        2 => Some("not an address".to_owned()),
        _ => Some(format!("{}@gmail.com", names::slug(&name))),
    };
    let record = Record::default().with("name", name).with("is_company", false).with("email", email);
    let city = builder.random.pick(names::CITIES).copied().unwrap_or(("Berlin", "10115", 2));
    let record = address(builder, record, city);
    Customer { partner: add(builder, record), company: None }
}

fn full_name(builder: &mut Builder) -> String {
    format!("{} {}", builder.random.word(names::FIRST), builder.random.word(names::LAST))
}

fn address(
    builder: &mut Builder,
    record: Record,
    (city, zip, country): (&'static str, &'static str, i64),
) -> Record {
    let street = format!("{} {}", builder.random.word(names::STREETS), builder.random.between(1, 180));
    let number = builder.random.between(1_000_000, 9_999_999);
    let phone = match builder.random.between(1, 5) {
        1 => None,
        2 => Some(format!("+49 30 {number}")),
        3 => Some(format!("+1 (312) {number}")),
        4 => Some(format!("00905 32{number}")),
        _ => Some(format!("{number}")),
    };
    record
        .with("street", street)
        .with("city", city)
        .with("zip", zip)
        .with("country_id", country)
        .with("phone", phone)
}

fn add(builder: &mut Builder, record: Record) -> i64 {
    let mut record =
        record.with("active", !builder.random.chance(3)).with("type", "contact").with("partner_share", true);
    partner::derive(&builder.database, None, &mut record);
    let created = builder.random.between(30, 630);
    let written = builder.random.between(1, created);
    let (created, written) = (builder.moment(created), builder.moment(written));
    let id = builder.add("res.partner", record, (created, written.max(created)), 2);
    if let Some(row) = builder.database.edit("res.partner", id)
        && row.get("commercial_partner_id").is_null()
    {
        row.set("commercial_partner_id", Value::Int(id));
    }
    id
}
