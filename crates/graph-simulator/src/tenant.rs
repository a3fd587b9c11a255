//! What is in a tenant, and what people do with it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

/// Members of a record, by name.
pub type Fields = Map<String, Value>;

/// How a place that is not known any more is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// 410 `resyncRequired`, with the address to begin anew at.
    Gone,
    /// 410 `SyncStateNotFound`.
    NotFound,
    /// 400, with `syncStateNotFound` inside: as the directory does.
    BadRequest,
}

/// A tenant. Ids are made in the order of making.
#[derive(Clone, Debug)]
pub struct Tenant {
    pub(crate) sequence: u64,
    pub(crate) era: u64,
    pub(crate) expiry: Expiry,
    pub(crate) users: BTreeMap<String, User>,
    pub(crate) groups: BTreeMap<String, Group>,
    pub(crate) mailboxes: BTreeMap<String, Mailbox>,
    pub(crate) closed: BTreeSet<String>,
    pub(crate) roles: BTreeSet<String>,
    serial: u64,
}

/// Why a user is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Absence {
    /// Deleted, and can be restored.
    Soft,
    /// Purged.
    Hard,
}

#[derive(Clone, Debug)]
pub(crate) struct User {
    pub fields: Fields,
    pub manager: Option<String>,
    pub absent: Option<Absence>,
    pub changed: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub fields: Fields,
    /// Members that are and were, with whether they are, and since when.
    pub members: BTreeMap<String, (bool, u64)>,
    pub gone: bool,
    pub changed: u64,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Mailbox {
    /// Folders of contacts, by id; the usual one is `contacts`.
    pub folders: BTreeMap<String, String>,
    pub contacts: BTreeMap<String, Item>,
    pub events: BTreeMap<String, Item>,
}

/// A contact or event, under its immutable id.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub fields: Fields,
    pub folder: String,
    /// Its other id, which changes as it moves.
    pub mutable: String,
    pub gone: bool,
    pub changed: u64,
    /// Folders that it has left, and when.
    pub left: BTreeMap<String, u64>,
}

/// The usual folder of contacts.
pub(crate) const CONTACTS: &str = "contacts";

impl Tenant {
    pub(crate) fn new() -> Self {
        let roles = ["User.Read.All", "GroupMember.Read.All", "Contacts.Read", "Calendars.Read"];
        Self {
            sequence: 1,
            era: 1,
            expiry: Expiry::Gone,
            users: BTreeMap::new(),
            groups: BTreeMap::new(),
            mailboxes: BTreeMap::new(),
            closed: BTreeSet::new(),
            roles: roles.map(str::to_owned).into(),
            serial: 0,
        }
    }

