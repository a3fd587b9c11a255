//! Who the claims of a believed token say that somebody is.
//!
//! Issuer, tenant and subject are the identity; nothing else links or finds an account. An e-mail address is taken
//! only where the configuration declares the provider authoritative for its domain and the token says that it is
//! verified: it joins the account's person with the same person in the sources.

use std::collections::BTreeSet;

use salescommand_domain::access::Role;
use serde_json::Value;

use super::settings::{ClaimNames, ProviderSettings};
use super::token::Claims;
use super::{Refusal, settings};
use crate::accounts::ExternalIdentity;

/// Longer subjects than the standard allows are nobody's.
const LONGEST_SUBJECT: usize = 255;
const LONGEST_NAME: usize = 200;

/// Somebody, as a provider knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) identity: ExternalIdentity,
    pub(crate) name: String,
    /// Believed; none if there is none that may be.
    pub(crate) email: Option<String>,
    pub(crate) groups: BTreeSet<String>,
    /// Not all groups fitted into the token.
    pub(crate) groups_missing: bool,
}

/// The tenant that a token claims, if its provider has tenants; refused unless it may sign in.
pub(crate) fn tenant_of(settings: &ProviderSettings, claims: &Claims) -> Result<Option<String>, Refusal> {
    let Some(name) = &settings.claims.tenant else { return Ok(None) };
    let tenant = text(claims, name).ok_or(Refusal::TenantNotAllowed)?;
    let is_entra = matches!(settings.authority, settings::Authority::Entra { .. });
    let known = settings.tenants.is_empty() && !is_entra || settings.tenants.contains(tenant);
    if known { Ok(Some(tenant.to_owned())) } else { Err(Refusal::TenantNotAllowed) }
}

/// The person of a token that was verified for this issuer and tenant.
pub(crate) fn person(
    settings: &ProviderSettings,
    (issuer, tenant): (&str, Option<String>),
    claims: &Claims,
) -> Result<Person, Refusal> {
    let names = &settings.claims;
    let subject = text(claims, &names.subject).filter(|subject| subject.len() <= LONGEST_SUBJECT);
    let identity = ExternalIdentity {
        provider: settings.name.clone(),
        issuer: issuer.to_owned(),
        tenant,
        subject: subject.ok_or(Refusal::TokenInvalid)?.to_owned(),
    };
    let email = believed_email(settings, claims);
    let name =
        [names.name.as_str(), "name", "preferred_username"].iter().find_map(|name| display(claims, name));
    let name = name.or_else(|| email.clone()).unwrap_or_else(|| settings.title.clone());
    let groups = names.roles.iter().flat_map(|claim| values(claims, claim)).collect();
    Ok(Person { identity, name, email, groups, groups_missing: groups_missing(names, claims) })
}

/// The most that the provider's roles and groups give; none if they give nothing.
pub(crate) fn mapped_role(settings: &ProviderSettings, groups: &BTreeSet<String>) -> Option<Role> {
    let given = groups.iter().filter_map(|group| settings.roles.get(group).copied());
    // Roles stand in the order of what they may do, the most first.
    given.min()
}

fn believed_email(settings: &ProviderSettings, claims: &Claims) -> Option<String> {
    let email = text(claims, &settings.claims.email)?.to_lowercase();
    let (_, domain) = email.rsplit_once('@')?;
    let verified = settings.claims.email_verified.iter().any(|claim| claims.get(claim).is_some_and(is_true));
    (verified && settings.authoritative_domains.contains(domain)).then_some(email)
}

/// Microsoft spells truth in several ways.
fn is_true(value: &Value) -> bool {
    match value {
        Value::Bool(truth) => *truth,
        Value::Number(number) => number.as_i64() == Some(1),
        Value::String(text) => text == "1" || text.eq_ignore_ascii_case("true"),
        _ => false,
    }
}

/// "Overage": beyond 200 groups Microsoft names a place to ask instead.
fn groups_missing(names: &ClaimNames, claims: &Claims) -> bool {
    let elsewhere = claims.get("_claim_names").and_then(Value::as_object);
    let elsewhere = elsewhere.is_some_and(|them| names.roles.iter().any(|claim| them.contains_key(claim)));
    let flag =
        claims.get("hasgroups").is_some_and(is_true) && names.roles.iter().any(|claim| claim == "groups");
    elsewhere || flag
}

fn text<'a>(claims: &'a Claims, name: &str) -> Option<&'a str> {
    claims.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn display(claims: &Claims, name: &str) -> Option<String> {
    let plain = text(claims, name)?.chars().filter(|c| !c.is_control());
    let short: String = plain.take(LONGEST_NAME).collect();
    Some(short.trim().to_owned()).filter(|name| !name.is_empty())
}

