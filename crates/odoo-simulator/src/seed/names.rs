//! Words the invented people, companies and deals are named with.

pub(super) const FIRST: &[&str] = &[
    "Anna", "Bruno", "Carla", "David", "Elif", "Felix", "Grace", "Hannah", "Ivan", "Julia", "Kenji", "Laura",
    "Mehmet", "Nadia", "Oliver", "Priya", "Quentin", "Rosa", "Samuel", "Tomás", "Ulrike", "Victor", "Wanda",
    "Xenia", "Yusuf", "Zoë", "Søren", "Łukasz", "Chloé", "Ayşe",
];

pub(super) const LAST: &[&str] = &[
    "Almeida",
    "Becker",
    "Castillo",
    "Dubois",
    "Eriksen",
    "Fischer",
    "García",
    "Hughes",
    "Ivanova",
    "Jensen",
    "Kowalski",
    "Lindqvist",
    "Moreau",
    "Nakamura",
    "O'Brien",
    "Petrov",
    "Quinn",
    "Romano",
    "Schäfer",
    "Tanaka",
    "Ueda",
    "Virtanen",
    "Walker",
    "Yıldız",
    "Zimmermann",
    "Çelik",
    "Nuñez",
    "van der Meer",
    "Smith-Jones",
    "Østergaard",
];

pub(super) const COMPANY_START: &[&str] = &[
    "Alpine",
    "Baltic",
    "Cobalt",
    "Delta",
    "Evergreen",
    "Falcon",
    "Granite",
    "Harbor",
    "Iron Bridge",
    "Juniper",
    "Keystone",
    "Lighthouse",
    "Mistral",
    "Northwind",
    "Orchard",
    "Pinnacle",
    "Quarry",
    "Redwood",
    "Summit",
    "Tidewater",
    "Umbra",
    "Vista",
    "Westfield",
    "Yellowstone",
    "Zephyr",
];

pub(super) const COMPANY_FIELD: &[&str] = &[
    "Logistics",
    "Foods",
    "Energy",
    "Textiles",
    "Robotics",
    "Pharma",
    "Insurance",
    "Retail",
    "Aviation",
    "Packaging",
];

pub(super) const COMPANY_END: &[&str] =
    &["Inc.", "LLC", "GmbH", "AG", "S.p.A.", "SARL", "B.V.", "Ltd", "A.Ş.", "Oy"];

pub(super) const PRODUCTS: &[&str] = &[
    "Identity platform",
    "Security audit",
    "Managed firewall",
    "Access control rollout",
    "Compliance package",
    "Endpoint protection",
    "Penetration test",
    "Awareness training",
    "Data centre migration",
    "Support renewal",
];

pub(super) const FUNCTIONS: &[&str] = &[
    "Head of IT",
    "Procurement Manager",
    "CFO",
    "Security Officer",
    "Operations Director",
    "Office Manager",
    "CTO",
];

pub(super) const CITIES: &[(&str, &str, i64)] = &[
    ("Chicago", "60601", 1),
    ("Austin", "78701", 1),
    ("Boston", "02108", 1),
    ("Berlin", "10115", 2),
    ("Hamburg", "20095", 2),
    ("Milano", "20121", 3),
    ("Lyon", "69001", 4),
    ("Istanbul", "34000", 5),
];

pub(super) const STREETS: &[&str] =
    &["Main Street", "Station Road", "Hafenstraße", "Via Roma", "Rue de la Gare", "Bağdat Caddesi"];

pub(super) const ROLE_MAILBOXES: &[&str] = &["info", "office", "sales", "contact", "buchhaltung"];

pub(super) const SUMMARIES: &[&str] = &[
    "Follow up on the offer",
    "Discuss requirements",
    "Send the proposal",
    "Check the budget",
    "Arrange a demo",
    "Confirm the decision date",
    "Introduce the delivery team",
    "Negotiate terms",
    "",
];

/// Lowercase ASCII letters of a text, for addresses and domains.
pub(super) fn slug(text: &str) -> String {
    text.chars()
        .flat_map(char::to_lowercase)
        .filter_map(|character| match character {
            'a'..='z' | '0'..='9' => Some(character),
            'ä' | 'á' | 'à' | 'å' => Some('a'),
            'ö' | 'ø' | 'ó' => Some('o'),
            'ü' | 'ú' => Some('u'),
            'é' | 'ë' | 'è' => Some('e'),
            'ı' | 'í' => Some('i'),
            'ş' => Some('s'),
            'ç' => Some('c'),
            'ñ' => Some('n'),
            'ł' => Some('l'),
            _ => None,
        })
        .collect()
}
