//! The values that travel between a caller and the simulator, and their XML-RPC form.
//!
//! Requests are read with `dxr`. Responses are written here, because the order of struct members, the spelling of
//! doubles and the refusal of None are part of what a connector sees, and a general writer has its own opinion of
//! all three. Nothing in this module knows a model or a record.

use dxr::{MethodCall, Value as DxrValue};

/// One value as a caller sends it or receives it.
#[derive(Clone, Debug, PartialEq)]
pub enum Wire {
    /// None. Allowed in requests; in a response it makes the whole XML-RPC call a fault.
    Nil,
    /// A boolean, also the way an empty field travels.
    Bool(bool),
    /// An integer; XML-RPC carries 32 bits of it in responses.
    Int(i64),
    /// A double.
    Double(f64),
    /// A string.
    Text(String),
    /// A list.
    Array(Vec<Wire>),
    /// A struct, in the order its members were produced.
    Struct(Vec<(String, Wire)>),
    /// The `repr` of a server object that cannot travel, such as a recordset.
    Opaque(String),
}

impl Wire {
    /// A string value.
    pub fn text(value: impl Into<String>) -> Self {
        Self::Text(value.into())
    }

    /// A list of record ids.
    pub fn ids(ids: impl IntoIterator<Item = i64>) -> Self {
        Self::Array(ids.into_iter().map(Self::Int).collect())
    }

    /// The member of a struct, or nothing when this is no struct or has no such member.
    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Struct(members) => members.iter().find(|(key, _)| key == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The text of a string.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The integer; booleans count as 0 and 1, as they do in Python.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            Self::Bool(value) => Some(i64::from(*value)),
            _ => None,
        }
    }

    /// The number, whether it was sent as an integer or as a double.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Double(value) => Some(*value),
            #[expect(
                clippy::cast_precision_loss,
                reason = "Python's int becomes a float column the same way"
            )]
            Self::Int(value) => Some(*value as f64),
            _ => None,
        }
    }

    /// The elements of a list.
    pub fn as_array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// Python's truth of the value: None, False, 0, "", [] and {} are false.
    pub fn truthy(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Bool(value) => *value,
            Self::Int(value) => *value != 0,
            Self::Double(value) => *value != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::Array(items) => !items.is_empty(),
            Self::Struct(members) => !members.is_empty(),
            Self::Opaque(_) => true,
        }
    }
}

impl From<DxrValue> for Wire {
    fn from(value: DxrValue) -> Self {
        match value {
            DxrValue::Integer(value) => Self::Int(i64::from(value)),
            DxrValue::Long(value) => Self::Int(value),
            DxrValue::Boolean(value) => Self::Bool(value),
            DxrValue::String(text) => Self::Text(text),
            DxrValue::Double(value) => Self::Double(value),
            DxrValue::DateTime(at) => Self::Text(format!(
                "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
                at.year(),
                at.month(),
                at.day(),
                at.hour(),
                at.minute(),
                at.second()
            )),
            DxrValue::Base64(bytes) => Self::Text(String::from_utf8_lossy(&bytes).into_owned()),
            DxrValue::Struct(members) => {
                Self::Struct(members.into_iter().map(|(name, value)| (name, value.into())).collect())
            }
            DxrValue::Array(items) => Self::Array(items.into_iter().map(Into::into).collect()),
            _ => Self::Nil,
        }
    }
}

impl From<&serde_json::Value> for Wire {
    fn from(json: &serde_json::Value) -> Self {
        match json {
            serde_json::Value::Null => Self::Nil,
            serde_json::Value::Bool(flag) => Self::Bool(*flag),
            serde_json::Value::Number(number) => {
                number.as_i64().map_or_else(|| Self::Double(number.as_f64().unwrap_or(0.0)), Self::Int)
            }
            serde_json::Value::String(text) => Self::Text(text.clone()),
            serde_json::Value::Array(items) => Self::Array(items.iter().map(Self::from).collect()),
            serde_json::Value::Object(members) => {
                Self::Struct(members.iter().map(|(name, value)| (name.clone(), value.into())).collect())
            }
        }
    }
}

