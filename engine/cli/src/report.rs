//! Problems of plans as people and machines read them. The one place that knows miette.

use std::{fmt, ops::Range, sync::Arc};

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode,
    SourceSpan,
};
use serde_json::{Value, json};
use thiserror::Error;
use whimbrel_plan::{Advice, Loaded, PlanError, Severity, Span, redact};
use whimbrel_vitess::Refusal;

use crate::{
    args::PlanPath,
    output::Output,
    plan_file::{self, PlanFile, PlanFileError, Refused},
};

/// Longer messages are wrapped: a terminal's usual width, and the same where there is none.
const WIDTH: usize = 100;

/// The plan at `path`; `None` once it is said why there is none.
pub(crate) fn opened(path: &PlanPath, output: &Output) -> Option<(PlanFile, Loaded)> {
    plan_file::open(path)
        .map_err(|refused| output.message(&refused_text(&refused, output.has_colours())))
        .ok()
}

/// Why a plan is refused, for people.
pub(crate) fn refused_text(refused: &Refused, has_colours: bool) -> String {
    match refused {
        Refused::Unreadable { name, error } => render(&Unreadable { name, error }, has_colours),
        Refused::Wrong { file, problems } => problems_text(file, problems, has_colours),
    }
}

/// Problems of one plan, for people; empty without any.
pub(crate) fn problems_text(file: &PlanFile, problems: &[PlanError], has_colours: bool) -> String {
    let lines = Arc::new(NamedSource::new(&file.name, redact(&file.text)));
    let report = |problem: &PlanError| {
        let (advice, at) = (problem.advice(), [Some(problem.at), problem.other]);
        let frame = Frame::new(file, &lines, at.into_iter().flatten());
        render(&PlanReport { frame, advice, problem }, has_colours)
    };
    problems.iter().map(report).collect()
}

/// An error of a run that a place in the plan leads to.
#[derive(Debug, Error)]
#[error("{message}")]
pub(crate) struct PlacedError {
    /// Its id.
    pub(crate) id: &'static str,
    /// What is wrong.
    pub(crate) message: String,
    /// What to do.
    pub(crate) help: String,
    /// Where in the plan.
    pub(crate) at: Span,
}

/// An error of a run with the part of the plan that it is about, for people.
pub(crate) fn placed_text(file: &PlanFile, error: PlacedError, has_colours: bool) -> String {
    let lines = Arc::new(NamedSource::new(&file.name, redact(&file.text)));
    let frame = Frame::new(file, &lines, [error.at].into_iter());
    render(&PlacedReport { frame, error }, has_colours)
}

/// A place in a plan, for machines.
pub(crate) fn place_json(file: &PlanFile, at: Span) -> Value {
    place(at, &file.text)
}

/// Why a specification of Vitess does not become a plan, for people.
pub(crate) fn refusals_text(file: &PlanFile, refusals: &[Refusal], has_colours: bool) -> String {
    let lines = Arc::new(NamedSource::new(&file.name, redact(&file.text)));
    let span = |at: &Range<usize>| Span { start: at.start, end: at.end };
    let report = |refusal: &Refusal| {
        let at = std::iter::once(&refusal.at).chain(&refusal.other).map(span);
        let frame = Frame::new(file, &lines, at);
        render(&RefusalReport { frame, refusal }, has_colours)
    };
    refusals.iter().map(report).collect()
}

/// A plan that cannot be read or is wrong, for machines.
pub(crate) fn refused_json(refused: &Refused) -> Value {
    match refused {
        Refused::Unreadable { name, error } => {
            let problem = json!({
                "id": UNREADABLE_ID,
                "severity": "error",
                "message": error.to_string(),
                "help": UNREADABLE_HELP,
            });
            json!({ "file": name, "valid": false, "problems": [problem] })
        }
        Refused::Wrong { file, problems } => plan_json(file, problems),
    }
}

