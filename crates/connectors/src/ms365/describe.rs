//! What becomes of the members that are read: for people who want to know where a figure comes from.
//!
//! A table beside the normaliser, and no part of it. The test holds it against what the normaliser does, member by member and
//! in both directions: what is named changes what it is said to change, and nothing else changes anything.

use super::objects::Object;
use crate::{Field, MappedField, ObjectMapping};

/// A member, and the canonical field that it goes to.
const fn to(field: &'static str, canonical: &'static str) -> MappedField {
    MappedField { field, canonical }
}

/// Every object, in the order of reading.
pub(super) static MAPPINGS: &[ObjectMapping] = &[
    ObjectMapping {
        object: "users",
        entities: &["user"],
        fields: &[
            to("accountEnabled", "active"),
            to("displayName", "name"),
            to("mail", "email"),
            to("userPrincipalName", "email"),
            to("userPrincipalName", "name"),
            to("userType", "entity"),
        ],
    },
    ObjectMapping {
        object: "managers",
        entities: &["user"],
        fields: &[to("manager", "manager"), to("userType", "entity")],
    },
    ObjectMapping {
        object: "groups",
        entities: &["team"],
        fields: &[to("displayName", "name"), to("groupTypes", "entity"), to("members", "members")],
    },
    ObjectMapping {
        object: "contacts",
        entities: &["contact"],
        fields: &[
            to("businessPhones", "phone"),
            to("companyName", "custom.companyName"),
            to("createdDateTime", "created_at"),
            to("department", "custom.department"),
            to("displayName", "name"),
            to("emailAddresses", "email"),
            to("emailAddresses", "name"),
            to("jobTitle", "title"),
            to("mobilePhone", "phone"),
        ],
    },
    ObjectMapping {
        object: "events",
        entities: &["activity"],
        fields: &[
            to("createdDateTime", "created_at"),
            to("end", "ends_at"),
            to("isCancelled", "state"),
            to("isDraft", "entity"),
            to("sensitivity", "participants"),
            to("sensitivity", "subject"),
            to("start", "starts_at"),
            to("subject", "subject"),
            to("type", "entity"),
        ],
    },
];

/// The members of an object, for a person to look at.
pub(super) fn fields(object: &Object) -> Vec<Field> {
    let field = |name: &&str| Field {
        name: (*name).to_owned(),
        label: (*name).to_owned(),
        kind: String::new(),
        custom: false,
        read: true,
    };
    object.members.iter().map(field).collect()
}