impl From<&Wire> for serde_json::Value {
    fn from(wire: &Wire) -> Self {
        match wire {
            Wire::Nil => Self::Null,
            Wire::Bool(flag) => (*flag).into(),
            Wire::Int(number) => (*number).into(),
            Wire::Double(number) => (*number).into(),
            Wire::Text(text) | Wire::Opaque(text) => text.clone().into(),
            Wire::Array(items) => items.iter().map(Self::from).collect(),
            Wire::Struct(members) => {
                members.iter().map(|(name, value)| (name.clone(), Self::from(value))).collect()
            }
        }
    }
}

/// Why a request body or a result cannot be translated.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum WireError {
    /// The body is no XML-RPC method call.
    #[error("the request is not a well-formed XML-RPC method call")]
    Malformed,
    /// The result holds something XML-RPC has no form for; the text is the message Odoo's marshaller gives.
    #[error("{0}")]
    Unmarshallable(String),
}

/// A parsed method call.
#[derive(Debug)]
pub struct Call {
    /// The XML-RPC method, for example `execute_kw`.
    pub method: String,
    /// Its positional parameters.
    pub params: Vec<Wire>,
}

/// Reads a method call. Integers of any width are accepted, because Python's reader accepts them under every tag.
pub fn read_call(body: &[u8]) -> Result<Call, WireError> {
    let text = std::str::from_utf8(body).map_err(|_| WireError::Malformed)?;
    // `dxr` reads <int> and <i4> as 32 bits and refuses the rest; a tag cannot occur inside escaped text.
    let widened = text
        .replace("<int>", "<i8>")
        .replace("</int>", "</i8>")
        .replace("<i4>", "<i8>")
        .replace("</i4>", "</i8>");
    let call = MethodCall::from_xml(&widened).map_err(|_| WireError::Malformed)?;
    Ok(Call {
        method: call.name.trim().to_owned(),
        params: call.params.into_iter().map(Into::into).collect(),
    })
}

/// Writes a method response.
///
/// # Errors
/// `Unmarshallable` when the result contains None, a server object, or an integer over 32 bits.
pub fn write_response(result: &Wire) -> Result<String, WireError> {
    let mut out = String::with_capacity(1024);
    out.push_str("<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n");
    write_value(&mut out, result)?;
    out.push_str("</param>\n</params>\n</methodResponse>\n");
    Ok(out)
}

/// The code of a fault: a number under `/xmlrpc/2/`, a class name under `/xmlrpc/`.
pub enum FaultCode<'a> {
    /// Codes 1 to 4.
    Number(i32),
    /// The spelling of the older entry point.
    Name(&'a str),
}

/// Writes a fault response.
pub fn write_fault(code: &FaultCode<'_>, text: &str) -> String {
    let mut out =
        String::from("<?xml version='1.0'?>\n<methodResponse>\n<fault>\n<value><struct>\n<member>\n");
    out.push_str("<name>faultCode</name>\n<value>");
    match code {
        FaultCode::Number(number) => out.push_str(&format!("<int>{number}</int>")),
        FaultCode::Name(name) => {
            out.push_str("<string>");
            escape(&mut out, name);
            out.push_str("</string>");
        }
    }
    out.push_str("</value>\n</member>\n<member>\n<name>faultString</name>\n<value><string>");
    escape(&mut out, text);
    out.push_str("</string></value>\n</member>\n</struct></value>\n</fault>\n</methodResponse>\n");
    out
}

