//! The one way out to the terminal.

use std::{
    io::{self, ErrorKind, IsTerminal, Write},
    process::ExitCode,
};

/// How a command ended, as its exit code says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: done.
    Done,
    /// 1: failed, or typed wrongly.
    Failed,
    /// 2: the plan was refused.
    PlanRefused,
    /// 3: a server or a table was refused before the first row.
    PreflightRefused,
}

impl Exit {
    /// The number.
    fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::PlanRefused => 2,
            Self::PreflightRefused => 3,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Standard output and standard error.
///
/// A reader that has gone away (`whimbrel … | head`) is no failure: what it would have read is
/// dropped.
#[derive(Debug)]
pub(crate) struct Output {
    is_closed: bool,
}

impl Output {
    pub(crate) fn new() -> Self {
        Self { is_closed: false }
    }

    /// Writes a result.
    ///
    /// # Errors
    ///
    /// What the system says, if it is not that the reader has gone.
    pub(crate) fn result(&mut self, text: &str) -> io::Result<()> {
        if self.is_closed {
            return Ok(());
        }
        let mut stdout = io::stdout().lock();
        match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.is_closed = true;
                Ok(())
            }
            outcome => outcome,
        }
    }

    /// Writes a message beside the results. Nobody could be told that this failed.
    #[expect(clippy::unused_self, reason = "messages leave by the same door as results")]
    pub(crate) fn message(&self, text: &str) {
        let _unheard = io::stderr().lock().write_all(text.as_bytes()).is_ok();
    }

    /// Whether messages go to a terminal.
    #[expect(clippy::unused_self, reason = "the terminal is known here only")]
    pub(crate) fn is_terminal(&self) -> bool {
        io::stderr().is_terminal()
    }

    /// Whether messages go to a terminal that shows colours.
    #[expect(clippy::unused_self, reason = "the terminal is known here only")]
    pub(crate) fn has_colours(&self) -> bool {
        io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|it| it.is_empty())
    }
}
