//! A plan's file: its text, its name in messages, and the folder that its paths are relative to.

use std::{
    fs::File,
    io::{self, ErrorKind, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use thiserror::Error;
use whimbrel_migration::bind_offline;
use whimbrel_plan::{Bound, Draft, Loaded, Plan, PlanError, SchemaFile, draft, in_order, load};

use crate::{args::PlanPath, surroundings::Surroundings};

/// A plan's file, read.
#[derive(Debug, Clone)]
pub(crate) struct PlanFile {
    /// What messages call it.
    pub(crate) name: String,
    /// The text.
    pub(crate) text: Arc<str>,
    folder: PathBuf,
}

/// Why there is no plan.
#[derive(Debug, Error)]
pub(crate) enum Refused {
    /// Its file cannot be read.
    #[error("{error}")]
    Unreadable {
        /// What messages call the file.
        name: String,
        /// Why.
        error: PlanFileError,
    },
    /// It is wrong.
    #[error("`{}` is refused", .file.name)]
    Wrong {
        /// The file.
        file: PlanFile,
        /// What is wrong with it, and what is odd.
        problems: Vec<PlanError>,
    },
}

/// Why a plan's file cannot be read.
#[derive(Debug, Error)]
pub(crate) enum PlanFileError {
    /// There is none.
    #[error("there is no file of this name")]
    Missing,
    /// It is no text.
    #[error("the file is not UTF-8 text")]
    NotText,
    /// It is no plan by its sheer size.
    #[error("the file is larger than {FILE_BYTES_MAX} bytes")]
    TooLarge,
    /// The system refused.
    #[error("the file cannot be read: {0}")]
    Io(#[source] io::Error),
}

/// Far above any plan that a person could review.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Reads and loads the plan at `path`.
///
/// # Errors
///
/// [`Refused`] without a plan, with everything that is wrong.
pub(crate) fn open(path: &PlanPath) -> Result<(PlanFile, Loaded), Refused> {
    let file = PlanFile::read(path)?;
    match load(&file.text, &Surroundings::new(&file.folder)) {
        Ok(loaded) => Ok((file, loaded)),
        Err(problems) => Err(Refused::Wrong { file, problems }),
    }
}

/// A plan that nothing is wrong with, as far as its own text and its schema files tell.
#[derive(Debug)]
pub(crate) struct CheckedPlan {
    /// Its file.
    pub(crate) file: PlanFile,
    /// The plan, with all warnings.
    pub(crate) loaded: Loaded,
    /// With its expressions typed; `None` if it names no schema file for its source.
    pub(crate) bound: Option<Bound>,
}

/// Reads and loads the plan at `path`, and types its expressions by its schema files.
///
/// # Errors
///
/// [`Refused`] without a plan, with everything that is wrong: what is wrong with its form does not hide
/// what is wrong with its expressions.
pub(crate) fn check(path: &PlanPath) -> Result<CheckedPlan, Refused> {
    let file = PlanFile::read(path)?;
    let Draft { plan, mut problems } = draft(&file.text, &Surroundings::new(&file.folder));
    let bound = plan.as_ref().map_or(Ok(None), bound).unwrap_or_else(|errors| {
        problems.extend(errors);
        None
    });
    problems.extend(bound.iter().flat_map(|bound| bound.warnings.clone()));
    let problems = in_order(problems);
    match plan {
        Some(plan) if !problems.iter().any(PlanError::is_error) => {
            Ok(CheckedPlan { file, loaded: Loaded { plan, warnings: problems }, bound })
        }
        _ => Err(Refused::Wrong { file, problems }),
    }
}

fn bound(plan: &Plan) -> Result<Option<Bound>, Vec<PlanError>> {
    let read = |schema: Option<&SchemaFile>| {
        let Some(schema) = schema else { return Ok(None) };
        let read = File::open(&schema.path).map_err(PlanFileError::from).and_then(text);
        let problem = |error: PlanFileError| PlanError::schema_file(schema, error.to_string());
        read.map(Some).map_err(|error| vec![problem(error)])
    };
    let source = read(plan.source.schema.as_ref())?;
    let target = read(plan.target.endpoint().schema.as_ref())?;
    bind_offline(plan, source.as_deref(), target.as_deref())
}

/// The text of the source's schema file, if the plan names one that can be read: a run needs none.
pub(crate) fn source_schema(plan: &Plan) -> Option<(&str, String)> {
    let schema = plan.source.schema.as_ref()?;
    let text = File::open(&schema.path).map_err(PlanFileError::from).and_then(text).ok()?;
    Some((&schema.written, text))
}

impl PlanFile {
    /// A file as if it had been read.
    pub(crate) fn new(name: &str, text: &str) -> Self {
        Self { name: name.to_owned(), text: text.into(), folder: PathBuf::new() }
    }

    /// The file at `path`, read.
    ///
    /// # Errors
    ///
    /// [`Refused::Unreadable`] without a text.
    pub(crate) fn read(path: &PlanPath) -> Result<Self, Refused> {
        let (name, folder, text) = match path {
            PlanPath::Standard => {
                ("standard input".to_owned(), PathBuf::from("."), text(io::stdin().lock()))
            }
            PlanPath::File(path) => {
                let folder = path.parent().unwrap_or(Path::new("")).to_owned();
                let text = File::open(path).map_err(PlanFileError::from).and_then(text);
                (path.display().to_string(), folder, text)
            }
        };
        match text {
            Ok(text) => Ok(Self { name, text: text.into(), folder }),
            Err(error) => Err(Refused::Unreadable { name, error }),
        }
    }
}

fn text(reader: impl Read) -> Result<String, PlanFileError> {
    let mut bytes = Vec::new();
    let byte_count = reader.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if u64::try_from(byte_count).is_ok_and(|count| count > FILE_BYTES_MAX) {
        return Err(PlanFileError::TooLarge);
    }
    String::from_utf8(bytes).map_err(|_| PlanFileError::NotText)
}

impl From<io::Error> for PlanFileError {
    fn from(error: io::Error) -> Self {
        if error.kind() == ErrorKind::NotFound { Self::Missing } else { Self::Io(error) }
    }
}
