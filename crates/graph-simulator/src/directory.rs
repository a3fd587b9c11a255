//! The directory: users, managers, groups and their members.

use serde_json::{Map, Value, json};

use crate::delta::{Entry, Round, Told};
use crate::fault::Reply;
use crate::query::{Question, select};
use crate::tenant::{Absence, Group, Tenant, User};

/// Users on a page at most, and if nothing is said.
const MOST: usize = 999;
const USUAL: usize = 100;
/// Members told of a group in one object.
const MEMBERS_AT_ONCE: usize = 2;

/// What users have if nothing is selected.
const USUAL_FIELDS: [&str; 11] = [
    "businessPhones",
    "displayName",
    "givenName",
    "id",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
];

/// Answers a question about the directory; none if it is about something else.
pub(crate) fn answer(tenant: &Tenant, question: &Question, pages: usize) -> Option<Result<Reply, Reply>> {
    let path: Vec<&str> = question.path.iter().map(String::as_str).collect();
    Some(match path.as_slice() {
        ["users"] => list_users(tenant, question),
        ["users", "delta" | "delta()" | "microsoft.graph.delta()"] => users_delta(tenant, question, pages),
        ["users", id] => {
            user(tenant, id).map(|(id, user)| one(question, "users", &shown(question, id, user, tenant)))
        }
        ["users", id, "manager"] => manager(tenant, question, id),
        ["groups"] => list_groups(tenant, question),
        ["groups", "delta" | "delta()"] => groups_delta(tenant, question, pages),
        ["groups", id] => group(tenant, id).map(|group| one(question, "groups", &group.fields)),
        ["groups", id, "members" | "transitiveMembers"]
        | ["groups", id, "members" | "transitiveMembers", "microsoft.graph.user" | "graph.user"] => {
            members(tenant, question, id)
        }
        ["organization"] => Ok(Reply::ok(
            json!({"value": [{"id": crate::TENANT_ID, "displayName": "Securado", "verifiedDomains": []}]}),
        )),
        _ => return None,
    })
}

/// The permissions of which one is needed to ask.
pub(crate) fn permissions(question: &Question) -> &'static [&'static str] {
    match question.path.first().map(String::as_str) {
        Some("groups") => &["GroupMember.Read.All", "Group.Read.All", "Directory.Read.All"],
        Some("users") => &["User.Read.All", "Directory.Read.All"],
        _ => &["User.Read.All", "Organization.Read.All", "Directory.Read.All"],
    }
}

fn one(question: &Question, of: &str, fields: &Map<String, Value>) -> Reply {
    let mut fields = select(fields, question.selected().as_deref());
    let context = format!("{}/v1.0/$metadata#{of}/$entity", question.base);
    fields.insert("@odata.context".to_owned(), context.into());
    Reply::ok(Value::Object(fields))
}

/// The user of an id or of a name to sign in with.
pub(crate) fn user<'t>(tenant: &'t Tenant, id: &str) -> Result<(String, &'t User), Reply> {
    let found = tenant.users.get_key_value(id).map(|(id, _)| id.clone()).or_else(|| tenant.user(id));
    let found = found.and_then(|id| tenant.users.get(&id).map(|user| (id, user)));
    found.filter(|(_, user)| user.absent.is_none()).ok_or_else(|| Reply::not_found(id))
}

fn group<'t>(tenant: &'t Tenant, id: &str) -> Result<&'t Group, Reply> {
    tenant.groups.get(id).filter(|group| !group.gone).ok_or_else(|| Reply::not_found(id))
}

/// A user as it is asked for, with the manager if that is to be expanded.
fn shown(question: &Question, id: String, user: &User, tenant: &Tenant) -> Map<String, Value> {
    let usual = || USUAL_FIELDS.map(str::to_owned).to_vec();
    let mut fields = select(&user.fields, Some(&question.selected().unwrap_or_else(usual)));
    let expands = question.option("expand").is_some_and(|expand| expand.starts_with("manager"));
    if let Some(manager) = tenant.manager(&id).filter(|_| expands) {
        let manager = json!({"@odata.type": "#microsoft.graph.user", "id": manager});
        fields.insert("manager".to_owned(), manager);
    }
    fields
}

fn list_users(tenant: &Tenant, question: &Question) -> Result<Reply, Reply> {
    let there = tenant.users.iter().filter(|(_, user)| user.absent.is_none());
    let rows = there.map(|(id, user)| (id.clone(), Value::Object(shown(question, id.clone(), user, tenant))));
    listing(question, "users", rows.collect())
}

fn list_groups(tenant: &Tenant, question: &Question) -> Result<Reply, Reply> {
    let selected = question.selected();
    let there = tenant.groups.iter().filter(|(_, group)| !group.gone);
    let rows =
        there.map(|(id, group)| (id.clone(), Value::Object(select(&group.fields, selected.as_deref()))));
    listing(question, "groups", rows.collect())
}

