//! Values of a TOML file as JSON: the arguments that an event or an answer brings.
//!
//! Recursive; the parser bounds how deep a file nests.

use serde_json::value::RawValue;
use toml::Spanned;
use toml::de::DeValue;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotJson {
    #[error("JSON has no dates: write it as a string")]
    Date,
    #[error("JSON has no such number")]
    Number,
}

pub fn json(value: &DeValue<'_>) -> Result<Box<RawValue>, NotJson> {
    let mut text = String::new();
    write(value, &mut text)?;
    Ok(RawValue::from_string(text).expect("what is written here is JSON"))
}

fn write(value: &DeValue<'_>, out: &mut String) -> Result<(), NotJson> {
    match value {
        DeValue::String(text) => string(text, out),
        DeValue::Boolean(flag) => out.push_str(if *flag { "true" } else { "false" }),
        DeValue::Integer(number) => {
            let number = i128::from_str_radix(number.as_str(), number.radix());
            out.push_str(&number.map_err(|_| NotJson::Number)?.to_string());
        }
        DeValue::Float(number) => {
            let number: f64 = number.as_str().parse().map_err(|_| NotJson::Number)?;
            // There is none for what is not finite.
            let number = serde_json::Number::from_f64(number).ok_or(NotJson::Number)?;
            out.push_str(&number.to_string());
        }
        DeValue::Datetime(_) => return Err(NotJson::Date),
        DeValue::Array(items) => {
            let items = items.iter().map(Spanned::get_ref);
            list('[', items, ']', out, write)?;
        }
        DeValue::Table(entries) => list('{', entries, '}', out, |(key, value), out| {
            string(key.get_ref(), out);
            out.push(':');
            write(value.get_ref(), out)
        })?,
    }
    Ok(())
}

fn list<T>(
    open: char,
    items: impl IntoIterator<Item = T>,
    close: char,
    out: &mut String,
    write: impl Fn(T, &mut String) -> Result<(), NotJson>,
) -> Result<(), NotJson> {
    out.push(open);
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write(item, out)?;
    }
    out.push(close);
    Ok(())
}

fn string(text: &str, out: &mut String) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn toml_becomes_the_json_that_is_meant() {
        for (toml, expected) in [
            (r#""a \"b\" \n ü""#, r#""a \"b\" \n ü""#),
            ("-1_000", "-1000"),
            ("0xff", "255"),
            ("1.50", "1.5"),
            ("1e3", "1000.0"),
            ("true", "true"),
            (r#"[1, "a", []]"#, r#"[1,"a",[]]"#),
            (
                r#"{ b = 1, "a b" = { c = [false] } }"#,
                r#"{"a b":{"c":[false]},"b":1}"#,
            ),
        ] {
            let value = DeValue::parse(toml).unwrap();
            assert_eq!(json(value.get_ref()).unwrap().get(), expected, "{toml}");
        }
        for (toml, error) in [
            ("nan", NotJson::Number),
            ("[-inf]", NotJson::Number),
            (
                "999999999999999999999999999999999999999999",
                NotJson::Number,
            ),
            ("{ at = 1979-05-27 }", NotJson::Date),
        ] {
            let value = DeValue::parse(toml).unwrap();
            assert_eq!(json(value.get_ref()).unwrap_err(), error, "{toml}");
        }
    }
}
