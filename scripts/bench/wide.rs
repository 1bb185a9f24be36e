//! A table of 28 columns of most types, with a key of two columns and two secondary indexes.
//!
//! It has no JSON: tables with documents are written another way, by all contenders. Its FLOATs have few digits: text
//! keeps six of them, so `mysqldump`, `mydumper` and files of `SELECT … INTO OUTFILE` would not carry others.

use whimbrel_kit::Server;
use whimbrel_kit::mysql_async::prelude::Queryable;

use crate::Result;
use crate::sysbench::{Draws, fill_statement};

/// The database on the source.
pub(crate) const DATABASE: &str = "wide";
/// Its table.
pub(crate) const TABLE: &str = "events";
/// Rows of each tenant.
const TENANT_ROWS: u64 = 10_000;
/// How many rows one statement fills in.
const FILL_ROWS: u64 = 50_000;

/// The columns' declarations, and an expression for the value of row `id`, in which each `RAND()` is drawn apart.
const COLUMNS: [(&str, &str); 28] = [
    ("tenant INT NOT NULL", "1 + (id - 1) DIV {tenant_rows}"),
    ("id BIGINT NOT NULL", "id"),
    ("status TINYINT NOT NULL", "FLOOR(RAND() * 256) - 128"),
    ("ranking SMALLINT UNSIGNED", "IF(RAND() < 0.1, NULL, FLOOR(RAND() * 65536))"),
    ("visits MEDIUMINT", "FLOOR(RAND() * 16000000) - 8000000"),
    ("quantity INT", "IF(RAND() < 0.2, NULL, FLOOR(RAND() * 4e9) - 2000000000)"),
    ("serial BIGINT UNSIGNED NOT NULL", "FLOOR(RAND() * 1e18) * 18"),
    ("price DECIMAL(12,2) NOT NULL", "ROUND(RAND() * 1e9, 2)"),
    ("rate DECIMAL(30,10)", "CAST(FLOOR(RAND() * 1e15) AS DECIMAL(30)) * -1.0000000001"),
    ("ratio DOUBLE", "(RAND() - 0.5) * POW(10, FLOOR(RAND() * 40) - 20)"),
    ("weight FLOAT", "FLOOR(RAND() * 40000) / 4"),
    ("born DATE", "DATE '1900-01-01' + INTERVAL FLOOR(RAND() * 60000) DAY"),
    (
        "opened DATETIME NOT NULL",
        "TIMESTAMP '2000-01-01 00:00:00' + INTERVAL FLOOR(RAND() * 9e8) SECOND",
    ),
    (
        "changed DATETIME(6) NOT NULL",
        "TIMESTAMP '2024-01-01 00:00:00' + INTERVAL FLOOR(RAND() * 6e13) MICROSECOND",
    ),
    (
        "seen TIMESTAMP(3) NULL",
        "IF(RAND() < 0.2, NULL, FROM_UNIXTIME(1e9 + FLOOR(RAND() * 9e11) / 1e3))",
    ),
    ("takes TIME", "SEC_TO_TIME(FLOOR(RAND() * 6e6) - 3000000)"),
    ("founded YEAR", "1901 + FLOOR(RAND() * 250)"),
    ("flags BIT(12) NOT NULL", "FLOOR(RAND() * 4096)"),
    ("kind ENUM('click', 'view', 'order', 'refund') NOT NULL", "1 + FLOOR(RAND() * 4)"),
    ("marks SET('new', 'paid', 'late', 'gift', 'b2b') NOT NULL", "FLOOR(RAND() * 32)"),
    (
        "country CHAR(2) CHARACTER SET ascii NOT NULL",
        "ELT(1 + FLOOR(RAND() * 4), 'DE', 'AT', 'CH', 'FR')",
    ),
    (
        "name VARCHAR(100) NOT NULL",
        "CONCAT_WS(' ', ELT(1 + FLOOR(RAND() * 4), 'Zoë', '陳', 'Jürgen', 'Ann'), HEX(RAND() * 1e9))",
    ),
    (
        "city VARCHAR(60) CHARACTER SET latin1",
        "IF(RAND() < 0.1, NULL, ELT(1 + FLOOR(RAND() * 4), 'Köln', 'Malmö', 'Graz', 'Orléans'))",
    ),
    (
        "email VARCHAR(120) COLLATE utf8mb4_bin NOT NULL",
        "CONCAT(LOWER(HEX(RAND() * 1e15)), '@', HEX(RAND() * 1e5), '.example')",
    ),
    ("token BINARY(16) NOT NULL", "LEFT(UNHEX(SHA2(RAND(), 256)), 16)"),
    ("digest VARBINARY(64)", "IF(RAND() < 0.2, NULL, UNHEX(SHA2(RAND(), 512)))"),
    (
        "note TEXT",
        "IF(RAND() < 0.05, NULL, RIGHT(REPEAT(CONCAT('a parcel was left, it’s fine; ', HEX(RAND() * 1e12), '\\n'), 9), 250 + FLOOR(RAND() * 120)))",
    ),
    (
        "payload BLOB",
        "IF(RAND() < 0.05, NULL, CONCAT(UNHEX(SHA2(RAND(), 512)), UNHEX(SHA2(RAND(), 512))))",
    ),
];

/// Makes the table and fills it.
pub(crate) async fn fill(source: &Server, rows: u64) -> Result<()> {
    source.execute(&format!("CREATE DATABASE {DATABASE}")).await?;
    let mut conn = source.connect_to(DATABASE).await?;
    let declarations: Vec<&str> = COLUMNS.iter().map(|it| it.0).collect();
    conn.query_drop(format!(
        "CREATE TABLE {TABLE} ({}, PRIMARY KEY (tenant, id), KEY by_change (tenant, changed), \
         KEY by_email (email)) DEFAULT CHARSET = utf8mb4",
        declarations.join(", ")
    ))
    .await?;
    conn.query_drop("SET SESSION sql_log_bin = 0, cte_max_recursion_depth = 1000").await?;
    let values: Vec<&str> = COLUMNS.iter().map(|it| it.1).collect();
    let values = values.join(", ").replace("{tenant_rows}", &TENANT_ROWS.to_string());
    let mut draws = Draws::new(1);
    for first in (0..rows).step_by(usize::try_from(FILL_ROWS).unwrap_or(usize::MAX)) {
        let last = rows.min(first + FILL_ROWS);
        conn.query_drop(fill_statement(TABLE, &draws.seeded(&values), first, last)).await?;
    }
    conn.disconnect().await?;
    Ok(())
}
