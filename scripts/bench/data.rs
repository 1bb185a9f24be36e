//! The data sets.

use whimbrel_kit::{Server, fingerprint};

use crate::{Result, sysbench, wide};

/// Tables of a database on the source. They have an integer `id` that counts from 1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DataSet {
    /// Its name, and that of its database.
    pub(crate) name: &'static str,
    pub(crate) tables: &'static [&'static str],
    /// Rows in each table.
    pub(crate) rows: u64,
    /// What puts them in the order of the key.
    pub(crate) key_order: &'static str,
}

impl DataSet {
    /// What sysbench has.
    pub(crate) fn bench(rows: u64) -> Self {
        Self { name: sysbench::DATABASE, tables: &sysbench::TABLES, rows, key_order: "ORDER BY id" }
    }

    /// One table of many types.
    pub(crate) fn wide(rows: u64) -> Self {
        Self {
            name: wide::DATABASE,
            tables: &[wide::TABLE],
            rows,
            key_order: "ORDER BY tenant, id",
        }
    }

    /// Rows in all tables.
    pub(crate) fn row_count(&self) -> u64 {
        self.tables.iter().map(|_| self.rows).sum()
    }

    /// Makes it on the source.
    pub(crate) async fn fill(&self, source: &Server) -> Result<()> {
        println!(
            "filling {}: {} rows in each of {} tables",
            self.name,
            self.rows,
            self.tables.len()
        );
        match self.name {
            sysbench::DATABASE => sysbench::fill(source, self.rows).await,
            _ => wide::fill(source, self.rows).await,
        }
    }

    /// Fails unless both servers hold the same rows of its tables.
    pub(crate) async fn is_equal(&self, source: &Server, target: &Server) -> Result<()> {
        for table in self.tables {
            let (source, target) = tokio::try_join!(
                fingerprint(source, self.name, table),
                fingerprint(target, self.name, table),
            )?;
            if source != target {
                return Err(
                    format!("{}.{table}: source {source}, target {target}", self.name).into()
                );
            }
        }
        Ok(())
    }
}
