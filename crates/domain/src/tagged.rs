//! Reading internally tagged enums without keeping their fields first.
//!
//! What serde derives for `#[serde(tag = "…")]` reads a whole value into memory before it looks at the tag, and does so
//! again for each tagged value inside. We write the tag first, so whoever reads it first knows how to read the rest as it
//! comes. A value whose tag comes later is read all the same: only what stood before the tag is kept.

use std::fmt;
use std::marker::PhantomData;
use std::vec;

use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, StringDeserializer};
use serde::de::{DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, Visitor};
use serde_json::Value;

/// An enum that says its variant in a field.
pub(crate) trait Tagged: Sized {
    /// The field.
    const TAG: &'static str;

    /// Reads the fields of a variant, given its name.
    fn read<'de, A: MapAccess<'de>>(name: &str, fields: Fields<A>) -> Result<Self, A::Error>;
}

/// Implements `Deserialize` for an enum that derives `Serialize` with a tag: by the variants' names in it.
macro_rules! tagged {
    ($enum:ident, $tag:literal, { $($name:literal => $read:expr),+ $(,)? }) => {
        impl $crate::tagged::Tagged for $enum {
            const TAG: &'static str = $tag;

            fn read<'de, A: serde::de::MapAccess<'de>>(
                name: &str,
                fields: $crate::tagged::Fields<A>,
            ) -> Result<Self, A::Error> {
                match name {
                    $($name => fields.into_value().map($read),)+
                    _ => Err(serde::de::Error::unknown_variant(name, &[$($name),+])),
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $enum {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::tagged::deserialize(deserializer)
            }
        }
    };
}
pub(crate) use tagged;

/// Reads a tagged value.
pub(crate) fn deserialize<'de, T: Tagged, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_map(TagFirst(PhantomData))
}

struct TagFirst<T>(PhantomData<T>);

impl<'de, T: Tagged> Visitor<'de> for TagFirst<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a map with the field `{}`", T::TAG)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut rest: A) -> Result<T, A::Error> {
        let mut before = Vec::new();
        while let Some(key) = rest.next_key::<String>()? {
            if key == T::TAG {
                let name: String = rest.next_value()?;
                let fields = Fields { before: before.into_iter(), value: None, rest };
                return T::read(&name, fields);
            }
            before.push((key, rest.next_value()?));
        }
        Err(Error::missing_field(T::TAG))
    }
}

/// The fields of a variant: those that stood before the tag, and those behind it.
pub(crate) struct Fields<A> {
    before: vec::IntoIter<(String, Value)>,
    value: Option<Value>,
    rest: A,
}

impl<'de, A: MapAccess<'de>> Fields<A> {
    /// The variant's content.
    pub(crate) fn into_value<T: Deserialize<'de>>(self) -> Result<T, A::Error> {
        if self.before.as_slice().is_empty() {
            return T::deserialize(MapAccessDeserializer::new(self.rest));
        }
        T::deserialize(MapAccessDeserializer::new(self))
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Fields<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        let Some((key, value)) = self.before.next() else { return self.rest.next_key_seed(seed) };
        self.value = Some(value);
        let key: StringDeserializer<A::Error> = key.into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        match self.value.take() {
            Some(value) => seed.deserialize(value).map_err(Error::custom),
            None => self.rest.next_value_seed(seed),
        }
    }
}

/// The content of a variant that has none; fields are passed over.
#[derive(Deserialize)]
pub(crate) struct Nothing {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Serialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Point {
        x: i64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        inner: Vec<Shape>,
    }

    #[derive(Debug, Clone, PartialEq, Serialize)]
    #[serde(tag = "shape", rename_all = "snake_case")]
    enum Shape {
        Dot(Point),
        LongLine { from: i64 },
        Empty,
    }

    #[derive(Deserialize)]
    struct LongLine {
        from: i64,
    }

    tagged!(Shape, "shape", {
        "dot" => Shape::Dot,
        "long_line" => |LongLine { from }| Shape::LongLine { from },
        "empty" => |Nothing {}| Shape::Empty,
    });

    /// As serde derives it.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "shape", rename_all = "snake_case")]
    enum Derived {
        Dot(DerivedPoint),
        LongLine { from: i64 },
        Empty,
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct DerivedPoint {
        x: i64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        inner: Vec<Derived>,
    }

    fn shapes() -> impl Strategy<Value = Shape> {
        let leaf = prop_oneof![Just(Shape::Empty), any::<i64>().prop_map(|from| Shape::LongLine { from })];
        leaf.prop_recursive(3, 12, 3, |inner| {
            (any::<i64>(), proptest::option::of("[a-z]{0,4}"), prop::collection::vec(inner, 0..3))
                .prop_map(|(x, name, inner)| Shape::Dot(Point { x, name, inner }))
        })
    }

    proptest! {
        #[test]
        fn everything_is_read_back_as_serde_reads_it(shape in shapes()) {
            let packed = rmp_serde::to_vec_named(&shape).unwrap();
            prop_assert_eq!(&rmp_serde::from_slice::<Shape>(&packed).unwrap(), &shape);
            // Its fields are in the order of their names here: some before the tag, some behind it.
            let text = serde_json::to_value(&shape).unwrap().to_string();
            prop_assert_eq!(&serde_json::from_str::<Shape>(&text).unwrap(), &shape, "{}", text);
            let derived: Derived = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(serde_json::to_value(&derived).unwrap(), serde_json::to_value(&shape).unwrap());
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let error = |value: Value| serde_json::from_value::<Shape>(value).unwrap_err().to_string();
        assert_eq!(error(json!({"x": 1})), "missing field `shape`");
        assert!(
            error(json!({"shape": "square"})).contains("unknown variant `square`, expected one of `dot`")
        );
        assert_eq!(error(json!({"shape": "dot"})), "missing field `x`");
        assert!(error(json!(3)).contains("a map with the field `shape`"));
    }
}
