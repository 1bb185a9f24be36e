//! Writers that know of no source: what vtgate takes at most.

use tokio::task::JoinSet;
use whimbrel_kit::mysql_async::prelude::Queryable;

use super::Place;
use super::meter::Meter;
use crate::Result;
use crate::measure::Usage;

/// Their connections, and the size at which their statements are sent: vtgate's best.
const CONNECTIONS: usize = 4;
const STATEMENT_BYTES: usize = 256 << 10;
/// How many rows of each table they send at most: they are held in memory.
const ROWS_MAX: u64 = 500_000;

impl Place<'_> {
    /// Sends rows of the source into empty tables, and tells how many they were.
    pub(super) async fn write_blindly(&self, is_targeted: bool) -> Result<(Usage, u64)> {
        for table in self.set.tables {
            let show = format!("SHOW CREATE TABLE {}.{table}", self.set.name);
            let (_, create): (String, String) =
                self.source.row(&show).await?.ok_or("a table is gone")?;
            let statements = format!("DROP TABLE IF EXISTS {table}; {create}");
            self.cluster.execute(self.keyspace, &statements).await?;
        }
        let (shares, count) = self.statements(is_targeted).await?;
        self.rest().await?;
        let mut conns = Vec::new();
        for (target, _) in &shares {
            conns.push(self.cluster.connect_to(target).await?);
        }
        let meter = Meter::start(self)?;
        let mut writing = JoinSet::new();
        for (mut conn, (_, statements)) in conns.into_iter().zip(shares) {
            writing.spawn(async move {
                for statement in statements {
                    conn.query_drop(statement).await?;
                }
                conn.disconnect().await
            });
        }
        while let Some(result) = writing.join_next().await {
            result??;
        }
        let usage = meter.end();
        for table in self.set.tables {
            self.cluster.execute(self.keyspace, &format!("DROP TABLE {table}")).await?;
        }
        Ok((usage, count))
    }

    /// What each connection sends, and where it is connected to; and how many rows that is in all.
    async fn statements(&self, is_targeted: bool) -> Result<(Vec<(String, Vec<String>)>, u64)> {
        let connections = CONNECTIONS / self.shards.len();
        let mut count = 0;
        let mut by_shard: Vec<Vec<String>> = self.shards.iter().map(|_| Vec::new()).collect();
        for table in self.set.tables {
            let rows: Vec<(usize, String)> = self
                .source
                .rows(&format!(
                    "SELECT id % {}, CONCAT_WS(\"','\", CONCAT(\"('\", id), k, c, CONCAT(pad, \"')\")) \
                     FROM {}.{table} WHERE id <= {ROWS_MAX} ORDER BY id",
                    self.shards.len(),
                    self.set.name
                ))
                .await?;
            count += u64::try_from(rows.len())?;
            // Each table's rows begin a statement.
            let mut open: Vec<Option<String>> = self.shards.iter().map(|_| None).collect();
            for (shard, values) in rows {
                let statement = match &mut open[shard] {
                    Some(statement) => {
                        statement.push(',');
                        statement.push_str(&values);
                        statement
                    }
                    none => {
                        none.insert(format!("INSERT INTO {table} (id, k, c, pad) VALUES {values}"))
                    }
                };
                if statement.len() >= STATEMENT_BYTES {
                    by_shard[shard].extend(open[shard].take());
                }
            }
            for (statements, rest) in by_shard.iter_mut().zip(open) {
                statements.extend(rest);
            }
        }
        let mut shares = Vec::new();
        for (shard, statements) in self.shards.iter().zip(by_shard) {
            let target = match is_targeted {
                true => format!("{}:{shard}", self.keyspace),
                false => self.keyspace.to_owned(),
            };
            let mut of_shard = vec![(target, Vec::new()); connections];
            for (statement, connection) in statements.into_iter().zip((0..connections).cycle()) {
                of_shard[connection].1.push(statement);
            }
            shares.extend(of_shard);
        }
        Ok((shares, count))
    }
}
