//! What is shown: rows of a table as they are measured, what was wanted and whether it is met, and JSON.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::Result;
use crate::machine::load_average;
use crate::measure::Usage;
use crate::servers::FLAGS;
use crate::settings;

/// Where the JSON goes, from the clone's root.
const FOLDER: &str = "target/bench";

/// A report under way.
pub(crate) struct Report {
    name: &'static str,
    load_average_before: f64,
    measures: Vec<Measure>,
    claims: Vec<Claim>,
    settings: Map<String, Value>,
}

/// What one contender took for one thing in one round.
struct Measure {
    /// The data set, or the load.
    set: String,
    contender: String,
    round: u64,
    usage: Usage,
    /// What it did: a number and its unit.
    done: (u64, &'static str),
}

/// A bound on a figure.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wanted {
    AtMost(f64),
    AtLeast(f64),
    /// None: it is only shown.
    Nothing,
}

struct Claim {
    what: String,
    value: f64,
    wanted: Wanted,
}

impl Report {
    pub(crate) fn new(name: &'static str, settings: &[(&str, u64)]) -> Self {
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), json!(value)));
        println!(
            "{:<7}{:<18}{:>6}{:>9}{:>9}{:>9}{:>9}{:>9}{:>7}{:>12}",
            "set",
            "contender",
            "round",
            "seconds",
            "own",
            "source",
            "target",
            "others",
            "MiB",
            "a second"
        );
        Self {
            name,
            load_average_before: load_average(),
            measures: Vec::new(),
            claims: Vec::new(),
            settings: settings.collect(),
        }
    }

    /// Notes and shows what a contender took for `done`.
    pub(crate) fn add(
        &mut self,
        (set, contender, round): (&str, &str, u64),
        usage: Usage,
        done: (u64, &'static str),
    ) {
        let measure =
            Measure { set: set.to_owned(), contender: contender.to_owned(), round, usage, done };
        println!("{}", measure.line());
        self.measures.push(measure);
    }

    /// The least of a figure over the rounds of a contender; `None` if it did not take part.
    pub(crate) fn least(
        &self,
        set: &str,
        contender: &str,
        figure: fn(&Usage) -> f64,
    ) -> Option<f64> {
        self.figures(set, contender, figure).min_by(f64::total_cmp)
    }

    /// The most of it.
    pub(crate) fn most(
        &self,
        set: &str,
        contender: &str,
        figure: fn(&Usage) -> f64,
    ) -> Option<f64> {
        self.figures(set, contender, figure).max_by(f64::total_cmp)
    }

    /// The most that a contender did a second, over its rounds; `None` if it did not take part.
    pub(crate) fn most_a_second(&self, set: &str, contender: &str) -> Option<f64> {
        let of = |it: &&Measure| it.set == set && it.contender == contender;
        self.measures.iter().filter(of).map(Measure::a_second).max_by(f64::total_cmp)
    }

    fn figures(
        &self,
        set: &str,
        contender: &str,
        figure: fn(&Usage) -> f64,
    ) -> impl Iterator<Item = f64> {
        let of = move |it: &&Measure| it.set == set && it.contender == contender;
        self.measures.iter().filter(of).map(move |it| figure(&it.usage))
    }

    /// Notes a figure that has a bound, if it was measured; while `perf` records, the figures are perf's own.
    pub(crate) fn claim(&mut self, what: impl Into<String>, value: Option<f64>, wanted: Wanted) {
        if let (Some(value), None) = (value, settings::profile()) {
            self.claims.push(Claim { what: what.into(), value, wanted });
        }
    }

    /// Shows what was wanted, and writes all that was measured.
    pub(crate) fn end(self) -> Result<()> {
        println!();
        for claim in &self.claims {
            println!("{}", claim.line());
        }
        let after = load_average();
        let report = json!({
            "name": self.name,
            "settings": self.settings,
            "server_flags": FLAGS,
            "cores": std::thread::available_parallelism()?.get(),
            "load_average_before": self.load_average_before,
            "load_average_after": after,
            "measures": self.measures.iter().map(Measure::json).collect::<Result<Vec<_>>>()?,
            "wanted": self.claims.iter().map(Claim::json).collect::<Vec<_>>(),
        });
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(FOLDER);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join(format!("{}.json", self.name)), format!("{report:#}\n"))?;
        println!(
            "load average {} before, {after} after; {FOLDER}/{}.json",
            self.load_average_before, self.name
        );
        Ok(())
    }
}

impl Measure {
    fn a_second(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let done = self.done.0 as f64;
        done / self.usage.seconds
    }

    fn line(&self) -> String {
        let usage = &self.usage;
        format!(
            "{:<7}{:<18}{:>6}{:>9.2}{:>9.2}{:>9.2}{:>9.2}{:>9.2}{:>7}{:>12.0} {}",
            self.set,
            self.contender,
            self.round,
            usage.seconds,
            usage.own_cpu_seconds,
            usage.source_cpu_seconds,
            usage.target_cpu_seconds,
            usage.others_cpu_seconds,
            usage.resident_mib_max,
            self.a_second(),
            self.done.1,
        )
    }

    fn json(&self) -> Result<Value> {
        let mut value = json!({
            "set": self.set,
            "contender": self.contender,
            "round": self.round,
            "done": self.done.0,
            "unit": self.done.1,
            "done_a_second": self.a_second(),
        });
        if let (Some(object), Value::Object(usage)) =
            (value.as_object_mut(), serde_json::to_value(&self.usage)?)
        {
            object.extend(usage);
        }
        Ok(value)
    }
}

impl Claim {
    fn is_met(&self) -> bool {
        match self.wanted {
            Wanted::AtMost(bound) => self.value <= bound,
            Wanted::AtLeast(bound) => self.value >= bound,
            Wanted::Nothing => true,
        }
    }

    fn bound(&self) -> Option<String> {
        match self.wanted {
            Wanted::AtMost(bound) => Some(format!("at most {bound}")),
            Wanted::AtLeast(bound) => Some(format!("at least {bound}")),
            Wanted::Nothing => None,
        }
    }

    fn line(&self) -> String {
        let shown = format!("{:<66}{:>9.2}", self.what, self.value);
        let met = if self.is_met() { "met" } else { "NOT MET" };
        self.bound().map_or(shown.clone(), |bound| format!("{shown}   wanted {bound:<14}{met}"))
    }

    fn json(&self) -> Value {
        json!({ "what": self.what, "value": self.value, "wanted": self.bound(), "is_met": self.is_met() })
    }
}
