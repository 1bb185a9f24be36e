//! A row of a small result.

use std::{str::FromStr, sync::Arc};

use mysql_async::{Row, Value};

use crate::error::Error;

/// One row of a small result, its values found by column name in any case.
#[derive(Clone)]
pub struct Record {
    doing: Arc<str>,
    names: Arc<[mysql_async::Column]>,
    values: Vec<Option<Vec<u8>>>,
}

impl Record {
    /// The row of a text result: every value is bytes or `NULL`.
    pub(super) fn new(doing: &Arc<str>, row: Row) -> Result<Self, Error> {
        let names = row.columns();
        let values = row
            .unwrap()
            .into_iter()
            .map(|value| match value {
                Value::NULL => Ok(None),
                Value::Bytes(bytes) => Ok(Some(bytes)),
                Value::Int(_)
                | Value::UInt(_)
                | Value::Float(_)
                | Value::Double(_)
                | Value::Date(..)
                | Value::Time(..) => Err(super::unexpected(&**doing, "a value is not text")),
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { doing: doing.clone(), names, values })
    }

    /// The memory that the values take, in bytes.
    pub(super) fn byte_count(&self) -> usize {
        let values = self.values.iter().map(|value| value.as_ref().map_or(0, Vec::len));
        size_of_val(self.values.as_slice()) + values.sum::<usize>()
    }

    /// Whether the result has the column.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.place(name).is_some()
    }

    /// The value's bytes as they came; `None` for `NULL`.
    ///
    /// # Errors
    ///
    /// [`Error::Unexpected`] when the result has no such column.
    pub fn bytes(&self, name: &str) -> Result<Option<&[u8]>, Error> {
        let value = self.place(name).and_then(|place| self.values.get(place));
        value.map(Option::as_deref).ok_or_else(|| self.misfit(name, "is not in the result"))
    }

    /// The value as text; `None` for `NULL`.
    ///
    /// # Errors
    ///
    /// [`Error::Unexpected`] when the result has no such column, or its bytes are not UTF-8.
    pub fn optional_text(&self, name: &str) -> Result<Option<String>, Error> {
        let text = |bytes: &[u8]| {
            String::from_utf8(bytes.to_vec()).map_err(|_| self.misfit(name, "is not UTF-8"))
        };
        self.bytes(name)?.map(text).transpose()
    }

    /// The value as text.
    ///
    /// # Errors
    ///
    /// [`Error::Unexpected`] as [`Record::optional_text`], and for `NULL`.
    pub fn text(&self, name: &str) -> Result<String, Error> {
        self.optional_text(name)?.ok_or_else(|| self.misfit(name, "is NULL"))
    }

    /// The first column as text, for results whose column has a name of the server's making.
    pub(crate) fn first_text(&self) -> Result<String, Error> {
        let name = self.names.first().map(|column| column.name_str().into_owned());
        self.text(&name.unwrap_or_default())
    }

    /// The value as a number (`u64`, `i64`, …); `None` for `NULL`.
    ///
    /// # Errors
    ///
    /// [`Error::Unexpected`] when the result has no such column, or it is no such number.
    pub fn optional_number<N: FromStr>(&self, name: &str) -> Result<Option<N>, Error> {
        let number = |text: String| {
            text.parse().map_err(|_| self.misfit(name, "is not a number of the range"))
        };
        self.optional_text(name)?.map(number).transpose()
    }

    /// The value as a number (`u64`, `i64`, …).
    ///
    /// # Errors
    ///
    /// [`Error::Unexpected`] as [`Record::optional_number`], and for `NULL`.
    pub fn number<N: FromStr>(&self, name: &str) -> Result<N, Error> {
        self.optional_number(name)?.ok_or_else(|| self.misfit(name, "is NULL"))
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|column| column.name_ref().eq_ignore_ascii_case(name.as_bytes()))
    }

    fn misfit(&self, name: &str, what: &str) -> Error {
        super::unexpected(&*self.doing, format!("column `{name}` {what}"))
    }
}
