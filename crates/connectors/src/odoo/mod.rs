//! Odoo 14 to 18 over its XML-RPC interface (`/xmlrpc/2/common`, `/xmlrpc/2/object`), 19 and later over JSON-2 (`/json/2/`):
//! the same records over both ([`client::Transport`]).
//!
//! Objects are read in the order of [`objects::OBJECTS`]: what others point to comes first. A page is a keyset of
//! ids (`id > last`, ascending) and ends at an empty page; offsets are not stable while people write, and a short
//! page is no end where record rules apply. Of messages not even an empty page is ([`thinned`]). Archived records are
//! always asked for (`active_test: False`), since a lost deal is an archived one. Only fields that `fields_get` shows are
//! asked for, because one unknown name makes the whole page fail; so any set of modules and any rights work, and what is
//! missing is reported.
//!
//! A first reading reads everything; those behind it read what bears a `write_date` since the server's clock at the start
//! of the one before, less an overlap, because a row bears the moment when its transaction began and is seen when that
//! ends. Odoo does not move `write_date` when a tag, partner, user or team that a record points to is deleted, nor when
//! its scoring job changes probabilities, so everything is read again now and then.
//!
//! Nothing tells that a record was deleted, so after each reading records are counted by ranges of ids, and where the count
//! is not what it should be, ids are listed, and what is missing is asked for with `exists`, which no record rule filters
//! ([`census`]). A record that is hidden from the API user is not gone. A lead may be gone because it was merged: what that
//! leaves behind tells into which one ([`merges`]). Messages are looked through only after everything
//! was read, since the server has to fetch them all to count them.
//!
//! The payload stays as the server sent it, in JSON: an empty text is `false`, an empty number `0`. Only
//! `normalize` knows which field has which type, and there `false` becomes nothing. Five things are added or
//! changed on the way in: x2many ids are sorted (they are a set and come in any order), the types of custom
//! fields stand in `@custom`, since nothing else tells an empty text from a `false` yes/no, messages get what is
//! known of their author and of the type of what was done ([`messages`]), leads get their properties, which a page of them
//! cannot be asked for ([`properties`]), and the history that Odoo keeps of them, where it may be read ([`tracking`]).
//!
//! Who manages whom is said by `hr.employee`, which many databases do not have and many users may not read: then it is left
//! out, and nothing fails.
//!
//! The server closes the connection without an answer when a request exceeds its time limit. That is transient,
//! and the next attempt asks for half as many records; the limit travels in the page cursor.
//!
//! Must not: sleep, retry on its own (except once after a field vanished), write to Odoo, or let the password,
//! or a whole server traceback, into a message.
//!
//! XML-RPC values are `dxr`'s: of the two maintained crates it is the newer one and parses two to four times
//! faster than `xmlrpc` (40 to 50 MB/s, a page of 500 deals in 40 ms). Parsed on a blocking thread all the same.

mod census;
mod check;
mod client;
mod config;
mod describe;
mod fault;
mod fields;
mod http;
mod json_2;
mod merges;
mod messages;
mod normalize;
mod objects;
mod properties;
mod record;
mod search;
mod source;
mod thinned;
mod tracking;
mod wire;
mod xml_rpc;

#[cfg(test)]
mod tests;

use crate::{ConfigError, Descriptor, Settings, Source};

/// The connector kind `odoo`.
pub(crate) static DESCRIPTOR: Descriptor = Descriptor {
    kind: "odoo",
    title: "Odoo",
    open: Some(open),
    version: 5,
    objects: describe::MAPPINGS,
    often: &[],
    schemas: &[],
    map: normalize::map,
};

fn open(settings: Settings) -> Result<Box<dyn Source>, ConfigError> {
    let config = config::Config::parse(settings)?;
    Ok(Box::new(source::OdooSource::new(&config)?))
}
