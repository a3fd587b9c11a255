//! The faults the server answers with: four codes, their wording, and the exception class behind each.
//!
//! Code 1 carries a traceback whose last line is the message. The body of that traceback is this simulator's own
//! text: a connector may rely on the last line only.

/// A refused or failed call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("fault {code}: {text}")]
pub struct Fault {
    /// 1 unexpected exception, 2 user or missing-record error, 3 credentials, 4 not allowed.
    pub code: i32,
    /// What `faultString` carries.
    pub text: String,
    /// The exception class, which JSON-RPC and the older XML-RPC entry point name.
    pub class: &'static str,
}

impl Fault {
    /// Code 1: an exception of a Python class the server did not expect.
    pub fn unexpected(class: &'static str, message: impl AsRef<str>) -> Self {
        let text = format!(
            "Traceback (most recent call last):\n  File \"(simulator)\", line 1, in dispatch\n{class}: {}\n",
            message.as_ref()
        );
        Self { code: 1, text, class }
    }

    /// Code 1 with class `ValueError`, the most frequent one.
    pub fn value_error(message: impl AsRef<str>) -> Self {
        Self::unexpected("ValueError", message)
    }

    /// Code 1 for a field the model does not have.
    pub fn invalid_field(model: &str, field: &str) -> Self {
        Self::value_error(format!("Invalid field '{field}' on model '{model}'"))
    }

    /// Code 2: something the user did wrong.
    pub fn user(text: impl Into<String>) -> Self {
        Self { code: 2, text: text.into(), class: "odoo.exceptions.UserError" }
    }

    /// Code 2 for records that do not exist.
    pub fn missing(model: &str, ids: &[i64], uid: i64) -> Self {
        let list = ids.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
        let tuple = if ids.len() == 1 { format!("({list},)") } else { format!("({list})") };
        Self {
            code: 2,
            text: format!(
                "Record does not exist or has been deleted.\n(Record: {model}{tuple}, User: {uid})"
            ),
            class: "odoo.exceptions.MissingError",
        }
    }

    /// Code 2 for a reference to, or from, a row that forbids it.
    pub fn foreign_key(model: &str, label: &str, constraint: &str) -> Self {
        Self {
            code: 2,
            text: format!(
                "The operation cannot be completed: a record is still referenced, or a referenced record is missing.\n\nModel: {label} ({model})\nConstraint: {constraint}\n"
            ),
            class: "odoo.exceptions.ValidationError",
        }
    }

    /// Code 2 for a required field left empty.
    pub fn required(model: &str, label: &str, field: (&str, &str)) -> Self {
        Self {
            code: 2,
            text: format!(
                "The operation cannot be completed: a mandatory field is not set.\n\nModel: {label} ({model})\nField: {} ({})\n",
                field.1, field.0
            ),
            class: "odoo.exceptions.ValidationError",
        }
    }

    /// Code 3: the credentials are not accepted.
    pub fn access_denied() -> Self {
        Self { code: 3, text: "Access Denied".into(), class: "odoo.exceptions.AccessDenied" }
    }

    /// Code 4: the user may not do this.
    pub fn not_allowed(text: impl Into<String>) -> Self {
        Self { code: 4, text: text.into(), class: "odoo.exceptions.AccessError" }
    }

    /// Code 4 for a model the user's groups do not reach.
    pub fn model_forbidden(model: &str, label: &str) -> Self {
        Self::not_allowed(format!("You are not allowed to access '{label}' ({model}) records."))
    }

    /// Code 4 for a record a rule hides.
    pub fn record_forbidden(model: &str, label: &str, uid: i64) -> Self {
        Self::not_allowed(format!("The user (id={uid}) doesn't have access to:\n- {label} ({model})"))
    }

    /// The class name without its module, as the older XML-RPC entry point spells a fault code.
    pub fn short_class(&self) -> &'static str {
        self.class.rsplit('.').next().unwrap_or(self.class)
    }
}
