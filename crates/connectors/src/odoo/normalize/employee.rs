//! `hr.employee`: who manages whom.
//!
//! A manager stands on the employee's record, and names another one. Both are the records of persons who are users, so an
//! employee's facet is one of its user's: joined with it by name of its facet, it lends it the manager, and lets those who
//! name it as theirs find it. An employee who is no user owns no deal and is nobody here; whoever reports to one has no
//! manager by Odoo.

use salescommand_domain::canonical::{FacetBody, IdentityKey, Mapped, Rejection, User};

use super::payload::Payload;

/// Maps an employee who is a user.
pub(super) fn map(payload: &Payload<'_>) -> Result<Option<Mapped>, Rejection> {
    let Some(user) = payload.reference("user_id", "res.users")? else { return Ok(None) };
    let manager = payload.reference("parent_id", "hr.employee")?;
    let body = FacetBody::User(User {
        name: payload.text("name")?.unwrap_or_default(),
        email: payload.email("work_email")?,
        // Whether somebody may sign in is for the user's own record to say.
        active: false,
        // Somebody who has left is managed by nobody, whatever their record still says.
        manager: if payload.active()? { manager } else { None },
        directory: false,
        directory_accounts: Vec::new(),
    });
    Ok(Some(Mapped { body, keys: vec![IdentityKey::facet(user)], refs: Vec::new() }))
}
