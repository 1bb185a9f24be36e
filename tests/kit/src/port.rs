//! Ports that nobody listens on.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::KitError;

/// How many ports are tried before giving up.
pub(crate) const TRIES_MAX: u32 = 20;
/// The first port given out. Below Linux's range for outgoing connections (32768 and up), so that a stopped server's
/// port is still free when it starts again.
const FIRST: u32 = 20_000;
/// How many ports follow it.
const COUNT: u32 = 12_000;

/// A port that nobody listens on now. Processes start their search in different places.
pub(crate) fn free() -> Result<u16, KitError> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    for _ in 0..TRIES_MAX {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let offset = std::process::id().wrapping_mul(37).wrapping_add(step) % COUNT;
        if let Ok(port) = u16::try_from(FIRST + offset)
            && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
        {
            return Ok(port);
        }
    }
    Err(KitError::NoPort { tries: TRIES_MAX })
}
