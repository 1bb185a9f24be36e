//! The parameters of a vindex.

use std::{collections::BTreeMap, str::FromStr};

use crate::vindex::VindexError;

/// The parameters, and the contents of the files that they name.
#[derive(Clone, Copy)]
pub(super) struct Params<'a> {
    pub(super) kind: &'a str,
    pub(super) values: &'a BTreeMap<String, String>,
    pub(super) files: &'a BTreeMap<String, String>,
}

impl<'a> Params<'a> {
    /// The parameter's value, if it is given.
    pub(super) fn text(self, param: &'static str) -> Option<&'a str> {
        self.values.get(param).map(String::as_str)
    }

    /// The parameter's value.
    pub(super) fn required(self, param: &'static str) -> Result<&'a str, VindexError> {
        let kind = || self.kind.to_owned();
        self.text(param).ok_or_else(|| VindexError::ParamMissing { kind: kind(), param })
    }

    /// The contents of the file that the parameter names.
    pub(super) fn file(self, param: &'static str) -> Result<&'a str, VindexError> {
        let kind = || self.kind.to_owned();
        let contents = self.files.get(param).map(String::as_str);
        contents.ok_or_else(|| VindexError::FileMissing { kind: kind(), param })
    }

    /// The error of a parameter that is not what it has to be.
    pub(super) fn wrong(self, param: &'static str, expected: &'static str) -> VindexError {
        VindexError::ParamWrong { kind: self.kind.to_owned(), param, expected }
    }

    /// The number that `text` of a parameter is.
    pub(super) fn number<T: FromStr>(
        self,
        param: &'static str,
        text: &str,
        expected: &'static str,
    ) -> Result<T, VindexError> {
        text.parse().map_err(|_| self.wrong(param, expected))
    }

    /// Refuses the parameters that are not `known`.
    pub(super) fn are_among(self, known: &[&str]) -> Result<(), VindexError> {
        let unknown = self.values.keys().find(|param| !known.contains(&param.as_str()));
        unknown.map_or(Ok(()), |param| {
            Err(VindexError::ParamUnknown { kind: self.kind.to_owned(), param: param.clone() })
        })
    }
}
