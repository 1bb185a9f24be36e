//! A number that goes up by one in transactions of its own, and what the target wrote of it.
//!
//! Rows are full images: one that is applied twice leaves no trace in its table. So a trigger on the
//! target notes each value that is written, in the transaction that writes it. What is applied again
//! comes a second time there, and what is applied late comes behind a larger value.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::task::JoinHandle;
use whimbrel_kit::{
    Server, eventually,
    mysql_async::{self, Conn, prelude::Queryable},
};

use crate::support::tick;

/// Adds one to `counter` in every transaction of its own, over whatever happens to the server.
pub(super) struct Counting {
    is_over: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Counting {
    pub(super) fn on(server: &Server, database: &str) -> Self {
        let url = format!("{}/{database}?prefer_socket=false", server.url());
        let is_over = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&is_over);
        #[expect(clippy::disallowed_methods, reason = "it is waited for in `stop`")]
        let task = tokio::spawn(async move {
            while !until.load(Ordering::Relaxed) {
                // The server may be away; what it did not answer it may have done.
                drop(count(&url, &until).await);
                tick().await;
            }
        });
        Self { is_over, task }
    }

    pub(super) async fn stop(self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.task.await.unwrap();
    }
}

async fn count(url: &str, is_over: &AtomicBool) -> Result<(), mysql_async::Error> {
    let mut conn = Conn::from_url(url).await?;
    while !is_over.load(Ordering::Relaxed) {
        conn.query_drop("UPDATE counter SET n = n + 1 WHERE id = 1").await?;
        tick().await;
    }
    conn.disconnect().await
}

/// Lets a target that has the table `counter` note from now on what is written to it; returns once
/// something was.
pub(super) async fn note(target: &Server, database: &str) {
    let noted = "FOR EACH ROW INSERT INTO counted (n) VALUES (NEW.n)";
    target
        .execute_in(
            database,
            &format!(
                "CREATE TABLE counted (number BIGINT AUTO_INCREMENT PRIMARY KEY, n BIGINT NOT NULL);
                 CREATE TRIGGER counter_inserted AFTER INSERT ON counter {noted};
                 CREATE TRIGGER counter_updated AFTER UPDATE ON counter {noted}"
            ),
        )
        .await
        .unwrap();
    eventually("a value of the counter", 60, async || {
        let noted = format!("SELECT COUNT(*) FROM {database}.counted");
        Ok(target.row::<u64>(&noted).await? > Some(0))
    })
    .await
    .unwrap();
}

/// Wants the noted values to go up all the time; one may come a second time with each of
/// `readings_max` readings of its row for the copy, which are written over what is there.
pub(super) async fn assert_written_once((target, database): (&Server, &str), readings_max: u64) {
    let select = format!(
        "SELECT COUNT(*), COUNT(IF(n < earlier, 1, NULL)), COUNT(IF(n = earlier, 1, NULL))
         FROM (SELECT n, LAG(n) OVER (ORDER BY number) AS earlier FROM {database}.counted) AS noted"
    );
    let (all, late, again): (u64, u64, u64) = target.row(&select).await.unwrap().unwrap();

    println!("counter: {all} values written, {late} late, {again} again");
    // Many changes of the row in one window are one value.
    assert!(all >= 5, "{all} values");
    assert_eq!(late, 0, "of {all} values");
    assert!(again <= readings_max, "{again} of {all} values came again");
}
