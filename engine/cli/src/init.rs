//! `whimbrel init`.

use std::{
    fs::OpenOptions,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use secrecy::SecretString;
use whimbrel_plan::{SecretError, Secrets, load};
use whimbrel_vitess::{Made, Warning};

use crate::{
    args::Init,
    output::{Exit, Output},
    plan_file::PlanFile,
    report,
};

/// What messages call a plan that is not yet a file.
const PLAN: &str = "plan.yaml";

/// Makes a plan of a specification of Vitess.
///
/// # Errors
///
/// When it cannot be written.
pub(crate) fn run(arguments: &Init, output: &mut Output) -> io::Result<Exit> {
    let has_colours = output.has_colours();
    let file = match PlanFile::read(&arguments.specification) {
        Ok(file) => file,
        Err(refused) => {
            output.message(&report::refused_text(&refused, has_colours));
            return Ok(Exit::PlanRefused);
        }
    };
    let Made { plan, warnings } = match whimbrel_vitess::plan(&file.text, &arguments.given) {
        Ok(made) => made,
        Err(refusals) => {
            output.message(&report::refusals_text(&file, &refusals, has_colours));
            return Ok(Exit::PlanRefused);
        }
    };
    if let Err(problems) = load(&plan, &Unset) {
        // A name that no plan can have, or a fault of ours: either way nobody is given such a plan.
        let made = PlanFile::new(PLAN, &plan);
        output.message(&format!("`{}` makes a plan that is refused:\n\n", file.name));
        output.message(&report::problems_text(&made, &problems, has_colours));
        return Ok(Exit::PlanRefused);
    }
    for warning in &warnings {
        output.message(&warning_text(&file.name, warning));
    }
    match &arguments.output {
        None => {
            output.result(&plan)?;
            Ok(Exit::Done)
        }
        Some(path) => Ok(write(path, &plan, output)),
    }
}

/// A warning with all of its places.
fn warning_text(name: &str, Warning { text, places }: &Warning) -> String {
    let places = places.iter().map(|place| format!("  {name}:{place}\n"));
    format!("warning: {text}\n{}", places.collect::<String>())
}

/// Writes a new file, and says what comes next.
fn write(path: &Path, plan: &str, output: &Output) -> Exit {
    let name = path.display();
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .and_then(|mut file| file.write_all(plan.as_bytes()));
    match written {
        Ok(()) => {
            output.message(&format!(
                "wrote {name}: read its comment, set SOURCE_URL and TARGET_URL, then `whimbrel \
                 validate {name}`\n"
            ));
            Exit::Done
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            output.message(&format!("`{name}` is there already, and is left as it is\n"));
            Exit::Failed
        }
        Err(error) => {
            output.message(&format!("`{name}` cannot be written: {error}\n"));
            Exit::Failed
        }
    }
}

/// The variables that nobody has set yet: each stands for a server of its own.
struct Unset;

impl Secrets for Unset {
    fn environment(&self, name: &str) -> Result<SecretString, SecretError> {
        let host = name.to_ascii_lowercase().replace('_', "-");
        Ok(format!("mysql://user@{host}:3306").into())
    }

    fn file(&self, _path: &str) -> Result<SecretString, SecretError> {
        Err(SecretError::Missing)
    }

    fn path(&self, path: &str) -> PathBuf {
        PathBuf::from(path)
    }
}
