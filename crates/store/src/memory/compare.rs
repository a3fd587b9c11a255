//! The order of BSON values, as MongoDB defines it: by kind first, numbers of all types as one kind.
//!
//! Source: MongoDB manual, "Comparison/Sort Order". Decimals are compared as floating point numbers, which is
//! enough for a twin: nothing of SalesCommand is stored as a decimal.

use std::cmp::Ordering;

use bson::{Bson, Document};

/// Which kind a value is of; kinds never equal each other.
pub(super) fn kind(value: &Bson) -> u8 {
    match value {
        Bson::MinKey => 0,
        Bson::Undefined => 1,
        Bson::Null => 2,
        Bson::Int32(_) | Bson::Int64(_) | Bson::Double(_) | Bson::Decimal128(_) => 3,
        Bson::String(_) | Bson::Symbol(_) => 4,
        Bson::Document(_) => 5,
        Bson::Array(_) => 6,
        Bson::Binary(_) => 7,
        Bson::ObjectId(_) => 8,
        Bson::Boolean(_) => 9,
        Bson::DateTime(_) => 10,
        Bson::Timestamp(_) => 11,
        Bson::RegularExpression(_) => 12,
        Bson::DbPointer(_) => 13,
        Bson::JavaScriptCode(_) => 14,
        Bson::JavaScriptCodeWithScope(_) => 15,
        Bson::MaxKey => 16,
    }
}

/// Compares two values.
pub(super) fn compare(left: &Bson, right: &Bson) -> Ordering {
    let by_kind = kind(left).cmp(&kind(right));
    if by_kind.is_ne() {
        return by_kind;
    }
    match (left, right) {
        (Bson::String(left) | Bson::Symbol(left), Bson::String(right) | Bson::Symbol(right)) => {
            left.cmp(right)
        }
        (Bson::Document(left), Bson::Document(right)) => documents(left, right),
        (Bson::Array(left), Bson::Array(right)) => arrays(left, right),
        (Bson::Boolean(left), Bson::Boolean(right)) => left.cmp(right),
        (Bson::DateTime(left), Bson::DateTime(right)) => left.cmp(right),
        (Bson::Timestamp(left), Bson::Timestamp(right)) => {
            (left.time, left.increment).cmp(&(right.time, right.increment))
        }
        (Bson::ObjectId(left), Bson::ObjectId(right)) => left.bytes().cmp(&right.bytes()),
        (Bson::Binary(left), Bson::Binary(right)) => {
            let key = |binary: &bson::Binary| (binary.bytes.len(), u8::from(binary.subtype));
            key(left).cmp(&key(right)).then_with(|| left.bytes.cmp(&right.bytes))
        }
        _ if kind(left) == 3 => numbers(left, right),
        // Kinds that nothing here stores: any order that is an order will do.
        _ => format!("{left:?}").cmp(&format!("{right:?}")),
    }
}

/// Field by field: kind, then name, then value; a prefix comes first.
fn documents(left: &Document, right: &Document) -> Ordering {
    let mut right_fields = right.iter();
    for (left_name, left_value) in left {
        let Some((right_name, right_value)) = right_fields.next() else { return Ordering::Greater };
        let order = kind(left_value)
            .cmp(&kind(right_value))
            .then_with(|| left_name.cmp(right_name))
            .then_with(|| compare(left_value, right_value));
        if order.is_ne() {
            return order;
        }
    }
    if right_fields.next().is_some() { Ordering::Less } else { Ordering::Equal }
}

fn arrays(left: &[Bson], right: &[Bson]) -> Ordering {
    let differing =
        left.iter().zip(right).map(|(left, right)| compare(left, right)).find(|order| order.is_ne());
    differing.unwrap_or_else(|| left.len().cmp(&right.len()))
}

fn integer(value: &Bson) -> Option<i64> {
    match value {
        Bson::Int32(number) => Some(i64::from(*number)),
        Bson::Int64(number) => Some(*number),
        _ => None,
    }
}

fn float(value: &Bson) -> f64 {
    match value {
        Bson::Double(number) => *number,
        Bson::Decimal128(number) => number.to_string().parse().unwrap_or(f64::NAN),
        _ => f64::NAN,
    }
}

fn numbers(left: &Bson, right: &Bson) -> Ordering {
    match (integer(left), integer(right)) {
        (Some(left), Some(right)) => left.cmp(&right),
        (Some(left), None) => integer_with_float(left, float(right)),
        (None, Some(right)) => integer_with_float(right, float(left)).reverse(),
        (None, None) => {
            let (left, right) = (float(left), float(right));
            // Not-a-number equals itself and comes before every number.
            left.partial_cmp(&right).unwrap_or_else(|| right.is_nan().cmp(&left.is_nan()))
        }
    }
}

/// Exact: 2^53 + 1 is not rounded to a float first.
fn integer_with_float(left: i64, right: f64) -> Ordering {
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    if right.is_nan() || right < -BEYOND {
        Ordering::Greater
    } else if right >= BEYOND {
        Ordering::Less
    } else {
        let whole = right.trunc() as i64;
        left.cmp(&whole).then_with(|| 0.0_f64.partial_cmp(&right.fract()).unwrap_or(Ordering::Equal))
    }
}

#[cfg(test)]
mod tests {
    use bson::{bson, doc};

    use super::*;

    #[test]
    fn values_stand_in_the_documented_order() {
        let ordered = [
            Bson::MinKey,
            Bson::Null,
            Bson::Double(f64::NAN),
            Bson::Double(-1.5),
            Bson::Int32(-1),
            Bson::Int64(9_007_199_254_740_992),
            Bson::Int64(9_007_199_254_740_993),
            Bson::Double(1e300),
            bson!(""),
            bson!("A"),
            bson!("a"),
            Bson::Document(doc! {}),
            Bson::Document(doc! { "b": 1 }),
            Bson::Document(doc! { "a": "text" }),
            bson!([]),
            bson!([1]),
            bson!([1, 1]),
            bson!(false),
            bson!(true),
            Bson::MaxKey,
        ];
        for pair in ordered.windows(2) {
            assert_eq!(compare(&pair[0], &pair[1]), Ordering::Less, "{pair:?}");
            assert_eq!(compare(&pair[1], &pair[0]), Ordering::Greater, "{pair:?}");
            assert_eq!(compare(&pair[0], &pair[0]), Ordering::Equal, "{pair:?}");
        }
    }

    #[test]
    fn numbers_of_all_types_are_one_kind() {
        assert_eq!(compare(&Bson::Int32(2), &Bson::Int64(2)), Ordering::Equal);
        assert_eq!(compare(&Bson::Int32(2), &Bson::Double(2.0)), Ordering::Equal);
        assert_eq!(compare(&Bson::Double(2.5), &Bson::Int64(2)), Ordering::Greater);
        assert_eq!(compare(&Bson::Int64(-2), &Bson::Double(-2.5)), Ordering::Greater);
    }
}