    fn next(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    /// An id of the directory.
    fn directory_id(&mut self) -> String {
        self.serial += 1;
        // A spread of first characters, as those of real ones have.
        let spread = (self.serial as u32).wrapping_mul(0x9e37_79b1);
        format!("{spread:08x}-5c1d-4a7e-9b02-{:012x}", self.serial)
    }

    /// Forgets every place that was handed out.
    pub fn expire_tokens(&mut self, expiry: Expiry) {
        self.era += 1;
        self.expiry = expiry;
    }

    /// The application permissions that have been granted.
    pub fn grant(&mut self, roles: &[&str]) {
        self.roles = roles.iter().map(|role| (*role).to_owned()).collect();
    }

    /// Ids of the users that are there.
    pub fn users(&self) -> Vec<String> {
        let there = self.users.iter().filter(|(_, user)| user.absent.is_none());
        there.map(|(id, _)| id.clone()).collect()
    }

    /// Ids of the users that were deleted and can be restored.
    pub fn deleted_users(&self) -> Vec<String> {
        let deleted = self.users.iter().filter(|(_, user)| user.absent == Some(Absence::Soft));
        deleted.map(|(id, _)| id.clone()).collect()
    }

    /// The user with this address or name to sign in with.
    pub fn user(&self, address: &str) -> Option<String> {
        let has = |user: &User, field: &str| {
            user.fields.get(field).and_then(Value::as_str).is_some_and(|it| it.eq_ignore_ascii_case(address))
        };
        let mut there = self.users.iter().filter(|(_, user)| user.absent.is_none());
        there.find(|(_, user)| has(user, "mail") || has(user, "userPrincipalName")).map(|(id, _)| id.clone())
    }

    /// Members of a user.
    pub fn user_fields(&self, id: &str) -> Option<&Fields> {
        self.users.get(id).map(|user| &user.fields)
    }

    /// Adds an account of a colleague who has a mailbox.
    pub fn add_user(&mut self, name: &str, address: &str) -> String {
        let id = self.directory_id();
        let (given, surname) = name.split_once(' ').unwrap_or((name, ""));
        let fields = json!({
            "id": id, "displayName": name, "givenName": given, "surname": surname, "mail": address,
            "userPrincipalName": address, "accountEnabled": true, "userType": "Member",
            "proxyAddresses": [format!("SMTP:{address}")], "businessPhones": [], "jobTitle": null,
            "department": null, "mobilePhone": null, "officeLocation": null, "preferredLanguage": "en-US",
        });
        let Value::Object(fields) = fields else { return id };
        let changed = self.next();
        self.users.insert(id.clone(), User { fields, manager: None, absent: None, changed });
        let folders = BTreeMap::from([(CONTACTS.to_owned(), "Contacts".to_owned())]);
        self.mailboxes.insert(id.clone(), Mailbox { folders, ..Mailbox::default() });
        id
    }

    /// Changes a user.
    pub fn set_user(&mut self, id: &str, change: Value) {
        let changed = self.next();
        if let (Some(user), Value::Object(change)) = (self.users.get_mut(id), change) {
            user.fields.extend(change);
            user.changed = changed;
        }
    }

    /// Gives a user a manager, or none. That is no change of the user.
    pub fn set_manager(&mut self, id: &str, manager: Option<&str>) {
        if let Some(user) = self.users.get_mut(id) {
            user.manager = manager.map(str::to_owned);
        }
    }

    /// The manager of a user.
    pub fn manager(&self, id: &str) -> Option<&str> {
        let manager = self.users.get(id)?.manager.as_deref()?;
        self.users.get(manager).filter(|user| user.absent.is_none()).map(|_| manager)
    }

    /// Deletes a user, so that they can be restored; their mailbox cannot be reached.
    pub fn delete_user(&mut self, id: &str) {
        self.make_absent(id, Some(Absence::Soft));
    }

    /// Deletes a user for good, with all that was theirs.
    pub fn purge_user(&mut self, id: &str) {
        self.make_absent(id, Some(Absence::Hard));
        self.mailboxes.remove(id);
        for user in self.users.values_mut() {
            user.manager = user.manager.take().filter(|manager| manager != id);
        }
        let groups: Vec<String> = self.groups.keys().cloned().collect();
        groups.iter().for_each(|group| self.set_member(group, id, false));
    }

    /// Brings a deleted user back.
    pub fn restore_user(&mut self, id: &str) {
        if self.users.get(id).is_some_and(|user| user.absent == Some(Absence::Soft)) {
            self.make_absent(id, None);
        }
    }

    fn make_absent(&mut self, id: &str, absent: Option<Absence>) {
        let changed = self.next();
        if let Some(user) = self.users.get_mut(id).filter(|user| user.absent != Some(Absence::Hard)) {
            user.absent = absent;
            user.changed = changed;
        }
    }

    /// Takes a mailbox away, or lets a policy keep it back.
    pub fn close_mailbox(&mut self, user: &str, closed: bool) {
        if closed {
            self.closed.insert(user.to_owned());
        } else {
            self.closed.remove(user);
        }
    }

    /// Leaves an account without a mailbox.
    pub fn remove_mailbox(&mut self, user: &str) {
        self.mailboxes.remove(user);
    }

    /// Ids of the groups that are there.
    pub fn groups(&self) -> Vec<String> {
        self.groups.iter().filter(|(_, group)| !group.gone).map(|(id, _)| id.clone()).collect()
    }

    /// Members of a group that are there.
    pub fn members(&self, group: &str) -> Vec<String> {
        let members = self.groups.get(group).into_iter().flat_map(|group| &group.members);
        let there = |id: &str| self.users.get(id).is_some_and(|user| user.absent.is_none());
        members.filter(|(id, (is, _))| *is && there(id)).map(|(id, _)| id.clone()).collect()
    }

    /// Adds a Microsoft 365 group.
    pub fn add_group(&mut self, name: &str, members: &[&str]) -> String {
        let id = self.directory_id();
        let fields = json!({
            "id": id, "displayName": name, "description": null, "mail": null, "groupTypes": ["Unified"],
            "mailEnabled": true, "securityEnabled": false,
        });
        let Value::Object(fields) = fields else { return id };
        let changed = self.next();
        let members = members.iter().map(|member| ((*member).to_owned(), (true, changed))).collect();
        self.groups.insert(id.clone(), Group { fields, members, gone: false, changed });
        id
    }

    /// Changes a group.
    pub fn set_group(&mut self, id: &str, change: Value) {
        let changed = self.next();
        if let (Some(group), Value::Object(change)) = (self.groups.get_mut(id), change) {
            group.fields.extend(change);
            group.changed = changed;
        }
    }

    /// Takes a member in, or out.
    pub fn set_member(&mut self, group: &str, member: &str, is: bool) {
        let changed = self.next();
        let Some(group) = self.groups.get_mut(group) else { return };
        let was = group.members.get(member).is_some_and(|(was, _)| *was);
        if was != is {
            group.members.insert(member.to_owned(), (is, changed));
            group.changed = changed;
        }
    }

    /// Deletes a group.
    pub fn delete_group(&mut self, id: &str) {
        let changed = self.next();
        if let Some(group) = self.groups.get_mut(id) {
            group.gone = true;
            group.changed = changed;
        }
    }

    /// Adds a folder of contacts.
    pub fn add_folder(&mut self, user: &str, name: &str) -> Option<String> {
        self.serial += 1;
        let id = format!("AQMkAGFs{:08X}LgAAA=", self.serial);
        self.mailboxes.get_mut(user)?.folders.insert(id.clone(), name.to_owned());
        Some(id)
    }

    /// Deletes a folder with its contacts.
    pub fn delete_folder(&mut self, user: &str, folder: &str) {
        let changed = self.next();
        let Some(mailbox) = self.mailboxes.get_mut(user).filter(|_| folder != CONTACTS) else { return };
        mailbox.folders.remove(folder);
        for item in mailbox.contacts.values_mut().filter(|item| item.folder == folder && !item.gone) {
            (item.gone, item.changed) = (true, changed);
        }
    }

    /// Folders of contacts of a user.
    pub fn folders(&self, user: &str) -> Vec<String> {
        self.mailboxes.get(user).map(|mailbox| mailbox.folders.keys().cloned().collect()).unwrap_or_default()
    }

    fn item(&mut self, folder: &str, fields: Value) -> (String, Item) {
        let changed = self.next();
        self.serial += 1;
        let id = format!("AAkALgAAAAAAHYQDEapmEc2byACqAC-EWg0A{:08X}AAA=", self.serial);
        let mutable = format!("AAMkAGI2{:08X}-0AAA=", self.serial);
        let Value::Object(fields) = fields else { unreachable!("members of an item are an object") };
        (id, Item { fields, folder: folder.to_owned(), mutable, gone: false, changed, left: BTreeMap::new() })
    }

    /// Adds a contact to a folder, or to the usual one.
    pub fn add_contact(
        &mut self,
        user: &str,
        folder: Option<&str>,
        name: &str,
        address: &str,
    ) -> Option<String> {
        let fields = json!({
            "createdDateTime": "2026-03-02T08:15:00Z", "lastModifiedDateTime": "2026-03-02T08:15:00Z",
            "changeKey": "EQAAABYAAACd9nJ/tVysQos2hTfspaWRAAADTIa4", "categories": [], "displayName": name,
            "emailAddresses": [{"name": name, "address": address}], "businessPhones": [], "homePhones": [],
            "mobilePhone": null, "jobTitle": null, "companyName": null, "department": null,
            "personalNotes": "",
        });
        let folder = folder.unwrap_or(CONTACTS);
        self.mailboxes.get(user)?.folders.get(folder)?;
        let (id, item) = self.item(folder, fields);
        self.mailboxes.get_mut(user)?.contacts.insert(id.clone(), item);
        Some(id)
    }

    /// Ids of the contacts of a user.
    pub fn contacts(&self, user: &str) -> Vec<String> {
        self.mailboxes.get(user).map(|mailbox| there(&mailbox.contacts)).unwrap_or_default()
    }

    /// Ids of the events of a user.
    pub fn events(&self, user: &str) -> Vec<String> {
        self.mailboxes.get(user).map(|mailbox| there(&mailbox.events)).unwrap_or_default()
    }

    /// Members of a contact of a user.
    pub fn contact_fields(&self, user: &str, contact: &str) -> Option<&Fields> {
        self.mailboxes.get(user)?.contacts.get(contact).map(|item| &item.fields)
    }

    /// Members of an event of a user.
    pub fn event_fields(&self, user: &str, event: &str) -> Option<&Fields> {
        self.mailboxes.get(user)?.events.get(event).map(|item| &item.fields)
    }

    /// Changes a contact.
    pub fn set_contact(&mut self, user: &str, contact: &str, change: Value) {
        let changed = self.next();
        let item = self.mailboxes.get_mut(user).and_then(|mailbox| mailbox.contacts.get_mut(contact));
        put(item, change, changed);
    }

    /// Moves a contact to another folder.
    pub fn move_contact(&mut self, user: &str, contact: &str, folder: &str) {
        let changed = self.next();
        let Some(mailbox) = self.mailboxes.get_mut(user) else { return };
        let Some(item) = mailbox.contacts.get_mut(contact).filter(|_| mailbox.folders.contains_key(folder))
        else {
            return;
        };
        if item.folder != folder && !item.gone {
            let before = std::mem::replace(&mut item.folder, folder.to_owned());
            item.left.remove(folder);
            item.left.insert(before, changed);
            item.mutable = format!("{}-{changed}AAA=", item.mutable.split('-').next().unwrap_or_default());
            item.changed = changed;
        }
    }

    /// Deletes a contact.
    pub fn delete_contact(&mut self, user: &str, contact: &str) {
        let changed = self.next();
        remove(self.mailboxes.get_mut(user).and_then(|mailbox| mailbox.contacts.get_mut(contact)), changed);
    }

    /// Adds an event to a calendar, with members over the usual ones. `uid` is the meeting's, the same in each mailbox.
    pub fn add_event(
        &mut self,
        user: &str,
        uid: &str,
        (start, end): (&str, &str),
        more: Value,
    ) -> Option<String> {
        let organizer = self.users.get(user)?.fields.clone();
        let time = |at: &str| json!({"dateTime": format!("{at}.0000000"), "timeZone": "UTC"});
        let fields = json!({
            "createdDateTime": "2026-03-02T08:15:00Z", "lastModifiedDateTime": "2026-03-02T08:15:00Z",
            "changeKey": "EZ9r3czxY0m2jz8c45czkwAAFXcvIg==", "categories": [], "iCalUId": uid, "subject": "",
            "bodyPreview": "Agenda", "body": {"contentType": "html", "content": "<p>Agenda</p>"},
            "start": time(start), "end": time(end), "isAllDay": false, "isCancelled": false, "isDraft": false,
            "isOrganizer": true, "type": "singleInstance", "seriesMasterId": null, "sensitivity": "normal",
            "showAs": "busy", "attendees": [], "location": {"displayName": ""},
            "originalStartTimeZone": "UTC", "originalEndTimeZone": "UTC",
            "organizer": {"emailAddress": {"name": organizer.get("displayName"), "address": organizer.get("mail")}},
        });
        self.mailboxes.get(user)?;
        let (id, mut item) = self.item("calendar", fields);
        if let Value::Object(more) = more {
            item.fields.extend(more);
        }
        self.mailboxes.get_mut(user)?.events.insert(id.clone(), item);
        Some(id)
    }

    /// Changes an event.
    pub fn set_event(&mut self, user: &str, event: &str, change: Value) {
        let changed = self.next();
        let item = self.mailboxes.get_mut(user).and_then(|mailbox| mailbox.events.get_mut(event));
        put(item, change, changed);
    }

    /// Deletes an event.
    pub fn delete_event(&mut self, user: &str, event: &str) {
        let changed = self.next();
        remove(self.mailboxes.get_mut(user).and_then(|mailbox| mailbox.events.get_mut(event)), changed);
    }
}

fn there(items: &BTreeMap<String, Item>) -> Vec<String> {
    items.iter().filter(|(_, item)| !item.gone).map(|(id, _)| id.clone()).collect()
}

fn put(item: Option<&mut Item>, change: Value, changed: u64) {
    if let (Some(item), Value::Object(change)) = (item.filter(|item| !item.gone), change) {
        item.fields.extend(change);
        item.changed = changed;
    }
}

fn remove(item: Option<&mut Item>, changed: u64) {
    if let Some(item) = item.filter(|item| !item.gone) {
        (item.gone, item.changed) = (true, changed);
    }
}
