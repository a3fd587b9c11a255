//! What the server says of itself (RFC 7643, sections 5 to 7).

use serde_json::{Value, json};

use super::{BASE, LIST, USER};

const CONFIG: &str = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";
const RESOURCE_TYPE: &str = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";
const SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Schema";
/// Most users on a page.
pub(crate) const MOST_USERS: usize = 200;

/// What is supported.
pub(crate) fn service_provider_config(public_url: &str) -> Value {
    let supported = |is: bool| json!({ "supported": is });
    json!({
        "schemas": [CONFIG],
        "patch": supported(true),
        "bulk": { "supported": false, "maxOperations": 0, "maxPayloadSize": 0 },
        "filter": { "supported": true, "maxResults": MOST_USERS },
        "changePassword": supported(false),
        "sort": supported(false),
        "etag": supported(true),
        "authenticationSchemes": [{
            "type": "oauthbearertoken", "name": "Bearer token",
            "description": "The token that is configured for this provider.", "primary": true,
        }],
        "meta": meta("ServiceProviderConfig", &format!("{public_url}{BASE}/ServiceProviderConfig")),
    })
}

/// The kinds of resources: users.
pub(crate) fn resource_types(public_url: &str) -> Vec<Value> {
    vec![json!({
        "schemas": [RESOURCE_TYPE], "id": "User", "name": "User", "endpoint": "/Users",
        "description": "Somebody with an account", "schema": USER,
        "meta": meta("ResourceType", &format!("{public_url}{BASE}/ResourceTypes/User")),
    })]
}

/// What a user has; roles only if they are taken.
pub(crate) fn schemas(public_url: &str, with_roles: bool) -> Vec<Value> {
    let mut attributes = vec![
        Value::from(
            Attribute::text("userName", "The name in the directory; one user has it.").required().unique(),
        ),
        Attribute::text("displayName", "The name for people.").into(),
        Attribute::complex(
            "name",
            "The parts of the name.",
            vec![
                Attribute::text("formatted", "All of it."),
                Attribute::text("givenName", "First name."),
                Attribute::text("familyName", "Last name."),
            ],
        )
        .into(),
        Attribute::complex(
            "emails",
            "Addresses; of the provider's own domains the primary one is the account's.",
            vec![
                Attribute::text("value", "The address."),
                Attribute::text("type", "Such as work or home."),
                Attribute::truth("primary", "It goes first."),
            ],
        )
        .several()
        .into(),
        Attribute::truth("active", "May sign in.").into(),
    ];
    if with_roles {
        let value = Attribute::text("value", "One of the provider's roles, or ours.");
        attributes.push(Attribute::complex("roles", "What they may do.", vec![value]).several().into());
    }
    vec![json!({
        "schemas": [SCHEMA], "id": USER, "name": "User", "description": "Somebody with an account",
        "attributes": attributes, "meta": meta("Schema", &format!("{public_url}{BASE}/Schemas/{USER}")),
    })]
}

/// All of a listing, on one page.
pub(crate) fn whole(resources: Vec<Value>) -> Value {
    page(resources.len(), 1, resources)
}

/// A page of a listing.
pub(crate) fn page(total: usize, start: usize, resources: Vec<Value>) -> Value {
    json!({
        "schemas": [LIST], "totalResults": total, "startIndex": start, "itemsPerPage": resources.len(),
        "Resources": resources,
    })
}

fn meta(kind: &str, location: &str) -> Value {
    json!({ "resourceType": kind, "location": location })
}

/// An attribute, as schemas describe one.
struct Attribute(Value);

impl Attribute {
    fn new(name: &str, kind: &str, description: &str) -> Self {
        Self(json!({
            "name": name, "type": kind, "multiValued": false, "description": description, "required": false,
            "caseExact": false, "mutability": "readWrite", "returned": "default", "uniqueness": "none",
        }))
    }

    fn text(name: &str, description: &str) -> Self {
        Self::new(name, "string", description)
    }

    fn truth(name: &str, description: &str) -> Self {
        Self::new(name, "boolean", description)
    }

    fn complex(name: &str, description: &str, parts: Vec<Self>) -> Self {
        let mut attribute = Self::new(name, "complex", description);
        attribute.0["subAttributes"] = parts.into_iter().map(|part| part.0).collect();
        attribute
    }

    fn several(mut self) -> Self {
        self.0["multiValued"] = true.into();
        self
    }

    fn required(mut self) -> Self {
        self.0["required"] = true.into();
        self
    }

    fn unique(mut self) -> Self {
        self.0["uniqueness"] = "server".into();
        self
    }
}

impl From<Attribute> for Value {
    fn from(attribute: Attribute) -> Self {
        attribute.0
    }
}
