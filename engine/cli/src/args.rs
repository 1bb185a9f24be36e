//! Arguments: as they are typed, and as they are meant.

use std::{io, path::PathBuf};

use clap::{Parser, Subcommand, ValueEnum};
use whimbrel_migration::Until;
use whimbrel_plan::ExplainFormat;
use whimbrel_vitess::Given;

use crate::output::{Exit, Output};

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Command {
    /// Check plans.
    Validate(Validate),
    /// Show what a plan will do.
    Explain(Explain),
    /// Print the schema of plans.
    Schema,
    /// Make a plan.
    Init(Init),
    /// Move tables.
    Run(Run),
    /// Tell where a plan is.
    Status(Status),
}

/// Move tables.
#[derive(Debug)]
pub(crate) struct Run {
    /// The plan.
    pub(crate) plan: PlanPath,
    /// When the run ends by itself.
    pub(crate) until: Until,
    /// Whether it ends another runner of the plan.
    pub(crate) takes_over: bool,
    /// How it reports.
    pub(crate) format: ReportFormat,
    /// Seconds between two reports where there is no terminal.
    pub(crate) every_seconds: u64,
}

/// Tell where a plan is.
#[derive(Debug)]
pub(crate) struct Status {
    /// The plan.
    pub(crate) plan: PlanPath,
    /// How it is shown.
    pub(crate) format: ReportFormat,
}

/// Check plans.
#[derive(Debug)]
pub(crate) struct Validate {
    /// At least one; standard input at most once.
    pub(crate) plans: Vec<PlanPath>,
    /// How problems are reported.
    pub(crate) format: ReportFormat,
}

/// Show what a plan will do.
#[derive(Debug)]
pub(crate) struct Explain {
    /// The plan.
    pub(crate) plan: PlanPath,
    /// How it is shown.
    pub(crate) format: ExplainFormat,
}

/// Make a plan of a specification.
#[derive(Debug)]
pub(crate) struct Init {
    /// The specification.
    pub(crate) specification: PlanPath,
    /// What stands on `vtctldclient`'s command line beside it.
    pub(crate) given: Given,
    /// The file that the plan is written to; without one, standard output.
    pub(crate) output: Option<PathBuf>,
}

/// Where a plan is read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PlanPath {
    /// Standard input, typed `-`.
    Standard,
    /// A file.
    File(PathBuf),
}

/// How problems are reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// What was typed is no command, or asks for help.
#[derive(Debug)]
pub(crate) struct Usage(clap::Error);

/// Reads the process's arguments.
///
/// # Errors
///
/// [`Usage`] when they are no command; also for `--help` and `--version`.
pub(crate) fn parse() -> Result<Command, Usage> {
    Typed::try_parse().map_err(Usage)?.command.meant()
}

impl Usage {
    /// Shows help where it was asked for, and otherwise what is wrong.
    ///
    /// # Errors
    ///
    /// When the help cannot be written.
    pub(crate) fn show(&self, output: &mut Output) -> io::Result<Exit> {
        let text = format!("{}\n", self.0.render().to_string().trim_end());
        if self.0.use_stderr() {
            output.message(&text);
            return Ok(Exit::Failed);
        }
        output.result(&text)?;
        Ok(Exit::Done)
    }
}

/// Moves live tables from MySQL to MySQL, from a plan that lives in your repository.
///
/// A plan is a YAML file that says which tables to move, from where, to where, and within which
/// limits. Whimbrel copies the tables without locks, follows the source's binary log from then on,
/// and can be stopped or killed at any moment: run again, it goes on where it was.
#[derive(Debug, Parser)]
#[command(name = "whimbrel", version, max_term_width = 100, after_help = EXAMPLES)]
struct Typed {
    #[command(subcommand)]
    command: TypedCommand,
}

const EXAMPLES: &str = "\
Examples:
  whimbrel validate plan.yaml            all that is wrong with a plan, without asking a server
  whimbrel explain plan.yaml             what it will do: connections, memory, guarantees
  whimbrel run plan.yaml                 copies the tables, then follows the source
  whimbrel status plan.yaml              where it is, asked of the target alone
  whimbrel init --from-vitess spec.json  a plan of what Materialize or MoveTables was told
  whimbrel schema > plan.schema.json     for editors that check YAML as you type

Exit codes:
  0 done   1 failed   2 the plan was refused   3 a server or a table was refused";

