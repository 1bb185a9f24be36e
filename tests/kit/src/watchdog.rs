//! A child process that cannot outlive us.
//!
//! A small shell starts the server and reads its own standard input, whose other end only we hold. A line is an order;
//! the end of input means that we are gone, however we went, and it kills the server and removes its folder. The
//! alternatives fail: `Drop` does not run when a process is killed, and `PR_SET_PDEATHSIG` needs unsafe code here and
//! fires when the *thread* that started the child ends, which in tests it does.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use crate::KitError;
use crate::wait::pause;

/// How long an orderly stop may take.
const STOP_SECONDS_MAX: u64 = 30;
/// How often the end is looked for.
const POLL: Duration = Duration::from_millis(25);

const SCRIPT: &str = r#"
folder=$1 log=$2
shift 2
"$@" </dev/null >>"$log" 2>&1 &
server=$!
echo "$server"
order=gone
read -r order || order=gone
case $order in
    stop) kill -TERM "$server" ;;
    *) kill -KILL "$server" ;;
esac
wait "$server"
if [ "$order" = gone ]; then rm -rf "$folder"; fi
exit 0
"#;

/// A server process and the shell that watches over it.
#[derive(Debug)]
pub(crate) struct Watchdog {
    /// The shell.
    shell: Child,
    /// The shell's input; closed, it kills the server and removes the folder.
    orders: Option<ChildStdin>,
    /// The server's process id.
    pid: u32,
}

/// A server to be started.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Launch<'a> {
    /// Its program.
    pub(crate) program: &'a Path,
    /// The program's arguments.
    pub(crate) arguments: &'a [String],
    /// What is removed with it, and the folder that it runs in.
    pub(crate) folder: &'a Path,
    /// Where its output is appended to.
    pub(crate) log: &'a Path,
    /// The user that it runs as, if not ours; `folder` is that user's.
    pub(crate) user: Option<u32>,
}

/// How a server is asked to end.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Order {
    /// In order: SIGTERM.
    Stop,
    /// At once: SIGKILL.
    Kill,
}

impl Watchdog {
    /// Starts a server.
    pub(crate) fn start(launch: Launch<'_>) -> Result<Self, KitError> {
        let Launch { program, arguments, folder, log, user } = launch;
        let mut command = Command::new("sh");
        if let Some(user) = user {
            command.uid(user).gid(user);
        }
        let mut shell = command
            .args(["-c", SCRIPT, "watchdog"])
            .args([folder, log, program])
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // A group of its own: Ctrl-C on the terminal is for us, and ends the server through us.
            .process_group(0)
            .spawn()
            .map_err(KitError::system("start a shell"))?;
        let orders = shell.stdin.take();
        let mut line = String::new();
        if let Some(stdout) = shell.stdout.take() {
            BufReader::new(stdout)
                .read_line(&mut line)
                .map_err(KitError::system("read the server's process id"))?;
        }
        // 0 is no process: the server then counts as ended.
        let pid = line.trim().parse().unwrap_or(0);
        Ok(Self { shell, orders, pid })
    }

    /// The server's process id.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether the server process runs; one that ended and was not waited for yet does not.
    pub(crate) fn is_running(&self) -> bool {
        // The state follows the program's name, which is in parentheses and may hold anything.
        std::fs::read_to_string(format!("/proc/{}/stat", self.pid))
            .ok()
            .and_then(|stat| stat.rsplit_once(") ").map(|(_, rest)| !rest.starts_with(['Z', 'X'])))
            .unwrap_or(false)
    }

    /// Gives `order`; the folder stays. The server ends soon after: see [`Watchdog::has_ended`].
    pub(crate) fn order(&mut self, order: Order) -> Result<(), KitError> {
        let line: &[u8] = match order {
            Order::Stop => b"stop\n",
            Order::Kill => b"kill\n",
        };
        if let Some(orders) = &mut self.orders {
            orders.write_all(line).map_err(KitError::system("order the server to end"))?;
        }
        Ok(())
    }

    /// Whether the server and its shell have ended, after an order.
    pub(crate) fn has_ended(&mut self) -> Result<bool, KitError> {
        let status = self.shell.try_wait().map_err(KitError::system("wait for the server"))?;
        Ok(status.is_some())
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.orders.take());
        // SIGKILL ends the server in a moment, so this wait is short. Nothing can be done about an error here.
        drop(self.shell.wait());
    }
}

/// Ends the server that `running` watches over, if there is one, and waits for its end. One that cannot be told to end
/// is watched over as before.
pub(crate) async fn end(running: &mut Option<Watchdog>, order: Order) -> Result<(), KitError> {
    let Some(mut watchdog) = running.take() else { return Ok(()) };
    if let Err(error) = watchdog.order(order) {
        *running = Some(watchdog);
        return Err(error);
    }
    let deadline = Instant::now() + Duration::from_secs(STOP_SECONDS_MAX);
    while !watchdog.has_ended()? {
        if Instant::now() >= deadline {
            return Err(KitError::Never {
                what: "the server's end",
                waited_seconds: STOP_SECONDS_MAX,
            });
        }
        pause(POLL).await;
    }
    Ok(())
}