/// A plan and its problems, for machines.
pub(crate) fn plan_json(file: &PlanFile, problems: &[PlanError]) -> Value {
    let problem = |problem: &PlanError| {
        let advice = problem.advice();
        let mut value = json!({
            "id": advice.id,
            "severity": severity(advice.severity),
            "message": redact(&problem.to_string()),
            "label": advice.label,
            "help": advice.help,
            "at": place(problem.at, &file.text),
        });
        if let (Some(other), Some(object)) = (problem.other, value.as_object_mut()) {
            object.insert("other".to_owned(), place(other, &file.text));
        }
        value
    };
    json!({
        "file": file.name,
        "valid": !problems.iter().any(PlanError::is_error),
        "problems": problems.iter().map(problem).collect::<Vec<_>>(),
    })
}

fn place(span: Span, text: &str) -> Value {
    let start = span.location(text);
    let end = Span { start: span.end, end: span.end }.location(text);
    json!({
        "line": start.line,
        "column": start.column,
        "end_line": end.line,
        "end_column": end.column,
        "byte": span.start,
        "end_byte": span.end,
    })
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

const UNREADABLE_ID: &str = "plan.unreadable";
const UNREADABLE_HELP: &str = "name a file that holds a plan, or `-` for standard input";

/// A file that cannot be read.
#[derive(Debug, Error)]
#[error("`{name}`: {error}")]
struct Unreadable<'a> {
    name: &'a str,
    error: &'a PlanFileError,
}

impl Diagnostic for Unreadable<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(UNREADABLE_ID))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(UNREADABLE_HELP))
    }
}

/// Wider lines are not shown: nobody reads them, and frames have no room for them.
const LINE_BYTES_MAX: usize = 1_000;

/// The lines of a plan that a message shows, or what it says instead.
#[derive(Debug)]
enum Frame {
    Lines(Arc<NamedSource<String>>),
    /// `file:line:column`.
    Place(String),
}

impl Frame {
    fn new(
        file: &PlanFile,
        lines: &Arc<NamedSource<String>>,
        mut spans: impl Iterator<Item = Span> + Clone,
    ) -> Self {
        let first = spans.clone().next();
        if spans.all(|span| has_short_lines(&file.text, span)) {
            return Self::Lines(Arc::clone(lines));
        }
        let at = first.map(|span| span.location(&file.text));
        let at = at.map(|at| format!("{}:{}:{}", file.name, at.line, at.column));
        Self::Place(at.unwrap_or_default())
    }

    fn lines(&self) -> Option<&NamedSource<String>> {
        match self {
            Self::Lines(lines) => Some(lines),
            Self::Place(_) => None,
        }
    }

    fn instead(&self) -> String {
        match self {
            Self::Lines(_) => String::new(),
            Self::Place(place) => format!(" ({place})"),
        }
    }
}

/// Whether the lines around a place are short enough to be shown.
fn has_short_lines(text: &str, at: Span) -> bool {
    let before = text.get(..at.start).unwrap_or_default();
    let behind = text.get(at.end..).unwrap_or_default();
    let start = before.rmatch_indices('\n').nth(1).map_or(0, |(offset, _)| offset + 1);
    let end = behind.match_indices('\n').nth(1).map_or(behind.len(), |(offset, _)| offset);
    let shown = text.get(start..at.end + end).unwrap_or_default();
    shown.lines().all(|line| line.len() <= LINE_BYTES_MAX)
}

/// One problem of a plan. A URL may stand where none belongs, so that its password is in the message.
#[derive(Debug, Error)]
#[error("{}{}", redact(&problem.to_string()), frame.instead())]
struct PlanReport<'a> {
    frame: Frame,
    advice: Advice,
    problem: &'a PlanError,
}

