use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::wait::pause;
use crate::{KitError, Server};

/// The most bytes taken from a socket at once.
const READ_BYTES_MAX: usize = 16 << 10;
/// The most reads that a delayed direction holds back: with [`READ_BYTES_MAX`] 4 MiB, more than a sender's own buffers,
/// so that a delay adds time and takes no throughput on a test's scale.
const HELD_READS_MAX: usize = 256;

/// A direction of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// What the client sends.
    ToServer,
    /// What the server answers.
    ToClient,
}

/// What happens to bytes and to new connections.
#[derive(Debug, Clone, Copy)]
struct Mode {
    /// How long bytes to the server are held.
    delay_to_server: Duration,
    /// How long bytes to the client are held.
    delay_to_client: Duration,
    /// Nothing moves in either direction, and nobody is told.
    is_stalled: bool,
    /// New connections are closed as soon as they are made.
    is_refusing: bool,
    /// Goes up by one when every open connection is to be cut.
    cuts: u64,
    /// Goes up by one when every open connection is to be cut on the client's side alone.
    desertions: u64,
}

#[derive(Debug)]
struct Shared {
    /// Connections go to each of them in turn.
    server_ports: Mutex<Vec<u16>>,
    mode: watch::Sender<Mode>,
    /// How many more bytes a direction delivers before everything is cut.
    budget: Mutex<Option<(Direction, usize)>>,
    bytes_to_server: AtomicU64,
    bytes_to_client: AtomicU64,
    connections: AtomicUsize,
    connections_ever: AtomicUsize,
    /// The server's ends of connections whose clients are gone.
    deserted: Mutex<Vec<std::net::TcpStream>>,
}

/// A TCP relay in front of a server, which delays, stalls, cuts and half-delivers as it is told.
///
/// It passes everything until told otherwise. It belongs to the runtime that it was made in; dropped, it closes its port
/// and cuts its connections.
#[derive(Debug)]
pub struct Relay {
    port: u16,
    shared: Arc<Shared>,
    /// Owns the task that accepts, and through it those of the connections.
    _accepting: JoinSet<()>,
}

impl Relay {
    /// Opens a relay in front of `server`, on a free port of 127.0.0.1. It outlives a restart of the server.
    ///
    /// # Errors
    ///
    /// [`KitError::System`] when no port can be opened.
    pub async fn to(server: &Server) -> Result<Self, KitError> {
        Self::to_port(server.port()).await
    }

    /// Opens a relay in front of whatever listens on `server_port` of 127.0.0.1.
    ///
    /// # Errors
    ///
    /// [`KitError::System`] when no port can be opened.
    pub async fn to_port(server_port: u16) -> Result<Self, KitError> {
        Self::among(&[server_port]).await
    }

