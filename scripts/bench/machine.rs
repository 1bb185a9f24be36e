//! What the machine and its processes have used, as Linux tells it in /proc.

use std::process::Child;

/// The kernel's unit of processor time in /proc: a hundredth of a second on every platform of Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// A process that is watched while it runs and killed if it is left.
pub(crate) struct Process {
    child: Child,
    /// The last that was seen of its processor time, in seconds.
    pub(crate) cpu_seconds: f64,
    /// The highest resident memory that was seen.
    pub(crate) resident_kib: u64,
    /// How it ended, once it has.
    pub(crate) success: Option<bool>,
}

impl Process {
    pub(crate) fn new(child: Child) -> Self {
        Self { child, cpu_seconds: 0.0, resident_kib: 0, success: None }
    }

    /// Its id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Looks at it; a process that has ended still tells its processor time until it is waited for.
    pub(crate) fn sample(&mut self) {
        if self.success.is_some() {
            return;
        }
        let pid = self.child.id();
        self.cpu_seconds = self.cpu_seconds.max(cpu_seconds(Some(pid)));
        self.resident_kib = self.resident_kib.max(resident_kib_max(pid));
        // Between the two looks it may have gone on and ended: then its time is not whole yet.
        let has_ended = stat(pid).is_none_or(|(state, _)| state == "Z");
        if has_ended {
            self.cpu_seconds = self.cpu_seconds.max(cpu_seconds(Some(pid)));
            if let Ok(Some(status)) = self.child.try_wait() {
                self.success = Some(status.success());
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended by itself, unless something failed.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The processor time of a process in user and kernel mode; 0 when it is gone.
pub(crate) fn cpu_seconds(pid: Option<u32>) -> f64 {
    pid.and_then(stat).map_or(0.0, |(_, ticks)| ticks / TICKS_PER_SECOND)
}

/// The highest resident memory of a process; 0 when it is gone.
pub(crate) fn resident_kib_max(pid: u32) -> u64 {
    let status = read(&format!("/proc/{pid}/status"));
    let resident = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    resident.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// The processor time that the whole machine has used or was denied by its host since it started.
pub(crate) fn busy_seconds() -> f64 {
    let stat = read("/proc/stat");
    let ticks: Vec<f64> = stat
        .lines()
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .skip(1)
        .filter_map(|ticks| ticks.parse().ok())
        .collect();
    // user, nice, system, (idle, iowait,) irq, softirq, steal; what follows is in the first two.
    let busy: f64 = ticks
        .iter()
        .take(8)
        .enumerate()
        .filter(|(at, _)| *at != 3 && *at != 4)
        .map(|it| it.1)
        .sum();
    busy / TICKS_PER_SECOND
}

/// The load average of the last minute.
pub(crate) fn load_average() -> f64 {
    read("/proc/loadavg").split(' ').next().and_then(|load| load.parse().ok()).unwrap_or(0.0)
}

/// A process's state, and its time in user and kernel mode.
fn stat(pid: u32) -> Option<(String, f64)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The fields after the name, which may hold anything: the 12th and 13th are the times.
    let (_, rest) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split(' ').collect();
    let ticks = fields.iter().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
    Some((fields.first()?.to_string(), ticks))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}
