//! The tenant of the demo: the colleagues of the demo's CRM, with the same addresses, and some who are not in it.

use serde_json::json;

use crate::tenant::Tenant;

/// The tenant's id.
pub const TENANT_ID: &str = "5f2d7c30-1c1f-4a52-9d3e-0b7a4c9e1d11";
/// The application's id.
pub const CLIENT_ID: &str = "0c7f6a52-3f0e-4c55-8f57-2b1de9a0c001";

/// Name, address, address of the manager, department.
const PEOPLE: [(&str, &str, &str, &str); 21] = [
    ("Helen Marsh", "director@securado.net", "", "Sales"),
    ("Amelia Ward", "am1@salescommand.com", "director@securado.net", "Sales"),
    ("Lena Vogt", "lena.vogt@securado.net", "director@securado.net", "Sales"),
    ("Marco Rossi", "marco.rossi@securado.net", "director@securado.net", "Sales"),
    ("Grace Okafor", "grace.okafor@securado.net", "director@securado.net", "Sales"),
    ("Krishna Patel", "krishna@securado.net", "am1@salescommand.com", "Sales"),
    ("Dana Brooks", "dana.brooks@securado.net", "am1@salescommand.com", "Sales"),
    ("Luis Ortega", "luis.ortega@securado.net", "am1@salescommand.com", "Sales"),
    ("Peter Hale", "peter.hale@securado.net", "", "Sales"),
    ("Jonas Keller", "jonas.keller@securado.net", "lena.vogt@securado.net", "Sales"),
    ("Miriam Lang", "miriam.lang@securado.net", "lena.vogt@securado.net", "Sales"),
    ("Ayşe Demir", "ayse.demir@securado.net", "lena.vogt@securado.net", "Sales"),
    ("Chiara Conti", "chiara.conti@securado.net", "marco.rossi@securado.net", "Sales"),
    ("Pierre Blanc", "pierre.blanc@securado.net", "marco.rossi@securado.net", "Sales"),
    ("Tom Reed", "tom.reed@securado.net", "grace.okafor@securado.net", "Sales"),
    ("Nina Holm", "nina.holm@securado.net", "grace.okafor@securado.net", "Sales"),
    ("Omar Aziz", "omar.aziz@securado.net", "grace.okafor@securado.net", "Sales"),
    ("Ingrid Sund", "ingrid.sund@securado.net", "director@securado.net", "Finance"),
    ("Paolo Greco", "paolo.greco@securado.net", "ingrid.sund@securado.net", "Finance"),
    ("Reception", "office@securado.net", "", "Facilities"),
    ("Guest Auditor", "auditor@partner.example", "", "External"),
];

/// The demo's tenant.
pub(crate) fn demo() -> Tenant {
    let mut tenant = Tenant::new();
    let mut ids = Vec::new();
    for (name, address, _, department) in PEOPLE {
        let id = tenant.add_user(name, address);
        tenant.set_user(&id, json!({"department": department}));
        ids.push(id);
    }
    for ((_, _, manager, _), id) in PEOPLE.iter().zip(&ids) {
        let manager = tenant.user(manager);
        tenant.set_manager(id, manager.as_deref());
    }
    let of = |tenant: &Tenant, address: &str| tenant.user(address).unwrap_or_default();
    let left = of(&tenant, "peter.hale@securado.net");
    tenant.set_user(&left, json!({"accountEnabled": false}));
    let guest = of(&tenant, "auditor@partner.example");
    tenant.set_user(&guest, json!({"userType": "Guest", "proxyAddresses": []}));
    tenant.remove_mailbox(&guest);
    let sales: Vec<&str> =
        PEOPLE.iter().zip(&ids).filter(|((.., it), _)| *it == "Sales").map(|(_, id)| id.as_str()).collect();
    tenant.add_group("Sales", &sales);
    let security = tenant.add_group("VPN users", &sales[..5]);
    tenant.set_group(&security, json!({"groupTypes": [], "mailEnabled": false, "securityEnabled": true}));
    for (number, id) in ids[..17].iter().enumerate() {
        contacts_and_meetings(&mut tenant, number, id, &ids);
    }
    tenant
}

fn contacts_and_meetings(tenant: &mut Tenant, number: usize, user: &str, ids: &[String]) {
    for (count, (name, company)) in
        [("Ana Silva", "Alpine Foods"), ("Ben Cole", "Borealis Ltd"), ("Cora Danes", "Cobalt AG")]
            .into_iter()
            .enumerate()
    {
        let host = company.split(' ').next().unwrap_or_default().to_lowercase();
        let address =
            format!("{}{number}@{host}.example", name.split(' ').next().unwrap_or_default().to_lowercase());
        if let Some(contact) = tenant.add_contact(user, None, name, &address) {
            let change = json!({"companyName": company, "jobTitle": "Buyer", "mobilePhone": format!("+1 555 01{number:02}{count}")});
            tenant.set_contact(user, &contact, change);
        }
    }
    let colleague = &ids[(number + 1) % 17];
    let (name, address, ..) = PEOPLE[(number + 1) % 17];
    let (own_name, own, ..) = PEOPLE[number];
    let day = 1 + number;
    let times = (format!("2026-11-{day:02}T09:00:00"), format!("2026-11-{day:02}T09:30:00"));
    let uid = format!("040000008200E00074C5B7101A82E00800000000{number:08X}");
    let attendees = json!([{
        "type": "required", "status": {"response": "accepted", "time": "2026-10-01T08:00:00Z"},
        "emailAddress": {"name": name, "address": address},
    }]);
    let organizer = json!({"emailAddress": {"name": own_name, "address": own}});
    let members = |is_organizer: bool| json!({"subject": "Account review", "attendees": attendees, "organizer": organizer, "isOrganizer": is_organizer});
    tenant.add_event(user, &uid, (&times.0, &times.1), members(true));
    tenant.add_event(colleague, &uid, (&times.0, &times.1), members(false));
}
