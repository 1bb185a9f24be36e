use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::OnceCell;

use crate::{Comparison, KitError, Server, Side, compare};

/// A source and a target for one test: servers that the process shares, databases that nobody else has.
#[derive(Debug)]
pub struct Pair {
    /// The shared source server.
    pub source: &'static Server,
    /// The shared target server.
    pub target: &'static Server,
    /// The test's own, empty database on the source.
    pub source_database: String,
    /// The test's own, empty database on the target.
    pub target_database: String,
}

impl Pair {
    /// Runs statements separated by `;` in the source's database.
    ///
    /// # Errors
    ///
    /// [`KitError::Mysql`] of the first that fails.
    pub async fn execute_source(&self, statements: &str) -> Result<(), KitError> {
        self.source.execute_in(&self.source_database, statements).await
    }

    /// Runs statements separated by `;` in the target's database.
    ///
    /// # Errors
    ///
    /// [`KitError::Mysql`] of the first that fails.
    pub async fn execute_target(&self, statements: &str) -> Result<(), KitError> {
        self.target.execute_in(&self.target_database, statements).await
    }

    /// Compares `table` on both sides; see [`compare`].
    ///
    /// # Errors
    ///
    /// [`KitError::Mysql`] when a side cannot be read.
    pub async fn compare(&self, table: &str) -> Result<Comparison, KitError> {
        let source = Side { server: self.source, database: &self.source_database };
        let target = Side { server: self.target, database: &self.target_database };
        compare(source, target, table).await
    }
}

/// Hands out a pair. The two servers start with the first call of the process and end with the process; a test that
/// stops, kills or reconfigures a server starts one of its own.
///
/// # Errors
///
/// Those of [`Server::start`], and [`KitError::Mysql`] when a database cannot be made.
pub async fn pair() -> Result<Pair, KitError> {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let (source, target) = tokio::try_join!(shared_source(), shared_target())?;
    let (source_database, target_database) =
        (format!("source_{number}"), format!("target_{number}"));
    source.execute(&format!("CREATE DATABASE {source_database}")).await?;
    target.execute(&format!("CREATE DATABASE {target_database}")).await?;
    Ok(Pair { source, target, source_database, target_database })
}

/// The process's shared source server.
///
/// # Errors
///
/// Those of [`Server::start`].
pub async fn shared_source() -> Result<&'static Server, KitError> {
    static SERVER: OnceCell<Server> = OnceCell::const_new();
    SERVER.get_or_try_init(Server::start).await
}

/// The process's shared target server.
///
/// # Errors
///
/// Those of [`Server::start`].
pub async fn shared_target() -> Result<&'static Server, KitError> {
    static SERVER: OnceCell<Server> = OnceCell::const_new();
    SERVER.get_or_try_init(Server::start).await
}
