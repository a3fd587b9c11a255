//! What is read: objects in order, the members of their records that are kept, and what a missing permission costs.

/// Users.
pub(super) const USERS: &str = "users";
/// Who manages whom.
pub(super) const MANAGERS: &str = "managers";
/// Groups with their members.
pub(super) const GROUPS: &str = "groups";
/// Contacts in mailboxes.
pub(super) const CONTACTS: &str = "contacts";
/// Meetings in calendars.
pub(super) const EVENTS: &str = "events";

/// An object of the source.
#[derive(Debug)]
pub(super) struct Object {
    /// Its name.
    pub name: &'static str,
    /// The members of its records that are kept.
    pub members: &'static [&'static str],
    /// Those of them that are asked for, where Graph lets one choose.
    pub select: &'static str,
    /// Members that make no change.
    pub volatile: &'static [&'static str],
    /// The application permission that it needs.
    pub permission: &'static str,
    /// What we lose if it cannot be read.
    pub cost: &'static str,
}

/// Everything, in the order of reading: what others point to comes first.
pub(super) static OBJECTS: &[Object] = &[
    Object {
        name: USERS,
        members: &[
            "accountEnabled",
            "businessPhones",
            "department",
            "displayName",
            "id",
            "jobTitle",
            "mail",
            "mobilePhone",
            "officeLocation",
            "proxyAddresses",
            "userPrincipalName",
            "userType",
        ],
        select: "id,accountEnabled,businessPhones,department,displayName,jobTitle,mail,mobilePhone,officeLocation,proxyAddresses,userPrincipalName,userType",
        volatile: &[],
        permission: "User.Read.All",
        cost: "without it nothing can be read, since everything belongs to a user",
    },
    Object {
        name: MANAGERS,
        members: &["id", "manager", "userType"],
        select: "id,accountEnabled,mail,proxyAddresses,userPrincipalName,userType",
        volatile: &[],
        permission: "User.Read.All",
        cost: "without it sums by manager and what managers see follow the CRM alone",
    },
    Object {
        name: GROUPS,
        members: &["description", "displayName", "groupTypes", "id", "mail", "members", "securityEnabled"],
        select: "id,description,displayName,groupTypes,mail,members,securityEnabled",
        volatile: &[],
        permission: "GroupMember.Read.All",
        cost: "without it teams are those of the CRM alone",
    },
    Object {
        name: CONTACTS,
        members: &[
            "businessPhones",
            "companyName",
            "createdDateTime",
            "department",
            "displayName",
            "emailAddresses",
            "id",
            "jobTitle",
            "mobilePhone",
        ],
        select: "id,businessPhones,companyName,createdDateTime,department,displayName,emailAddresses,jobTitle,mobilePhone",
        volatile: &[],
        permission: "Contacts.Read",
        cost: "without it contacts are those of the CRM alone",
    },
    Object {
        name: EVENTS,
        members: &[
            "attendees",
            "createdDateTime",
            "end",
            "iCalUId",
            "id",
            "isAllDay",
            "isCancelled",
            "isDraft",
            "lastModifiedDateTime",
            "location",
            "organizer",
            "originalStart",
            "sensitivity",
            "seriesMasterId",
            "start",
            "subject",
            "type",
        ],
        select: "",
        volatile: &["lastModifiedDateTime"],
        permission: "Calendars.Read",
        cost: "without it meetings are those of the CRM alone: activity counts and the days since the last activity are too low",
    },
];

/// The object of a name.
pub(super) fn object(name: &str) -> Option<&'static Object> {
    OBJECTS.iter().find(|object| object.name == name)
}
