//! What one contender took.

use std::path::Path;
use std::process::Child;
use std::time::Instant;

use serde::Serialize;
use whimbrel_kit::{Server, eventually};

use crate::Result;
use crate::machine::{Process, busy_seconds, cpu_seconds, load_average};

/// How long one contender may take.
const SECONDS_MAX: u64 = 7_200;

/// One step of a contender: starts processes that run side by side.
pub(crate) type Step = Box<dyn FnOnce() -> Result<Vec<Child>> + Send>;

/// What was used between two moments. All times are in seconds.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Usage {
    /// The time that passed.
    pub(crate) seconds: f64,
    /// Processor time of the contender's own processes.
    pub(crate) own_cpu_seconds: f64,
    /// Processor time of the source, the share of a writer included.
    pub(crate) source_cpu_seconds: f64,
    /// Processor time of the target.
    pub(crate) target_cpu_seconds: f64,
    /// Processor time of everything else on the machine, the bench itself and other guests of its host included.
    pub(crate) others_cpu_seconds: f64,
    /// The highest resident memory of the contender's largest process.
    pub(crate) resident_mib_max: u64,
    /// The machine's load average of the minute before.
    pub(crate) load_average_before: f64,
}

/// The processes of the servers that a contender uses; what is not there has used nothing.
pub(crate) struct Pids {
    pub(crate) source: Option<u32>,
    pub(crate) target: Vec<u32>,
}

impl From<(&Server, &Server)> for Pids {
    fn from((source, target): (&Server, &Server)) -> Self {
        Self { source: source.pid(), target: target.pid().into_iter().collect() }
    }
}

impl Pids {
    /// Processor seconds until now, of the source and of the target.
    fn cpu_seconds(&self) -> [f64; 2] {
        [cpu_seconds(self.source), self.target.iter().map(|&pid| cpu_seconds(Some(pid))).sum()]
    }
}

/// A measurement that has begun.
pub(crate) struct Watch {
    pids: Pids,
    servers: [f64; 2],
    busy: f64,
    load_average_before: f64,
    start: Instant,
}

impl Watch {
    pub(crate) fn start(pids: impl Into<Pids>) -> Self {
        let pids = pids.into();
        Self {
            servers: pids.cpu_seconds(),
            pids,
            busy: busy_seconds(),
            load_average_before: load_average(),
            start: Instant::now(),
        }
    }

    /// What was used since, by the servers and by `processes`, which have ended.
    pub(crate) fn end(self, seconds: f64, processes: &[Process]) -> Usage {
        let [source, target] = self.pids.cpu_seconds();
        let [source_before, target_before] = self.servers;
        // The sum of nothing would be -0.
        let own = processes.iter().fold(0.0, |sum, process| sum + process.cpu_seconds);
        let (source, target) = (source - source_before, target - target_before);
        Usage {
            seconds,
            own_cpu_seconds: own,
            source_cpu_seconds: source,
            target_cpu_seconds: target,
            others_cpu_seconds: (busy_seconds() - self.busy - own - source - target).max(0.0),
            resident_mib_max: processes.iter().map(|it| it.resident_kib).max().unwrap_or(0) >> 10,
            load_average_before: self.load_average_before,
        }
    }

    /// The seconds since the start.
    pub(crate) fn seconds(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }
}

/// Runs the steps one after another, each to the end of its processes. What they say is in the file `log`.
pub(crate) async fn measure(pids: impl Into<Pids>, steps: Vec<Step>, log: &Path) -> Result<Usage> {
    let watch = Watch::start(pids);
    let mut all: Vec<Process> = Vec::new();
    let mut seconds = 0.0;
    for step in steps {
        let mut processes: Vec<Process> = step()?.into_iter().map(Process::new).collect();
        eventually("the contender's end", SECONDS_MAX, async || {
            processes.iter_mut().for_each(Process::sample);
            seconds = watch.seconds();
            Ok(processes.iter().all(|process| process.success.is_some()))
        })
        .await?;
        if processes.iter().any(|process| process.success != Some(true)) {
            let said = std::fs::read_to_string(log).unwrap_or_default();
            return Err(format!("a contender failed: {said}").into());
        }
        all.append(&mut processes);
    }
    Ok(watch.end(seconds, &all))
}