impl Diagnostic for PlanReport<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.advice.id))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.advice.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        (!self.advice.help.is_empty()).then(|| Box::new(&self.advice.help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.frame.lines().map(|lines| lines as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.frame.lines()?;
        let span = |span: Span| SourceSpan::from(span.start..span.end);
        let label = |text: &str, at| LabeledSpan::new_with_span(Some(text.to_owned()), span(at));
        let own = LabeledSpan::new_primary_with_span(
            Some(self.advice.label.to_owned()),
            span(self.problem.at),
        );
        let other = self.problem.other.map(|at| label(self.advice.other_label, at));
        Some(Box::new(std::iter::once(own).chain(other)))
    }
}

#[derive(Debug, Error)]
#[error("{}{}", redact(&error.message), frame.instead())]
struct PlacedReport {
    frame: Frame,
    error: PlacedError,
}

impl Diagnostic for PlacedReport {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.error.id))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(&self.error.help))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.frame.lines().map(|lines| lines as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.frame.lines()?;
        let span = SourceSpan::from(self.error.at.start..self.error.at.end);
        let label = LabeledSpan::new_primary_with_span(Some("fails here".to_owned()), span);
        Some(Box::new(std::iter::once(label)))
    }
}

/// One part of a specification that is refused.
#[derive(Debug, Error)]
#[error("{}{}", redact(&refusal.to_string()), frame.instead())]
struct RefusalReport<'a> {
    frame: Frame,
    refusal: &'a Refusal,
}

impl Diagnostic for RefusalReport<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.refusal.id()))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let help = self.refusal.help();
        (!help.is_empty()).then(|| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.frame.lines().map(|lines| lines as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.frame.lines()?;
        let Refusal { at, other, .. } = self.refusal;
        let label = if other.is_some() { "again here" } else { "here" };
        let own = LabeledSpan::new_primary_with_span(Some(label.to_owned()), at.clone());
        let first = "first here".to_owned();
        let other = other.clone().map(|at| LabeledSpan::new_with_span(Some(first), at));
        Some(Box::new(std::iter::once(own).chain(other)))
    }
}

fn render(diagnostic: &dyn Diagnostic, has_colours: bool) -> String {
    let theme =
        if has_colours { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(WIDTH)
        .with_links(false)
        .with_context_lines(1);
    let mut text = String::new();
    match handler.render_report(&mut text, diagnostic) {
        // A blank line keeps it apart from the next one.
        Ok(()) => text + "\n",
        // Places always lie in the text; should one not, the message alone is better than none.
        Err(fmt::Error) => format!("{diagnostic}\n"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use proptest::prelude::*;
    use secrecy::SecretString;
    use whimbrel_plan::{SecretError, Secrets, load};

    use super::*;

    struct Nothing;

    impl Secrets for Nothing {
        fn environment(&self, _name: &str) -> Result<SecretString, SecretError> {
            Err(SecretError::Missing)
        }

        fn file(&self, _path: &str) -> Result<SecretString, SecretError> {
            Err(SecretError::Missing)
        }

        fn path(&self, path: &str) -> PathBuf {
            Path::new(path).to_owned()
        }
    }

    fn shown(text: &str) -> String {
        let file = PlanFile::new("plan.yaml", text);
        let problems = load(text, &Nothing).err().unwrap_or_default();
        let report = plan_json(&file, &problems);
        format!("{}{report}", problems_text(&file, &problems, false))
    }

    #[test]
    fn no_password_is_shown_wherever_it_stands() {
        let url = "mysql://app:hunter2@a-host-with-a-name-of-more-than-sixty-four-characters";
        for line in [
            format!("name: {url}"),
            format!("source: {url}"),
            format!("move: ['{url}[', {url}, {url}]"),
            format!("source: {{ mysql: {{ url: {url}?a=b, database: '{url}' }} }}"),
            format!("on: {{ ddl: '{url}' }}"),
            format!("'{url}': 1"),
            format!("source: {{ mysql: {{ url: '{url}' }}"),
        ] {
            let shown = shown(&line);

            assert!(!shown.is_empty() && !shown.contains("hunter2"), "{shown}");
        }
    }

    proptest! {
        #[test]
        fn every_text_can_be_reported_on(
            text in "[-: \\[\\]{}'\"#|>&*!%@?\\\\\t\r\n\u{0}aé😀$]{0,60}"
        ) {
            let _shown = shown(&text);
        }
    }
}
