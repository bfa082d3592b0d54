//! A parsed TOML value as serde reads it. Ours instead of the library's own, whose messages name Rust types and repeat
//! values.

use std::collections::BTreeSet;

use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess, SeqAccess, Unexpected,
    Visitor,
};
use serde::forward_to_deserialize_any;
use serde_spanned::de::{SpannedDeserializer, is_spanned};
use toml::de::{DeTable, DeValue};

use super::mismatch::Mismatch;

/// The name of a newtype that reads a single value as an array of one.
pub const ONE_OR_MORE: &str = "OneOrMore";

#[derive(Clone, Copy)]
pub struct Node<'a> {
    value: &'a DeValue<'a>,
    /// The first byte of its key, or of itself in an array.
    at: usize,
    /// Keys and items that are left out, by their first byte.
    skipped: &'a BTreeSet<usize>,
}

impl<'a> Node<'a> {
    pub fn root(value: &'a DeValue<'a>, skipped: &'a BTreeSet<usize>) -> Self {
        Self {
            value,
            at: 0,
            skipped,
        }
    }

    fn child(self, value: &'a DeValue<'a>, at: usize) -> Option<Self> {
        let skipped = self.skipped;
        (!skipped.contains(&at)).then_some(Self { value, at, skipped })
    }

    fn visit_items<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        let DeValue::Array(items) = self.value else {
            return Err(Mismatch::kind("an array"));
        };
        let items = items.iter();
        visitor.visit_seq(Items(
            items.filter_map(|item| self.child(item.get_ref(), item.span().start)),
        ))
    }

    fn visit_entries<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        let DeValue::Table(table) = self.value else {
            return Err(Mismatch::kind("a table"));
        };
        let entries = table.iter().filter_map(|(key, value)| {
            let value = self.child(value.get_ref(), key.span().start)?;
            Some((&**key.get_ref(), value))
        });
        let read = visitor.visit_map(Entries {
            entries,
            value: None,
        });
        read.map_err(|mismatch| self.without_echo(mismatch, table))
    }

    /// A key that is missing because it was left out is no further mistake.
    fn without_echo(self, mut mismatch: Mismatch, table: &DeTable<'_>) -> Mismatch {
        let entry = mismatch.missing.and_then(|key| table.get_key_value(key));
        if mismatch.at.is_none() && entry.is_some() {
            mismatch.message.clear();
        }
        mismatch
    }

    fn place(self, mismatch: Mismatch) -> Mismatch {
        let kind = match self.value {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a number with a fraction",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date or a time",
            DeValue::Array(_) => "an array",
            DeValue::Table(_) => "a table",
        };
        mismatch.or_at(self.at, kind)
    }
}

impl<'de> Deserializer<'de> for Node<'_> {
    type Error = Mismatch;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        let no_number = || Mismatch::custom("such a number cannot be used here");
        match self.value {
            DeValue::String(text) => visitor.visit_str(text),
            DeValue::Boolean(flag) => visitor.visit_bool(*flag),
            DeValue::Integer(number) => {
                let number = i64::from_str_radix(number.as_str(), number.radix());
                visitor.visit_i64(number.map_err(|_| no_number())?)
            }
            DeValue::Float(number) => {
                let number: Option<f64> = number.as_str().parse().ok();
                let finite = number.filter(|number| number.is_finite());
                visitor.visit_f64(finite.ok_or_else(no_number)?)
            }
            DeValue::Datetime(_) => Err(Mismatch::invalid_type(Unexpected::Unit, &visitor)),
            DeValue::Array(_) => self.visit_items(visitor),
            DeValue::Table(_) => self.visit_entries(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_some(self)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.value {
            DeValue::Boolean(flag) => visitor.visit_bool(*flag),
            _ => Err(Mismatch::kind("true or false")),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        self.visit_items(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        self.visit_entries(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        if is_spanned(name) {
            visitor.visit_map(SpannedDeserializer::new(self, self.at..self.at))
        } else {
            self.visit_entries(visitor)
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        match self.value {
            DeValue::Array(_) if name == ONE_OR_MORE => self.visit_items(visitor),
            _ if name == ONE_OR_MORE => visitor.visit_seq(Items([self].into_iter())),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct tuple tuple_struct
        enum identifier ignored_any
    }
}

impl IntoDeserializer<'_, Mismatch> for Node<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

struct Items<I>(I);

impl<'de, 'a, I: Iterator<Item = Node<'a>>> SeqAccess<'de> for Items<I> {
    type Error = Mismatch;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Mismatch> {
        let item = self.0.next().map(|item| {
            let read = seed.deserialize(item);
            read.map_err(|mismatch| item.place(mismatch))
        });
        item.transpose()
    }
}

struct Entries<'a, I> {
    entries: I,
    /// The value of the key that was read last.
    value: Option<Node<'a>>,
}

impl<'de, 'a, I: Iterator<Item = (&'a str, Node<'a>)>> MapAccess<'de> for Entries<'a, I> {
    type Error = Mismatch;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Mismatch> {
        let Some((key, value)) = self.entries.next() else {
            return Ok(None);
        };
        self.value = Some(value);
        let read = seed.deserialize(key.into_deserializer());
        let read = read.map_err(|mismatch: Mismatch| mismatch.or_at(value.at, "a string"));
        read.map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Mismatch> {
        let value = self.value.take().expect("a key is read before its value");
        seed.deserialize(value)
            .map_err(|mismatch| value.place(mismatch))
    }
}