/// A claim's texts. A name with dots that is no claim reaches into claims: `realm_access.roles`.
fn values(claims: &Claims, name: &str) -> Vec<String> {
    let mut parts = name.split('.');
    let nested = || {
        let first = claims.get(parts.next()?)?;
        parts.try_fold(first, |within, part| within.get(part))
    };
    let found = match claims.get(name) {
        Some(found) => Some(found),
        None => {
            let mut nested = nested;
            nested()
        }
    };
    match found {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn settings() -> ProviderSettings {
        let mut settings = ProviderSettings::openid("one", "https://id.example", "us");
        settings.authoritative_domains.insert("example.com".to_owned());
        settings.roles =
            [("boss".to_owned(), Role::Executive), ("seller".to_owned(), Role::SalesUser)].into();
        settings
    }

    fn person_of(settings: &ProviderSettings, claims: Value) -> Result<Person, Refusal> {
        person(settings, ("https://id.example", None), claims.as_object().unwrap())
    }

    #[test]
    fn an_address_is_believed_if_verified_and_of_a_declared_domain() {
        let email = |claims| person_of(&settings(), claims).unwrap().email;
        let verified = json!({"sub": "1", "email": "Ann@Example.com", "email_verified": true});
        assert_eq!(email(verified).as_deref(), Some("ann@example.com"));
        for stranger in [
            json!({"sub": "1", "email": "ann@example.com"}),
            json!({"sub": "1", "email": "ann@example.com", "email_verified": "false"}),
            json!({"sub": "1", "email": "ann@evil.example", "email_verified": true}),
            json!({"sub": "1", "email": "ann@example.com@evil.example", "email_verified": true}),
            json!({"sub": "1", "preferred_username": "ann@example.com", "email_verified": true}),
        ] {
            assert_eq!(email(stranger.clone()), None, "{stranger}");
        }
    }

    #[test]
    fn roles_and_groups_are_read_wherever_they_stand() {
        let mut settings = settings();
        settings.claims.roles = vec!["roles".to_owned(), "realm_access.roles".to_owned(), "a.b".to_owned()];
        let claims =
            json!({"sub": "1", "roles": "seller", "realm_access": {"roles": ["boss", 7]}, "a.b": ["x"]});
        let groups = person_of(&settings, claims).unwrap().groups;
        assert_eq!(groups, ["boss", "seller", "x"].map(str::to_owned).into());
        assert_eq!(mapped_role(&settings, &groups), Some(Role::Executive));
        assert_eq!(mapped_role(&settings, &["x".to_owned()].into()), None);
        assert_eq!(mapped_role(&settings, &["seller".to_owned()].into()), Some(Role::SalesUser));
    }

    #[test]
    fn groups_that_did_not_fit_are_noticed() {
        let missing = |claims| person_of(&settings(), claims).unwrap().groups_missing;
        assert!(missing(json!({"sub": "1", "_claim_names": {"groups": "src1"}})));
        assert!(missing(json!({"sub": "1", "hasgroups": true})));
        assert!(!missing(json!({"sub": "1", "groups": []})));
        assert!(!missing(json!({"sub": "1", "_claim_names": {"address": "src1"}})));
    }

    #[test]
    fn nobody_is_nobody_and_names_are_tidied() {
        for claims in [json!({}), json!({"sub": ""}), json!({"sub": 1}), json!({"sub": "x".repeat(256)})] {
            assert_eq!(person_of(&settings(), claims), Err(Refusal::TokenInvalid));
        }
        let named = person_of(&settings(), json!({"sub": "1", "name": " An\u{7}n "})).unwrap();
        assert_eq!(named.name, "Ann");
        assert_eq!(person_of(&settings(), json!({"sub": "1"})).unwrap().name, "one");
    }

    #[test]
    fn tenants_are_those_of_the_list() {
        let tenant = "11111111-2222-3333-4444-555555555555";
        let entra = ProviderSettings::ms365("us", [tenant.to_owned()]);
        let of = |claims: Value| tenant_of(&entra, claims.as_object().unwrap());
        assert_eq!(of(json!({"tid": tenant})), Ok(Some(tenant.to_owned())));
        for other in [json!({}), json!({"tid": "99999999-2222-3333-4444-555555555555"}), json!({"tid": 1})] {
            assert_eq!(of(other), Err(Refusal::TenantNotAllowed));
        }
    }
}