#[derive(Debug, Subcommand)]
enum TypedCommand {
    /// Check plans: their form, their values, their secrets. No server is asked
    ///
    /// Reports every problem at once, each with its place in the file and what to do about it. The
    /// environment variables and files that a plan refers to must be there.
    #[command(after_help = VALIDATE_EXAMPLES)]
    Validate {
        /// The plans; `-` reads one from standard input.
        #[arg(required = true, value_name = "PLAN")]
        plans: Vec<PathBuf>,
        /// How problems are reported: text goes to standard error, JSON to standard output.
        #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
        format: ReportFormat,
    },
    /// Show what a plan will do. No server is asked
    ///
    /// Shows the stages and what rows can rely on between them, the connections to each server, the
    /// locks, the memory, and where the run's state is kept.
    #[command(after_help = EXPLAIN_EXAMPLES)]
    Explain {
        /// The plan; `-` reads it from standard input.
        #[arg(value_name = "PLAN")]
        plan: PathBuf,
        /// How it is shown.
        #[arg(long, value_enum, default_value_t = TypedExplainFormat::Text)]
        format: TypedExplainFormat,
    },
    /// Print the JSON schema of plans
    ///
    /// Editors complete and check plans by it: save it beside the plan, and begin the plan with
    /// `# yaml-language-server: $schema=./plan.schema.json`.
    Schema,
    /// Make a plan of a Materialize or MoveTables specification of Vitess. No server is asked
    ///
    /// Takes the JSON that `vtctldclient` takes or prints: a list of table settings, Materialize
    /// settings, a MoveTables request, or a workflow as `workflow show --format json` shows it. Its
    /// SELECTs become typed expressions that give the same rows and values. What cannot be carried
    /// over exactly is refused with its place, all of it at once, and no plan is written; what changes
    /// nothing of the rows is named in the plan's comment, as is what is left to you.
    ///
    /// No specification says which collation or charset a column has: text is compared and searched
    /// character by character, and its bytes (hex, length, md5, sha2) are those of UTF-8. The plan's
    /// comment and a warning name each place of that. For a column whose collation ignores case, write
    /// `lower(name) == "de"` in the plan.
    #[command(after_help = INIT_EXAMPLES)]
    Init {
        /// The specification; `-` reads it from standard input.
        #[arg(long, value_name = "FILE")]
        from_vitess: PathBuf,
        /// Write the plan to this file, which must not be there yet, instead of to standard output.
        #[arg(long, value_name = "PLAN")]
        output: Option<PathBuf>,
        /// The workflow's name, as `vtctldclient` is given it beside table settings.
        #[arg(long, value_name = "NAME")]
        workflow: Option<String>,
        /// The keyspace that rows come from, as `vtctldclient` is given it beside table settings.
        #[arg(long, value_name = "NAME")]
        source_keyspace: Option<String>,
        /// The keyspace that rows go to, as `vtctldclient` is given it beside table settings.
        #[arg(long, value_name = "NAME")]
        target_keyspace: Option<String>,
        /// Tables that are copied as they are, as `vtctldclient Materialize create` is given them.
        #[arg(long, value_name = "TABLES", value_delimiter = ',')]
        reference_tables: Vec<String>,
    },
    /// Copy the tables, then keep the target in step with the source
    ///
    /// Both servers are checked and everything that stays behind is named before the first row. It
    /// can be stopped or killed at any moment: run again, from any machine, it goes on where it was.
    /// The first interrupt (Ctrl-C) writes what is under way and ends; the second ends at once.
    /// `WHIMBREL_LOG=info` shows more of what it does.
    #[command(after_help = RUN_EXAMPLES)]
    Run {
        /// The plan; `-` reads it from standard input.
        #[arg(value_name = "PLAN")]
        plan: PathBuf,
        /// When to end: when told to, or once the target has caught up with the source.
        #[arg(long, value_enum, default_value_t = TypedUntil::Stopped)]
        until: TypedUntil,
        /// End another runner that is at work on this plan, and take its place.
        #[arg(long)]
        take_over: bool,
        /// How progress is reported: text goes to standard error, JSON to standard output.
        #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
        format: ReportFormat,
        /// Seconds between two reports, where there is no terminal to draw on.
        #[arg(long, value_name = "SECONDS", default_value_t = 10,
              value_parser = clap::value_parser!(u64).range(1..=3600))]
        every: u64,
    },
    /// Tell where a plan is: phase, tables, lag, last error, and what to do next
    ///
    /// Asks the target alone, so that it works whether a runner lives or not.
    #[command(after_help = STATUS_EXAMPLES)]
    Status {
        /// The plan; `-` reads it from standard input.
        #[arg(value_name = "PLAN")]
        plan: PathBuf,
        /// How it is shown.
        #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
        format: ReportFormat,
    },
}

