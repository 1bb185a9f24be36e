//! Any text as a plan: problems have their places and remedies, and no secret is shown by anything.

#![no_main]

use std::path::{Path, PathBuf};

use libfuzzer_sys::fuzz_target;
use secrecy::SecretString;
use whimbrel_plan::{ExplainFormat, PlanError, SecretError, Secrets, compile, explain, load};

/// What every variable and file holds: nothing else that is printed looks like it.
const SECRET: &str = "Zq7-Xv9_Kw3";

/// Every variable and file but the empty name exists.
struct Everything;

impl Secrets for Everything {
    fn environment(&self, name: &str) -> Result<SecretString, SecretError> {
        match name {
            "" => Err(SecretError::Missing),
            "URL" | "SOURCE_URL" | "TARGET_URL" => Ok(format!("mysql://app:{SECRET}@db:33").into()),
            _ => Ok(SECRET.into()),
        }
    }

    fn file(&self, path: &str) -> Result<SecretString, SecretError> {
        if path.is_empty() { Err(SecretError::Missing) } else { Ok(SECRET.into()) }
    }

    fn path(&self, path: &str) -> PathBuf {
        Path::new("/plans").join(path)
    }
}

/// What a person is shown of the problems.
fn shown(text: &str, problems: &[PlanError]) -> String {
    let one = |problem: &PlanError| {
        let advice = problem.advice();
        assert!(!advice.help.is_empty(), "a problem has a remedy");
        for at in [Some(problem.at), problem.other].into_iter().flatten() {
            assert!(text.get(at.start..at.end).is_some(), "a problem has a place in the text");
            let _location = at.location(text);
        }
        format!("{problem} {problem:?} {advice:?}\n")
    };
    problems.iter().map(one).collect()
}

fuzz_target!(|text: &str| {
    let all = match load(text, &Everything) {
        Ok(loaded) => {
            assert!(!loaded.warnings.iter().any(PlanError::is_error), "a refused plan is no plan");
            let (plan, graph) = (&loaded.plan, compile(&loaded.plan));
            assert!(plan.changes(&plan.fingerprint()).is_empty(), "a plan is the same as itself");
            let selected = plan.selection.select(&["orders".to_owned(), "order_1".to_owned()]);
            let mut all = shown(text, &selected.err().unwrap_or_default());
            for format in [ExplainFormat::Text, ExplainFormat::Json] {
                all.push_str(&explain(plan, (&graph, None), format));
            }
            let tablets = plan.target.tablets().iter().map(|tablet| &tablet.endpoint);
            let mut open = [&plan.source, plan.target.endpoint()]
                .into_iter()
                .chain(tablets)
                .flat_map(|end| [&end.user, &end.host, &end.database]);
            if open.any(|name| name.contains(SECRET)) {
                // The plan itself says that it is none.
                return;
            }
            all.push_str(&shown(text, &loaded.warnings));
            all + format!("{loaded:?}").as_str()
        }
        Err(problems) => {
            assert!(problems.iter().any(PlanError::is_error), "what is refused has a reason");
            shown(text, &problems)
        }
    };
    assert!(text.contains(SECRET) || !all.contains(SECRET), "a secret is shown");
});
