//! Definitions with everything that one may have.

/// The tables that a made one must be equal to, text by text.
pub(crate) const TABLES: &[&str] = &[
    "CREATE TABLE t0 (id BIGINT UNSIGNED AUTO_INCREMENT, a INT DEFAULT 5 INVISIBLE, \
     x VARCHAR(9) AS (CONCAT(a, '😀')), \
     e ENUM('a,','b''c') CHARSET latin1 DEFAULT 'b''c', \
     g VARCHAR(40) AS (CONCAT(e, ', (\\n', a)) STORED, v INT AS (a % 7) VIRTUAL, \
     d DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3), \
     j JSON DEFAULT (JSON_ARRAY(1, 'x,y')), p POINT NOT NULL SRID 4326, w VECTOR(3), \
     b BIT(5) DEFAULT b'101', bn BINARY(3) DEFAULT 'a\\0b', vb VARBINARY(4) DEFAULT 0x00FF, \
     n VARCHAR(9) DEFAULT 'a\\nb\\'c\\\\d' COMMENT 'it''s, (a \\n) ?', \
     em VARCHAR(9) DEFAULT '😀', s SET('x','y') DEFAULT 'x,y', \
     PRIMARY KEY (id), UNIQUE KEY u (d, a), KEY pre (n(5) DESC) COMMENT 'k' INVISIBLE, \
     KEY fn ((a + 1)), FULLTEXT KEY ft (n), FULLTEXT KEY ft2 (em), SPATIAL KEY sp (p), \
     CHECK (a <> 3), CONSTRAINT ck CHECK (a > 0) NOT ENFORCED) COMMENT 'tab''le' \
     AUTO_INCREMENT 1000",
    "CREATE TABLE `t1``(,\n'\"` (`PRIMARY KEY` INT, `a, b)` INT, PRIMARY KEY (`a, b)`), \
     KEY `k (` (`PRIMARY KEY`))",
    "CREATE TABLE t2 (id INT, b INT, PRIMARY KEY (id, b)) PARTITION BY RANGE (b) \
     (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN MAXVALUE)",
    "CREATE TABLE t3 (a INT PRIMARY KEY, n INT AUTO_INCREMENT, KEY k (n)) CHARSET utf16 \
     ROW_FORMAT DYNAMIC STATS_PERSISTENT 1",
    "CREATE TABLE t4 (id INT PRIMARY KEY, p INT, q INT, CONSTRAINT t4_self FOREIGN KEY (p) \
     REFERENCES t4 (id) ON DELETE SET NULL, CONSTRAINT t4_t3 FOREIGN KEY (q) REFERENCES t3 (a) \
     ON UPDATE CASCADE)",
    "CREATE TABLE t5 (id VARCHAR(20) COLLATE utf8mb4_bin PRIMARY KEY) \
     PARTITION BY LIST COLUMNS (id) (PARTITION p0 VALUES IN ('😀', '?', 'a'))",
];
