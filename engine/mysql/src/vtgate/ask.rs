//! What vtgate says of single values: their keyspace ids.

use std::collections::BTreeMap;

use crate::{
    ddl::{literal, quoted},
    error::Error,
    json::hex_literal,
    session::{Record, Session, unexpected},
};

/// The most values of one statement, and the most bytes of their literals, but for one value that is larger:
/// far below what vtgate and its clients take.
const VALUES_AT_ONCE: usize = 500;
const LITERAL_BYTES_AT_ONCE: usize = 256 << 10;

/// How applications write the values of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// As integers.
    Number,
    /// As text between quotes.
    Text,
    /// As bytes.
    Bytes,
}

/// Keyspace ids by the values that have them, each in bytes.
pub type KeyspaceIds = BTreeMap<Box<[u8]>, Box<[u8]>>;

/// The keyspace ids of `values` by the vindex that is `keyspace` and its name; those that it does not map, or
/// not to one keyspace id, are not among them. Values are as vtgate shows them: digits, text in UTF-8, or
/// bytes, each once.
///
/// # Errors
///
/// [`Error::Unexpected`] for an answer of another form; those of [`Session::query`].
pub async fn keyspace_ids(
    session: &mut Session,
    (keyspace, vindex): (&str, &str),
    written: Written,
    values: &[&[u8]],
) -> Result<KeyspaceIds, Error> {
    let from =
        format!("SELECT id, hex_keyspace_id FROM {}.{} WHERE id", quoted(keyspace), quoted(vindex));
    let mut found = BTreeMap::new();
    let (below_zero, others): (Vec<&[u8]>, Vec<&[u8]>) =
        values.iter().partition(|value| written == Written::Number && value.starts_with(b"-"));
    for list in lists(&others, written)? {
        let rows = session.query_for(DOING, &format!("{from} IN ({list})")).await?;
        found.extend(answers(&rows)?);
    }
    for value in below_zero {
        // To vtgate a number with a minus is an expression here, and it takes values alone.
        let number = literal_of(Written::Number, value)?;
        session.execute(format!("SET @value = {number}").as_bytes()).await?;
        found.extend(answers(&session.query_for(DOING, &format!("{from} = @value")).await?)?);
    }
    if found.len() > values.len() {
        return Err(unexpected(DOING, "there are more answers than values"));
    }
    Ok(found)
}

const DOING: &str = "asking vtgate for keyspace ids";

/// The values' literals, as many together as one statement has.
fn lists(values: &[&[u8]], written: Written) -> Result<Vec<String>, Error> {
    let mut lists: Vec<(usize, String)> = Vec::new();
    for value in values {
        let literal = literal_of(written, value)?;
        let room = LITERAL_BYTES_AT_ONCE.saturating_sub(literal.len());
        match lists.last_mut() {
            Some((count, list)) if *count < VALUES_AT_ONCE && list.len() < room => {
                *count += 1;
                list.push(',');
                list.push_str(&literal);
            }
            _ => lists.push((1, literal)),
        }
    }
    Ok(lists.into_iter().map(|(_, list)| list).collect())
}

fn literal_of(written: Written, value: &[u8]) -> Result<String, Error> {
    let text = || str::from_utf8(value).map_err(|_| unexpected(DOING, "a value is no UTF-8"));
    Ok(match written {
        Written::Number => text()?.to_owned(),
        Written::Text => literal(text()?),
        Written::Bytes => {
            let mut digits = Vec::with_capacity(2 * value.len() + 3);
            hex_literal(value, &mut digits);
            String::from_utf8_lossy(&digits).into_owned()
        }
    })
}

fn answers(rows: &[Record]) -> Result<KeyspaceIds, Error> {
    let mut found = BTreeMap::new();
    for row in rows {
        let value =
            row.bytes("id")?.ok_or_else(|| unexpected(DOING, "an answer without a value"))?;
        // A value may have a range of them, or several.
        let Some(digits) = row.bytes("hex_keyspace_id")? else { continue };
        let id = of_hex(digits).ok_or_else(|| unexpected(DOING, "a keyspace id is none"))?;
        if found.insert(value.into(), id).is_some() {
            return Err(unexpected(DOING, "a value has two keyspace ids"));
        }
    }
    Ok(found)
}

fn of_hex(digits: &[u8]) -> Option<Box<[u8]>> {
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    let byte = |pair: &[u8; 2]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
    pairs.iter().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_asked_for_in_lists_that_are_bounded() {
        let numbers: Vec<String> = (0..VALUES_AT_ONCE + 1).map(|it| it.to_string()).collect();
        let numbers: Vec<&[u8]> = numbers.iter().map(String::as_bytes).collect();
        let lists_of = |values: &[&[u8]], written| lists(values, written).unwrap();

        let two = lists_of(&numbers, Written::Number);
        assert_eq!((two.len(), two[1].as_str()), (2, "500"));
        assert!(two[0].starts_with("0,1,2,") && two[0].ends_with(",499"));
        let large = vec![b'a'; LITERAL_BYTES_AT_ONCE];
        assert_eq!(lists_of(&[b"b", &large, b"c"], Written::Text).len(), 3);
        assert_eq!(lists_of(&[b"it's", b"\\"], Written::Text), ["'it''s','\\\\'"]);
        assert_eq!(lists_of(&[b"\0\xff", b""], Written::Bytes), ["x'00ff',x''"]);
        assert!(lists(&[b"\xff"], Written::Text).is_err());
    }

    #[test]
    fn keyspace_ids_are_read_from_digits() {
        assert_eq!(of_hex(b"00fF").as_deref(), Some(&[0, 255][..]));
        assert_eq!(of_hex(b"").as_deref(), Some(&[][..]));
        assert_eq!((of_hex(b"0"), of_hex(b"0g")), (None, None));
    }
}
