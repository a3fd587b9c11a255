//! What is asked of, and told by, sources of the kind `odoo`.

pub(crate) mod hooks;
