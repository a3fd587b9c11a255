//! One field of a model, and the short constructors the model lists are written with.

use super::Level;

/// The field types of Odoo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Char,
    Text,
    Html,
    Selection,
    Date,
    Datetime,
    Integer,
    Float,
    Monetary,
    Boolean,
    Many2one,
    Many2oneReference,
    One2many,
    Many2many,
    Json,
    Properties,
    PropertiesDefinition,
}

impl Kind {
    /// The type name `fields_get` gives.
    pub fn name(self) -> &'static str {
        match self {
            Self::Char => "char",
            Self::Text => "text",
            Self::Html => "html",
            Self::Selection => "selection",
            Self::Date => "date",
            Self::Datetime => "datetime",
            Self::Integer => "integer",
            Self::Float => "float",
            Self::Monetary => "monetary",
            Self::Boolean => "boolean",
            Self::Many2one => "many2one",
            Self::Many2oneReference => "many2one_reference",
            Self::One2many => "one2many",
            Self::Many2many => "many2many",
            Self::Json => "json",
            Self::Properties => "properties",
            Self::PropertiesDefinition => "properties_definition",
        }
    }

    /// Whether the field holds a set of records.
    pub fn is_set(self) -> bool {
        matches!(self, Self::One2many | Self::Many2many)
    }
}

/// What happens to a reference when its target is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDelete {
    /// The reference becomes NULL, `write_date` does not move.
    SetNull,
    /// The deletion is refused.
    Restrict,
    /// The row that refers goes too.
    Cascade,
}

/// One field.
#[derive(Clone, Debug)]
pub struct Field {
    /// Technical name.
    pub name: &'static str,
    /// Label.
    pub label: &'static str,
    /// Type.
    pub kind: Kind,
    /// Model a relational field points at.
    pub relation: Option<&'static str>,
    /// For a one2many: the many2one (or reference) of the other model that points back.
    pub inverse: Option<&'static str>,
    /// Whether the simulator keeps a column for it; otherwise it is worked out at every read.
    pub column: bool,
    /// Whether `fields_get` calls it stored.
    pub store: bool,
    /// Whether people may edit it in a form.
    pub readonly: bool,
    /// Whether it must have a value.
    pub required: bool,
    /// Keys and labels of a selection.
    pub selection: &'static [(&'static str, &'static str)],
    /// For amounts: the field that holds the currency.
    pub currency_field: Option<&'static str>,
    /// Level below which the field does not exist for the user.
    pub restricted: Option<Level>,
    /// For a many2one: what a deletion of the target does.
    pub on_delete: OnDelete,
}

impl Field {
    fn new(name: &'static str, label: &'static str, kind: Kind) -> Self {
        Self {
            name,
            label,
            kind,
            relation: None,
            inverse: None,
            column: true,
            store: true,
            readonly: false,
            required: false,
            selection: &[],
            currency_field: None,
            restricted: None,
            on_delete: OnDelete::SetNull,
        }
    }

    pub(super) fn char(name: &'static str, label: &'static str) -> Self {
        Self::new(name, label, Kind::Char)
    }

    pub(super) fn text(name: &'static str, label: &'static str) -> Self {
        Self::new(name, label, Kind::Text)
    }

    pub(super) fn html(name: &'static str, label: &'static str) -> Self {
        Self::new(name, label, Kind::Html)
    }

    pub(super) fn date(name: &'static str, label: &'static str) -> Self {
        Self::new(name, label, Kind::Date)
    }

    pub(super) fn datetime(name: &'static str, label: &'static str) -> Self {
        Self::new(name, label, Kind::Datetime)
    }

    pub(super) fn integer(name: &'static str, label: &'static str) -> Self {
        Self::new(name, label, Kind::Integer)
    }

    pub(super) fn float(name: &'static str, label: &'static str) -> Self {
        Self::new(name, label, Kind::Float)
    }

    pub(super) fn boolean(name: &'static str, label: &'static str) -> Self {
        Self::new(name, label, Kind::Boolean)
    }

    pub(super) fn special(name: &'static str, label: &'static str, kind: Kind) -> Self {
        Self::new(name, label, kind)
    }

    pub(super) fn monetary(name: &'static str, label: &'static str, currency: &'static str) -> Self {
        Self { currency_field: Some(currency), ..Self::new(name, label, Kind::Monetary) }
    }

    pub(super) fn selection(
        name: &'static str,
        label: &'static str,
        selection: &'static [(&'static str, &'static str)],
    ) -> Self {
        Self { selection, ..Self::new(name, label, Kind::Selection) }
    }

    pub(super) fn many2one(name: &'static str, label: &'static str, relation: &'static str) -> Self {
        Self { relation: Some(relation), ..Self::new(name, label, Kind::Many2one) }
    }

    pub(super) fn many2many(name: &'static str, label: &'static str, relation: &'static str) -> Self {
        Self { relation: Some(relation), ..Self::new(name, label, Kind::Many2many) }
    }

    pub(super) fn one2many(
        name: &'static str,
        label: &'static str,
        relation: &'static str,
        inverse: &'static str,
    ) -> Self {
        Self { relation: Some(relation), inverse: Some(inverse), ..Self::new(name, label, Kind::One2many) }
    }

    /// No column: worked out at every read.
    pub(super) fn computed(mut self) -> Self {
        self.column = false;
        self.store = false;
        self.readonly = true;
        self
    }

    /// Described as editable, as fields are whose edits go elsewhere.
    pub(super) fn editable(mut self) -> Self {
        self.readonly = false;
        self
    }

    /// Described as stored or not, whatever the simulator does.
    pub(super) fn described_stored(mut self, store: bool) -> Self {
        self.store = store;
        self
    }

    /// A column people do not edit.
    pub(super) fn readonly(mut self) -> Self {
        self.readonly = true;
        self
    }

    pub(super) fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub(super) fn restricted(mut self, level: Level) -> Self {
        self.restricted = Some(level);
        self
    }

    pub(super) fn restrict(mut self) -> Self {
        self.on_delete = OnDelete::Restrict;
        self
    }

    pub(super) fn cascade(mut self) -> Self {
        self.on_delete = OnDelete::Cascade;
        self
    }
}