    /// Opens a relay in front of several servers of 127.0.0.1, as a load balancer is one: each new connection goes to the
    /// next of them that takes it.
    ///
    /// # Errors
    ///
    /// [`KitError::System`] when no port can be opened.
    pub async fn among(server_ports: &[u16]) -> Result<Self, KitError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .map_err(KitError::system("open a relay's port"))?;
        let port = listener.local_addr().map_err(KitError::system("open a relay's port"))?.port();
        let mode = Mode {
            delay_to_server: Duration::ZERO,
            delay_to_client: Duration::ZERO,
            is_stalled: false,
            is_refusing: false,
            cuts: 0,
            desertions: 0,
        };
        let shared = Arc::new(Shared {
            server_ports: Mutex::new(server_ports.to_vec()),
            mode: watch::Sender::new(mode),
            budget: Mutex::new(None),
            bytes_to_server: AtomicU64::new(0),
            bytes_to_client: AtomicU64::new(0),
            connections: AtomicUsize::new(0),
            connections_ever: AtomicUsize::new(0),
            deserted: Mutex::new(Vec::new()),
        });
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { port, shared, _accepting: accepting })
    }

    /// The port to connect to instead of the server's.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL of the server through the relay, for `root`, without a database.
    #[must_use]
    pub fn url(&self) -> String {
        format!("mysql://root@127.0.0.1:{}", self.port)
    }

    /// Lets everything through again, at once.
    pub fn pass(&self) {
        *self.budget() = None;
        self.shared.mode.send_modify(|mode| {
            mode.delay_to_server = Duration::ZERO;
            mode.delay_to_client = Duration::ZERO;
            mode.is_stalled = false;
            mode.is_refusing = false;
        });
    }

    /// Holds bytes back for this long in each direction; adds time, takes no throughput.
    pub fn delay(&self, to_server: Duration, to_client: Duration) {
        self.shared.mode.send_modify(|mode| {
            mode.delay_to_server = to_server;
            mode.delay_to_client = to_client;
        });
    }

    /// Stops all bytes without closing anything, as a network does that loses packets, until [`Relay::pass`].
    pub fn stall(&self) {
        self.shared.mode.send_modify(|mode| mode.is_stalled = true);
    }

    /// Cuts every open connection now; new ones pass.
    pub fn cut(&self) {
        self.shared.mode.send_modify(|mode| mode.cuts += 1);
    }

    /// Cuts every open connection on the client's side alone; new ones pass. The server is told nothing, as by a client
    /// whose machine is gone: it keeps the sessions, with the locks of their transactions, as long as the relay is there.
    pub fn desert(&self) {
        self.shared.mode.send_modify(|mode| mode.desertions += 1);
    }

    /// Leads new connections to `server` from now on, as an address does that moves with a failover. Open connections
    /// stay where they are.
    pub fn turn_to(&self, server: &Server) {
        self.turn_among(&[server.port()]);
    }

    /// Leads new connections to these servers in turn from now on. Open connections stay where they are.
    pub fn turn_among(&self, server_ports: &[u16]) {
        let mut ports = self.shared.server_ports.lock().unwrap_or_else(PoisonError::into_inner);
        *ports = server_ports.to_vec();
    }

    /// Cuts every open connection and closes new ones as soon as they are made, until [`Relay::pass`].
    pub fn refuse(&self) {
        self.shared.mode.send_modify(|mode| {
            mode.is_refusing = true;
            mode.cuts += 1;
        });
    }

    /// Delivers the next `bytes` bytes of a direction, over all connections, and cuts every open connection then: what
    /// was on its way is delivered by half. New connections pass.
    pub fn cut_after(&self, direction: Direction, bytes: usize) {
        *self.budget() = Some((direction, bytes));
    }

    /// How many bytes the direction has delivered.
    #[must_use]
    pub fn delivered_bytes(&self, direction: Direction) -> u64 {
        self.shared.delivered(direction).load(Ordering::Relaxed)
    }

    /// How many connections are open.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// How many connections were ever made: a test sees a reconnect by it.
    #[must_use]
    pub fn connections_ever(&self) -> usize {
        self.shared.connections_ever.load(Ordering::Relaxed)
    }

    fn budget(&self) -> std::sync::MutexGuard<'_, Option<(Direction, usize)>> {
        self.shared.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn delivered(&self, direction: Direction) -> &AtomicU64 {
        match direction {
            Direction::ToServer => &self.bytes_to_server,
            Direction::ToClient => &self.bytes_to_client,
        }
    }

    /// Connects to the server whose turn it is, or to the next that takes it; `turn` counts connections.
    async fn connect(&self, turn: usize) -> Option<TcpStream> {
        let mut ports = self.server_ports.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let first = turn.checked_rem(ports.len())?;
        ports.rotate_left(first);
        for port in ports {
            if let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
                return Some(server);
            }
        }
        None
    }

    fn delay(&self, direction: Direction) -> Duration {
        let mode = self.mode.borrow();
        match direction {
            Direction::ToServer => mode.delay_to_server,
            Direction::ToClient => mode.delay_to_client,
        }
    }

    /// How many of `bytes` bytes may be delivered, and whether everything is cut after them.
    fn spend(&self, direction: Direction, bytes: usize) -> (usize, bool) {
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        match *budget {
            Some((limited, left)) if limited == direction && left <= bytes => {
                *budget = None;
                (left, true)
            }
            Some((limited, left)) if limited == direction => {
                *budget = Some((limited, left - bytes));
                (bytes, false)
            }
            _ => (bytes, false),
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        // Those that ended are let go; a listener that fails once is asked again.
        while connections.try_join_next().is_some() {}
        let Ok((client, _)) = listener.accept().await else { continue };
        if shared.mode.borrow().is_refusing {
            continue;
        }
        let turn = shared.connections_ever.fetch_add(1, Ordering::Relaxed);
        connections.spawn(connection((client, turn), Arc::clone(&shared)));
    }
}

