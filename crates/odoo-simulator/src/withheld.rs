//! What a test has taken away: rights of a user on a model or a field, and whole modules. Never reachable over the
//! socket, and never kept in the state file.

use std::collections::BTreeSet;

/// Everything taken away at the moment.
#[derive(Clone, Debug, Default)]
pub struct Withheld {
    models: BTreeSet<(i64, String)>,
    fields: BTreeSet<(i64, String, String)>,
    modules: BTreeSet<String>,
}

impl Withheld {
    /// Whether the user has lost the model.
    pub fn model(&self, uid: i64, model: &str) -> bool {
        self.models.iter().any(|(user, name)| *user == uid && name == model)
    }

    /// Whether the user has lost the field.
    pub fn field(&self, uid: i64, model: &str, field: &str) -> bool {
        self.fields.iter().any(|(user, of, name)| *user == uid && of == model && name == field)
    }

    /// Whether the model belongs to a module that is not installed.
    pub fn absent(&self, model: &str) -> bool {
        model.split_once('.').is_some_and(|(module, _)| self.modules.contains(module))
    }

    pub(crate) fn take_model(&mut self, uid: i64, model: &str) {
        self.models.insert((uid, model.to_owned()));
    }

    pub(crate) fn return_model(&mut self, uid: i64, model: &str) {
        self.models.remove(&(uid, model.to_owned()));
    }

    pub(crate) fn take_field(&mut self, uid: i64, (model, field): (&str, &str)) {
        self.fields.insert((uid, model.to_owned(), field.to_owned()));
    }

    pub(crate) fn return_field(&mut self, uid: i64, (model, field): (&str, &str)) {
        self.fields.remove(&(uid, model.to_owned(), field.to_owned()));
    }

    pub(crate) fn take_module(&mut self, module: &str) {
        self.modules.insert(module.to_owned());
    }

    pub(crate) fn return_module(&mut self, module: &str) {
        self.modules.remove(module);
    }
}