fn members(tenant: &Tenant, question: &Question, id: &str) -> Result<Reply, Reply> {
    let group = group(tenant, id)?;
    let selected = question.selected();
    let rows = group.members.iter().filter(|(_, (is, _))| *is).filter_map(|(id, _)| {
        let user = tenant.users.get(id).filter(|user| user.absent.is_none())?;
        let mut fields = select(&user.fields, selected.as_deref());
        fields.insert("@odata.type".to_owned(), "#microsoft.graph.user".into());
        Some((id.clone(), Value::Object(fields)))
    });
    listing(question, "directoryObjects", rows.collect())
}

/// A page of rows that are sorted by their ids.
fn listing(question: &Question, of: &str, rows: Vec<(String, Value)>) -> Result<Reply, Reply> {
    for unknown in ["filter", "search", "orderby"] {
        if question.option(unknown).is_some() {
            return Err(Reply::bad_request(&format!("${unknown} is not supported here.")));
        }
    }
    let top = question.option("top").map_or(Some(USUAL), |top| top.parse().ok());
    let top = top.filter(|top| (1..=MOST).contains(top));
    let top = top.ok_or_else(|| Reply::bad_request("Invalid page size specified."))?;
    let after = question.option("skiptoken").unwrap_or_default();
    let mut rows: Vec<_> = rows.into_iter().filter(|(id, _)| id.as_str() > after).collect();
    let more = rows.len() > top;
    rows.truncate(top);
    let last = rows.last().map(|(id, _)| id.clone()).unwrap_or_default();
    let values: Vec<Value> = rows.into_iter().map(|(_, row)| row).collect();
    let mut body =
        json!({"@odata.context": format!("{}/v1.0/$metadata#{of}", question.base), "value": values});
    if more {
        let kept = question.options.iter().filter(|(name, _)| *name != "skiptoken");
        let kept: String = kept.map(|(name, value)| format!("${name}={value}&")).collect();
        let path = question.path.join("/");
        body["@odata.nextLink"] = format!("{}/v1.0/{path}?{kept}$skiptoken={last}", question.base).into();
    }
    Ok(Reply::ok(body))
}

fn manager(tenant: &Tenant, question: &Question, id: &str) -> Result<Reply, Reply> {
    let (id, _) = user(tenant, id)?;
    let manager = tenant.manager(&id).ok_or_else(|| Reply::not_found("manager"))?;
    let (_, manager) = user(tenant, manager)?;
    Ok(one(question, "directoryObjects", &manager.fields))
}

/// What the directory refuses in a delta question.
fn refuse(question: &Question) -> Result<(), Reply> {
    for refused in ["expand", "top", "orderby", "search"] {
        if question.option(refused).is_some() {
            return Err(Reply::bad_request(&format!("${refused} is not supported with delta.")));
        }
    }
    Ok(())
}

fn users_delta(tenant: &Tenant, question: &Question, pages: usize) -> Result<Reply, Reply> {
    refuse(question)?;
    let round = Round::of(tenant, question)?;
    let selected = round.select.clone().unwrap_or_else(|| USUAL_FIELDS.map(str::to_owned).to_vec());
    let entry = |(id, user): (&String, &User)| {
        let reason = match user.absent {
            None => None,
            Some(Absence::Soft) => Some(("changed", true)),
            Some(Absence::Hard) => Some(("deleted", false)),
        };
        let told = match reason {
            Some((reason, at_first)) => Told::Removed { id: id.clone(), reason, at_first },
            None => {
                let mut fields = select(&user.fields, Some(&selected));
                // What was never set is left out.
                fields.retain(|_, value| !value.is_null());
                Told::Record(fields)
            }
        };
        Entry { order: id.clone(), changed: user.changed, told }
    };
    Ok(Reply::ok(round.page(question, pages, tenant.users.iter().map(entry).collect())))
}

fn groups_delta(tenant: &Tenant, question: &Question, pages: usize) -> Result<Reply, Reply> {
    refuse(question)?;
    let round = Round::of(tenant, question)?;
    let mut entries = Vec::new();
    for (id, group) in &tenant.groups {
        if group.gone {
            let told = Told::Removed { id: id.clone(), reason: "deleted", at_first: false };
            entries.push(Entry { order: id.clone(), changed: group.changed, told });
            continue;
        }
        let wants = |name: &str| round.select.as_ref().is_none_or(|names| names.iter().any(|it| it == name));
        let fields = select(&group.fields, round.select.as_deref());
        let changed: Vec<Value> = group
            .members
            .iter()
            .filter(|(_, (is, at))| wants("members") && *at > round.since && (*is || round.since > 0))
            .map(|(member, (is, _))| {
                let mut told = json!({"@odata.type": "#microsoft.graph.user", "id": member});
                if !is {
                    told["@removed"] = json!({"reason": "deleted"});
                }
                told
            })
            .collect();
        // Members of a big group come in several objects.
        let parts: Vec<&[Value]> =
            if changed.is_empty() { vec![&[]] } else { changed.chunks(MEMBERS_AT_ONCE).collect() };
        for (number, part) in parts.into_iter().enumerate() {
            let mut fields = fields.clone();
            if !part.is_empty() {
                fields.insert("members@delta".to_owned(), part.to_vec().into());
            }
            let order = format!("{id}#{number:06}");
            entries.push(Entry { order, changed: group.changed, told: Told::Record(fields) });
        }
    }
    Ok(Reply::ok(round.page(question, pages, entries)))
}
