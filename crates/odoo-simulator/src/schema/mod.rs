//! The models and fields the simulator knows: types, labels, and what the database does on deletion.
//!
//! The lists are a realistic subset of an Odoo 17 with the CRM installed: the fields a connector reads, and those it
//! must survive. The order of fields here is the order of `fields_get` and of a read without a field list.

mod base;
mod calendar;
mod crm;
mod field;
mod history;
mod mail;
mod sale;

pub use field::{Field, Kind, OnDelete};

/// What a user's groups allow, from least to most. Each step includes the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// A customer with a login.
    Portal,
    /// An employee without a sales group.
    Internal,
    /// Sales: own documents, and unassigned ones.
    OwnDocuments,
    /// Sales: all documents.
    AllDocuments,
    /// Sales administrator.
    SalesAdministrator,
    /// Settings.
    Settings,
}

/// One model.
#[derive(Debug)]
pub struct Model {
    /// Technical name, for example `crm.lead`.
    pub name: &'static str,
    /// What people call it.
    pub label: &'static str,
    /// Order of a listing that names none.
    pub order: &'static str,
    /// Least level that may read it.
    pub read: Level,
    /// Least level that may create, write and unlink.
    pub write: Level,
    /// Fields, the six every model has included.
    pub fields: Vec<Field>,
}

impl Model {
    /// The field of that name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Whether rows can be archived.
    pub fn archivable(&self) -> bool {
        self.field("active").is_some()
    }

    fn new(name: &'static str, label: &'static str, order: &'static str, own: Vec<Field>) -> Self {
        let mut fields = own;
        fields.extend([
            Field::integer("id", "ID").readonly(),
            Field::char("display_name", "Display Name").computed(),
            Field::many2one("create_uid", "Created by", "res.users").readonly(),
            Field::datetime("create_date", "Created on").readonly(),
            Field::many2one("write_uid", "Last Updated by", "res.users").readonly(),
            Field::datetime("write_date", "Last Updated on").readonly(),
        ]);
        Self { name, label, order, read: Level::Internal, write: Level::SalesAdministrator, fields }
    }

    fn access(mut self, read: Level, write: Level) -> Self {
        self.read = read;
        self.write = write;
        self
    }
}

/// Every model, built once.
#[derive(Debug)]
pub struct Schema {
    models: Vec<Model>,
}

impl Schema {
    /// The schema all databases of this process share.
    pub fn get() -> &'static Self {
        static SCHEMA: std::sync::OnceLock<Schema> = std::sync::OnceLock::new();
        SCHEMA.get_or_init(|| {
            let mut models = base::models();
            models.extend(crm::models());
            models.extend(mail::models());
            // Later additions come last: the registry of models in the seed counts on it.
            models.extend(history::models());
            models.extend(calendar::models());
            models.extend(crm::dialogues());
            models.extend(sale::models());
            Self { models }
        })
    }

    /// The model of that name.
    pub fn model(&self, name: &str) -> Option<&Model> {
        self.models.iter().find(|model| model.name == name)
    }

    /// All models.
    pub fn models(&self) -> &[Model] {
        &self.models
    }

    /// Every stored reference to a model: the model that holds it and the field.
    pub fn references(&self, target: &str) -> impl Iterator<Item = (&Model, &Field)> {
        self.models.iter().flat_map(move |model| {
            model
                .fields
                .iter()
                .filter(move |field| {
                    field.column && field.relation == Some(target) && field.kind != Kind::One2many
                })
                .map(move |field| (model, field))
        })
    }
}