const INIT_EXAMPLES: &str = "\
Examples:
  whimbrel init --from-vitess settings.json --output plan.yaml
  whimbrel init --from-vitess tables.json --workflow sales --source-keyspace shop --target-keyspace bi
  vtctldclient … workflow --keyspace bi show --workflow sales --format json |
    whimbrel init --from-vitess - > plan.yaml

Exit codes:
  0 the plan is written   1 it cannot be   2 the specification was refused";

const RUN_EXAMPLES: &str = "\
Examples:
  whimbrel run plan.yaml                          copy, then follow until Ctrl-C
  whimbrel run plan.yaml --until caught-up        end with 0 once the target is in step
  whimbrel run plan.yaml --format json | jq .run  for machines

Exit codes:
  0 done, or ended when told to   1 failed; run again to go on
  2 the plan was refused          3 a server or a table was refused before the first row";

const STATUS_EXAMPLES: &str = "\
Examples:
  whimbrel status plan.yaml
  whimbrel status plan.yaml --format json | jq .report.lag_ms

Exit codes:
  0 told   1 no state, or no answer   2 the plan was refused";

#[derive(Debug, Clone, Copy, ValueEnum)]
enum TypedUntil {
    /// Follow until told to stop.
    Stopped,
    /// End once everything that the source had is on the target.
    CaughtUp,
}

const VALIDATE_EXAMPLES: &str = "\
Examples:
  whimbrel validate plans/*.yaml
  whimbrel validate --format json plan.yaml | jq '.plans[].problems[].id'
  git show main:plan.yaml | whimbrel validate -

Exit codes:
  0 every plan is valid   2 one is not";

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  whimbrel explain plan.yaml
  whimbrel explain --format dot plan.yaml | dot -Tsvg > plan.svg
  whimbrel explain --format json plan.yaml | jq .connections";

#[derive(Debug, Clone, Copy, ValueEnum)]
enum TypedExplainFormat {
    /// For a terminal.
    Text,
    /// A Mermaid flowchart, for Markdown.
    Mermaid,
    /// A Graphviz digraph.
    Dot,
    /// For machines.
    Json,
}

impl TypedCommand {
    fn meant(self) -> Result<Command, Usage> {
        match self {
            Self::Validate { plans, format } => {
                let plans: Vec<PlanPath> = plans.into_iter().map(PlanPath::meant).collect();
                if plans.iter().filter(|plan| **plan == PlanPath::Standard).count() > 1 {
                    return Err(Usage(clap::Error::raw(
                        clap::error::ErrorKind::ArgumentConflict,
                        "`-` is given twice, and standard input can be read once\n",
                    )));
                }
                Ok(Command::Validate(Validate { plans, format }))
            }
            Self::Explain { plan, format } => {
                let format = match format {
                    TypedExplainFormat::Text => ExplainFormat::Text,
                    TypedExplainFormat::Mermaid => ExplainFormat::Mermaid,
                    TypedExplainFormat::Dot => ExplainFormat::Dot,
                    TypedExplainFormat::Json => ExplainFormat::Json,
                };
                Ok(Command::Explain(Explain { plan: PlanPath::meant(plan), format }))
            }
            Self::Schema => Ok(Command::Schema),
            Self::Init {
                from_vitess,
                output,
                workflow,
                source_keyspace,
                target_keyspace,
                reference_tables,
            } => Ok(Command::Init(Init {
                specification: PlanPath::meant(from_vitess),
                given: Given { workflow, source_keyspace, target_keyspace, reference_tables },
                output,
            })),
            Self::Run { plan, until, take_over, format, every } => Ok(Command::Run(Run {
                plan: PlanPath::meant(plan),
                until: match until {
                    TypedUntil::Stopped => Until::Stopped,
                    TypedUntil::CaughtUp => Until::CaughtUp,
                },
                takes_over: take_over,
                format,
                every_seconds: every,
            })),
            Self::Status { plan, format } => {
                Ok(Command::Status(Status { plan: PlanPath::meant(plan), format }))
            }
        }
    }
}

impl PlanPath {
    fn meant(path: PathBuf) -> Self {
        if path.as_os_str() == "-" { Self::Standard } else { Self::File(path) }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_declared_without_contradiction() {
        Typed::command().debug_assert();
    }
}
