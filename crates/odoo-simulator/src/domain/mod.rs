//! Search domains: prefix notation, leaves, and the comparison rules of the database behind them.
//!
//! A domain is compiled once against a model and then tested row by row. Comparisons follow SQL where Odoo does: a
//! NULL is neither smaller nor larger than anything, `!=` and `not in` accept it, and datetimes compare with the
//! microseconds that no call ever returns.

mod leaf;
mod test;

use crate::database::Record;
use crate::fault::Fault;
use crate::reader::Reader;
use crate::schema::Model;
use crate::wire::Wire;

use leaf::Leaf;

/// A compiled domain.
#[derive(Debug)]
pub struct Domain {
    root: Node,
    names_active: bool,
}

#[derive(Debug)]
enum Node {
    Constant(bool),
    Leaf(Box<Leaf>),
    Not(Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
}

impl Domain {
    /// Compiles a domain.
    ///
    /// # Errors
    /// Fault 1 for an unknown field or operator, a malformed leaf, or a literal the column cannot be compared with.
    pub fn compile(reader: &Reader<'_>, model: &'static Model, domain: &Wire) -> Result<Self, Fault> {
        let terms = match domain {
            Wire::Array(terms) => terms.as_slice(),
            Wire::Nil | Wire::Bool(false) => &[],
            _ => return Err(Fault::value_error("a domain is a list of terms")),
        };
        let mut stack: Vec<Node> = Vec::new();
        let mut names_active = false;
        for term in terms.iter().rev() {
            let node = match term {
                Wire::Text(operator) => combine(operator, &mut stack)?,
                Wire::Array(parts) => {
                    names_active |= parts.first().and_then(Wire::as_text) == Some("active");
                    compile_leaf(reader, model, parts)?
                }
                _ => return Err(Fault::value_error("a domain term is an operator or a leaf")),
            };
            stack.push(node);
        }
        let mut root = Node::Constant(true);
        // Terms without an operator between them are joined by "and", the first term outermost.
        for node in stack {
            root = match root {
                Node::Constant(true) => node,
                other => Node::And(Box::new(node), Box::new(other)),
            };
        }
        Ok(Self { root, names_active })
    }

    /// Whether a leaf names `active`, which switches off the hiding of archived rows.
    pub fn names_active(&self) -> bool {
        self.names_active
    }

    /// Whether the row satisfies the domain.
    pub fn accepts<'a>(&self, reader: &Reader<'a>, model: &Model, row: (i64, &'a Record)) -> bool {
        self.root.accepts(reader, model, row)
    }
}

impl Node {
    fn accepts<'a>(&self, reader: &Reader<'a>, model: &Model, row: (i64, &'a Record)) -> bool {
        match self {
            Self::Constant(answer) => *answer,
            Self::Leaf(leaf) => leaf.accepts(reader, model, row),
            Self::Not(inner) => !inner.accepts(reader, model, row),
            Self::And(left, right) => left.accepts(reader, model, row) && right.accepts(reader, model, row),
            Self::Or(left, right) => left.accepts(reader, model, row) || right.accepts(reader, model, row),
        }
    }
}

fn combine(operator: &str, stack: &mut Vec<Node>) -> Result<Node, Fault> {
    let mut operand =
        || stack.pop().ok_or_else(|| Fault::value_error(format!("operator {operator} without a term")));
    match operator {
        "!" => Ok(Node::Not(Box::new(operand()?))),
        "&" => Ok(Node::And(Box::new(operand()?), Box::new(operand()?))),
        "|" => Ok(Node::Or(Box::new(operand()?), Box::new(operand()?))),
        other => Err(Fault::value_error(format!("Invalid domain operator {other}"))),
    }
}

fn compile_leaf(reader: &Reader<'_>, model: &'static Model, parts: &[Wire]) -> Result<Node, Fault> {
    let [left, operator, right] = parts else {
        return Err(Fault::value_error("Invalid leaf: a leaf has three parts"));
    };
    let operator =
        operator.as_text().ok_or_else(|| Fault::value_error("Invalid leaf: the operator is no text"))?;
    match left {
        // (1, '=', 1) and (0, '=', 1) are the constants of generated domains.
        Wire::Int(number) => Ok(Node::Constant(Some(*number) == right.as_int())),
        Wire::Text(path) => {
            Leaf::compile(reader, model, (path, operator, right)).map(|leaf| Node::Leaf(Box::new(leaf)))
        }
        _ => Err(Fault::value_error("Invalid leaf: the field is no text")),
    }
}
