//! What a plan refers to outside of its text: the environment, and files beside it.

use std::{
    env::{self, VarError},
    fs::File,
    io::{self, ErrorKind, Read},
    path::{Path, PathBuf},
};

use secrecy::SecretString;
use whimbrel_plan::{SecretError, Secrets};

/// The process's environment, and the files beside a plan.
#[derive(Debug)]
pub(crate) struct Surroundings<'a> {
    folder: &'a Path,
}

/// Far above any URL or password.
const SECRET_BYTES_MAX: u64 = 64 << 10;

impl<'a> Surroundings<'a> {
    /// With the plan in `folder`.
    pub(crate) fn new(folder: &'a Path) -> Self {
        Self { folder }
    }
}

impl Secrets for Surroundings<'_> {
    fn environment(&self, name: &str) -> Result<SecretString, SecretError> {
        env::var(name).map(SecretString::from).map_err(|error| match error {
            VarError::NotPresent => SecretError::Missing,
            VarError::NotUnicode(_) => SecretError::NotText,
        })
    }

    fn file(&self, path: &str) -> Result<SecretString, SecretError> {
        let unreadable = |error: io::Error| {
            if error.kind() == ErrorKind::NotFound {
                SecretError::Missing
            } else {
                SecretError::Unreadable { reason: error.to_string() }
            }
        };
        let mut bytes = Vec::new();
        File::open(self.path(path))
            .and_then(|file| file.take(SECRET_BYTES_MAX + 1).read_to_end(&mut bytes))
            .map_err(unreadable)?;
        if bytes.len() as u64 > SECRET_BYTES_MAX {
            let reason = format!("it is larger than {SECRET_BYTES_MAX} bytes");
            return Err(SecretError::Unreadable { reason });
        }
        String::from_utf8(bytes).map(SecretString::from).map_err(|_| SecretError::NotText)
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }
}