fn write_value(out: &mut String, value: &Wire) -> Result<(), WireError> {
    match value {
        Wire::Nil => {
            return Err(WireError::Unmarshallable("cannot marshal None unless allow_none is enabled".into()));
        }
        Wire::Opaque(class) => {
            return Err(WireError::Unmarshallable(format!("cannot marshal {class} objects")));
        }
        Wire::Bool(flag) => {
            out.push_str(if *flag {
                "<value><boolean>1</boolean></value>\n"
            } else {
                "<value><boolean>0</boolean></value>\n"
            });
        }
        Wire::Int(number) => {
            if i32::try_from(*number).is_err() {
                return Err(WireError::Unmarshallable("int exceeds XML-RPC limits".into()));
            }
            out.push_str(&format!("<value><int>{number}</int></value>\n"));
        }
        Wire::Double(number) => {
            out.push_str(&format!("<value><double>{}</double></value>\n", python_float(*number)))
        }
        Wire::Text(text) => {
            out.push_str("<value><string>");
            escape(out, text);
            out.push_str("</string></value>\n");
        }
        Wire::Array(items) => {
            out.push_str("<value><array><data>\n");
            for item in items {
                write_value(out, item)?;
            }
            out.push_str("</data></array></value>\n");
        }
        Wire::Struct(members) => {
            out.push_str("<value><struct>\n");
            for (name, member) in members {
                out.push_str("<member>\n<name>");
                escape(out, name);
                out.push_str("</name>\n");
                write_value(out, member)?;
                out.push_str("</member>\n");
            }
            out.push_str("</struct></value>\n");
        }
    }
    Ok(())
}

/// The spelling Python's `repr` gives a float: shortest digits, an exponent below 1e-4 and from 1e16 on.
pub fn python_float(number: f64) -> String {
    if !number.is_finite() {
        return if number.is_nan() {
            "nan".into()
        } else if number > 0.0 {
            "inf".into()
        } else {
            "-inf".into()
        };
    }
    let magnitude = number.abs();
    if number == 0.0 || (1e-4..1e16).contains(&magnitude) {
        let plain = number.to_string();
        return if plain.contains('.') { plain } else { format!("{plain}.0") };
    }
    let scientific = format!("{number:e}");
    match scientific.split_once('e') {
        Some((mantissa, exponent)) => {
            let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
            format!("{mantissa}e{sign}{digits:0>2}")
        }
        None => scientific,
    }
}

/// Escapes text and drops the control characters that XML 1.0 cannot carry, as the server does.
fn escape(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\t' | '\n' | '\r' => out.push(character),
            control if u32::from(control) < 0x20 => {}
            '\u{fffe}' | '\u{ffff}' => {}
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_are_spelled_as_python_spells_them() {
        for (number, text) in [
            (0.0, "0.0"),
            (1500.5, "1500.5"),
            (100.0, "100.0"),
            (-2.0, "-2.0"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (9_007_199_254_740_992.0, "9007199254740992.0"),
            (1e16, "1e+16"),
            (1.25e-7, "1.25e-07"),
            (10.005, "10.005"),
        ] {
            assert_eq!(python_float(number), text);
        }
    }

    #[test]
    fn what_xml_rpc_cannot_carry_is_refused() {
        let refused = |value: Wire| write_response(&Wire::Array(vec![value])).unwrap_err().to_string();
        assert_eq!(refused(Wire::Nil), "cannot marshal None unless allow_none is enabled");
        assert_eq!(refused(Wire::Opaque("<class 'x'>".into())), "cannot marshal <class 'x'> objects");
        assert_eq!(refused(Wire::Int(3_000_000_000)), "int exceeds XML-RPC limits");
    }

    #[test]
    fn a_call_without_parameters_is_read() {
        let call = read_call(b"<methodCall><methodName>version</methodName></methodCall>").unwrap();
        assert_eq!((call.method.as_str(), call.params.len()), ("version", 0));
        assert_eq!(read_call(b"").unwrap_err(), WireError::Malformed);
        assert_eq!(read_call(b"\xff").unwrap_err(), WireError::Malformed);
    }
}
