//! What the cluster itself uses.

use std::fs;
use std::time::Instant;

use whimbrel_kit::Server;

use super::Place;
use crate::Result;
use crate::machine::{busy_seconds, cpu_seconds, load_average, resident_kib_max};
use crate::measure::Usage;

/// What the cluster uses from a moment on.
pub(super) struct Meter {
    /// Its vtgate and its tablets.
    own: Vec<u32>,
    source: Option<u32>,
    targets: Vec<Option<u32>>,
    before: [f64; 4],
    load_average_before: f64,
    start: Instant,
}

impl Meter {
    pub(super) fn start(place: &Place<'_>) -> Result<Self> {
        let mut meter = Self {
            own: place.cluster.pids(),
            source: place.source.pid(),
            targets: place.servers()?.into_iter().map(Server::pid).collect(),
            before: [0.0; 4],
            load_average_before: load_average(),
            start: Instant::now(),
        };
        for pid in &meter.own {
            // Linux then begins anew to note the highest resident memory.
            fs::write(format!("/proc/{pid}/clear_refs"), "5")?;
        }
        meter.before = meter.now();
        meter.start = Instant::now();
        Ok(meter)
    }

    /// Processor seconds until now: the cluster's, the source's, the targets', the machine's.
    fn now(&self) -> [f64; 4] {
        [
            self.own.iter().map(|&pid| cpu_seconds(Some(pid))).sum(),
            cpu_seconds(self.source),
            self.targets.iter().map(|&pid| cpu_seconds(pid)).sum(),
            busy_seconds(),
        ]
    }

    pub(super) fn end(self) -> Usage {
        let seconds = self.start.elapsed().as_secs_f64();
        let now = self.now();
        let [own, source, target, busy] = [0, 1, 2, 3].map(|at| now[at] - self.before[at]);
        Usage {
            seconds,
            own_cpu_seconds: own,
            source_cpu_seconds: source,
            target_cpu_seconds: target,
            others_cpu_seconds: (busy - own - source - target).max(0.0),
            resident_mib_max: self.own.iter().map(|&pid| resident_kib_max(pid)).max().unwrap_or(0)
                >> 10,
            load_average_before: self.load_average_before,
        }
    }
}
