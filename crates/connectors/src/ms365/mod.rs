//! Microsoft 365 over Microsoft Graph v1.0: the directory's users, who manages whom, groups, and what is in mailboxes: contacts
//! and meetings.
//!
//! The application signs in as itself (client credentials); nobody's password is known. Users, groups, contacts and the calendar
//! are followed by delta queries: Graph hands out links, which are kept as they are and followed only where they lead to the
//! configured address ([`links`]). A link that Graph no longer knows (410, or `syncStateNotFound` under another status) makes
//! the part be listed anew.
//!
//! What delta queries leave out, or say in a way that cannot be believed, is asked for:
//! - **managers**: a changed manager is no change of the user. All users are listed with their managers once in a run
//!   ([`roster`]), and each is a record of its own, `managers`, so that nothing has to be remembered between runs;
//! - **members of groups** come in pieces. A group that has changed is asked for its members as a whole;
//! - **removed events and contacts**: what was changed outside of the dates that are followed, and what was moved to another
//!   folder, is said to be removed. Each is asked for by its id; gone is what is not there.
//!
//! Ids of contacts and events are immutable ones, which is asked for with every request: the others change as something is
//! moved. They are ids within a mailbox, so the key of such a record is `<user>/<id>`.
//!
//! The payload is what Graph sent, reduced to the members of [`objects`] that have a value: bodies of meetings, notes about
//! contacts and the like do not leave the mailbox, and of a private meeting only whose it is and when. Four things are added:
//! the tenant of a user (`@tenant`), whose mailbox it is (`@mailbox`), and the users behind the addresses of a meeting
//! (`@organizer`, `@attendees`), because an address alone names no record; an occurrence of a series gets what only the series
//! says.
//!
//! Must not: sleep, retry on its own (except once with a new token), write to Microsoft 365, follow a redirect, or let the
//! secret or a token into a message, a log or a cursor.

mod batch;
mod check;
mod client;
mod config;
mod describe;
mod directory;
mod fault;
mod feeds;
mod http;
mod links;
mod mailboxes;
mod normalize;
mod objects;
mod record;
mod roster;
mod source;
mod token;

#[cfg(test)]
mod tests;

use crate::{ConfigError, Descriptor, Settings, Source};

/// The connector kind `ms365`.
pub(crate) static DESCRIPTOR: Descriptor = Descriptor {
    kind: "ms365",
    title: "Microsoft 365",
    open: Some(open),
    version: 1,
    objects: describe::MAPPINGS,
    // Who is shut out in the directory is out here within a minute.
    often: &[(objects::USERS, "30s")],
    schemas: &[],
    map: normalize::map,
};

fn open(settings: Settings) -> Result<Box<dyn Source>, ConfigError> {
    let config = config::Config::parse(settings)?;
    Ok(Box::new(source::GraphSource::new(config)?))
}