/// Relays one connection until either side ends it or it is cut.
async fn connection((client, turn): (TcpStream, usize), shared: Arc<Shared>) {
    let mut mode = shared.mode.subscribe();
    let (cuts, desertions) = (mode.borrow().cuts, mode.borrow().desertions);
    shared.connections.fetch_add(1, Ordering::Relaxed);
    if let Some(server) = shared.connect(turn).await
        // Its socket is closed when both are dropped.
        && let Ok(server) = server.into_std()
        && let Ok(kept) = server.try_clone()
        && let Ok(server) = TcpStream::from_std(server)
    {
        let changed = async {
            let is_over = |mode: &Mode| (mode.cuts, mode.desertions) != (cuts, desertions);
            mode.wait_for(is_over).await.is_ok_and(|mode| mode.desertions != desertions)
        };
        tokio::select! {
            is_deserted = changed => if is_deserted {
                shared.deserted.lock().unwrap_or_else(PoisonError::into_inner).push(kept);
            },
            () = relay(client, server, &shared) => {}
        }
    }
    shared.connections.fetch_sub(1, Ordering::Relaxed);
}

async fn relay(client: TcpStream, server: TcpStream, shared: &Shared) {
    // Packets are small; waiting for more of them would add delays of the system's own.
    if client.set_nodelay(true).is_err() || server.set_nodelay(true).is_err() {
        return;
    }
    let (from_client, to_client) = client.into_split();
    // These halves tell the server nothing when they are dropped; the socket does.
    let (from_server, to_server) = tokio::io::split(server);
    tokio::select! {
        () = pump(from_client, to_server, Direction::ToServer, shared) => {}
        () = pump(from_server, to_client, Direction::ToClient, shared) => {}
    }
}

/// Moves one direction's bytes until it ends; what was read before is still delivered.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    direction: Direction,
    shared: &Shared,
) {
    let (hold, mut held) = mpsc::channel::<(Instant, Vec<u8>)>(HELD_READS_MAX);
    let reading = async move {
        loop {
            let mut bytes = vec![0; READ_BYTES_MAX];
            match from.read(&mut bytes).await {
                Ok(count) if count > 0 => bytes.truncate(count),
                _ => return,
            }
            if hold.send((Instant::now(), bytes)).await.is_err() {
                return;
            }
        }
    };
    let writing = async {
        let mut mode = shared.mode.subscribe();
        while let Some((read_at, bytes)) = held.recv().await {
            pause((read_at + shared.delay(direction)).saturating_duration_since(Instant::now()))
                .await;
            if mode.wait_for(|mode| !mode.is_stalled).await.is_err() {
                return;
            }
            let (allowed, is_last) = shared.spend(direction, bytes.len());
            if to.write_all(bytes.get(..allowed).unwrap_or_default()).await.is_err() {
                return;
            }
            let allowed = u64::try_from(allowed).unwrap_or(u64::MAX);
            shared.delivered(direction).fetch_add(allowed, Ordering::Relaxed);
            if is_last {
                shared.mode.send_modify(|mode| mode.cuts += 1);
                return;
            }
        }
    };
    tokio::join!(reading, writing);
}
