//! What the targets of each plan hold, and what the source gives for it.

/// A plan of `plans/`.
pub(super) struct Example {
    /// Its file's name, without `.yaml`.
    pub(super) plan: &'static str,
    /// A query of each of its targets, with the query of the source that gives the same rows.
    pub(super) targets: &'static [(&'static str, &'static str)],
    /// The tables that have each row on one shard, with the columns that say on which. Without any, each
    /// database that it writes has all rows.
    pub(super) sharded: &'static [Sharded],
    /// The ids of what `validate` remarks.
    pub(super) remarks: &'static [&'static str],
}

/// A table, and the columns of its primary vindex.
pub(super) type Sharded = (&'static str, &'static [&'static str]);

const fn example(plan: &'static str, targets: &'static [(&'static str, &'static str)]) -> Example {
    Example { plan, targets, sharded: &[], remarks: &[] }
}

pub(super) const EXAMPLES: &[Example] = &[
    example(
        "mysql-to-mysql",
        &[("TABLE customers", "TABLE customers"), ("TABLE orders", "TABLE orders")],
    ),
    example(
        "live-copy",
        &[("TABLE orders_live", "TABLE orders"), ("TABLE customers_live", "TABLE customers")],
    ),
    example(
        "reference-tables",
        &[("TABLE countries", "TABLE countries"), ("TABLE currencies", "TABLE currencies")],
    ),
    example(
        "without-personal-data",
        &[
            (
                "TABLE people",
                // HMAC-SHA-256, as RFC 2104 has it.
                r"SELECT id, tenant_id,
                    IF(CHAR_LENGTH(phone) <= 3, REPEAT('*', CHAR_LENGTH(phone)),
                      CONCAT(REPEAT('*', CHAR_LENGTH(phone) - 3), RIGHT(phone, 3))),
                    country, created_at,
                    SHA2(CONCAT(CAST('a key for tests alone' AS BINARY(64)) ^ REPEAT(_binary'\\', 64),
                      UNHEX(SHA2(CONCAT(CAST('a key for tests alone' AS BINARY(64))
                        ^ REPEAT(_binary'6', 64), email), 256))), 256),
                    YEAR(birthday)
                  FROM customers",
            ),
            ("TABLE purchases", "SELECT id, customer_id, sku FROM orders"),
        ],
    ),
    example(
        "filtered-rows-and-columns",
        &[
            ("TABLE addresses", "SELECT id, email FROM customers WHERE country = 'DE'"),
            (
                "TABLE open_orders_of_one",
                "SELECT id, customer_id, merchant_id, sku, quantity, price, status, note, placed_at
                 FROM orders WHERE customer_id = 1 AND status <> 'void' AND note IS NOT NULL",
            ),
        ],
    ),
    example(
        "rows-of-some-types",
        &[("TABLE payments", "SELECT * FROM events WHERE event_type IN (3, 7, 8)")],
    ),
    example(
        "one-tenant",
        &[
            ("TABLE countries", "TABLE countries"),
            ("TABLE customers", "SELECT * FROM customers WHERE tenant_id = 7"),
            ("TABLE orders", "SELECT * FROM orders WHERE tenant_id = 7"),
        ],
    ),
    example(
        "computed-columns",
        &[(
            "TABLE orders_computed",
            "SELECT id, tenant_id, customer_id, merchant_id, sku, quantity, price, status,
               IFNULL(UPPER(TRIM(note)), '-'), placed_at, price * quantity, HOUR(placed_at),
               price / quantity
             FROM orders",
        )],
    ),
    example(
        "rollup",
        &[(
            "TABLE sales_by_sku",
            "SELECT sku, COUNT(*), COUNT(price), SUM(price), MAX(price), AVG(price)
             FROM orders WHERE status IN ('paid', 'shipped') GROUP BY sku",
        )],
    ),
    example(
        "rollup-by-day",
        &[(
            "TABLE usage_by_day",
            "SELECT workspace_id, DATE(FROM_UNIXTIME(requested)) AS requested_date,
               DATE(created_at) AS created_date, 1, COUNT(*)
             FROM requests GROUP BY workspace_id, requested_date, created_date",
        )],
    ),
    example(
        "several-tables-into-one",
        &[(
            "TABLE all_orders",
            "SELECT *, 'orders' FROM orders UNION ALL SELECT *, 'order_archive' FROM order_archive",
        )],
    ),
    example(
        "other-indexes",
        &[(
            "SELECT id, tenant_id, customer_id, merchant_id, sku, quantity, price, status, placed_at,
               seen_at IS NOT NULL
             FROM orders_by_time",
            "SELECT id, tenant_id, customer_id, merchant_id, sku, quantity,
               CAST(price AS DECIMAL(14,4)), status, placed_at, TRUE
             FROM orders",
        )],
    ),
    example("latin1-to-utf8mb4", &[("TABLE products", "TABLE products")]),
    example(
        "schema-change",
        &[(
            "TABLE customers",
            "SELECT id, tenant_id, SUBSTRING_INDEX(name, ' ', 1), SUBSTRING_INDEX(name, ' ', -1),
               LOWER(email), country, created_at, FALSE
             FROM customers",
        )],
    ),
    example(
        "message-queue",
        &[(
            "TABLE order_messages",
            "SELECT id, IF(price >= 100, 10, 50), 0, 0, NULL, tenant_id,
               CONCAT('pack ', quantity, ' of ', sku)
             FROM orders WHERE status = 'paid'",
        )],
    ),
    example(
        "split-lower-half",
        &[
            (
                "TABLE customers",
                "SELECT * FROM customers
                 WHERE id IN (SELECT id FROM vitess.keyspace_ids WHERE keyspace_id < x'80')",
            ),
            (
                "TABLE orders",
                "SELECT * FROM orders
                 WHERE customer_id IN (SELECT id FROM vitess.keyspace_ids WHERE keyspace_id < x'80')",
            ),
        ],
    ),
    example(
        "split-upper-half",
        &[
            (
                "TABLE customers",
                "SELECT * FROM customers
                 WHERE id NOT IN (SELECT id FROM vitess.keyspace_ids WHERE keyspace_id < x'80')",
            ),
            (
                "TABLE orders",
                "SELECT * FROM orders WHERE customer_id NOT IN
                   (SELECT id FROM vitess.keyspace_ids WHERE keyspace_id < x'80')",
            ),
        ],
    ),
    example(
        "other-sharding-key",
        &[(
            "TABLE orders_by_merchant",
            "SELECT * FROM orders
             WHERE merchant_id IN (SELECT id FROM vitess.keyspace_ids WHERE keyspace_id < x'80')",
        )],
    ),
    example(
        "lookup-table",
        &[(
            "TABLE orders_sku_lookup",
            "SELECT DISTINCT sku, keyspace_id FROM orders
             JOIN vitess.keyspace_ids owners ON owners.id = customer_id",
        )],
    ),
    example(
        "vitess-unsharded",
        &[
            ("TABLE customers", "TABLE customers"),
            ("TABLE orders", "TABLE orders"),
            ("TABLE order_archive", "TABLE order_archive"),
        ],
    ),
    Example {
        plan: "vitess-sharded",
        targets: &[("TABLE customers", "TABLE customers"), ("TABLE orders", "TABLE orders")],
        sharded: &[("customers", &["id"]), ("orders", &["id"])],
        remarks: &["sharding.unique-in-shards"],
    },
    Example {
        plan: "vitess-tablets",
        targets: &[("TABLE events", "TABLE events"), ("TABLE requests", "TABLE requests")],
        sharded: &[("events", &["id"]), ("requests", &["id"])],
        remarks: &[],
    },
    Example {
        plan: "vitess-sharded-by-customer",
        targets: &[
            ("TABLE customers", "TABLE customers"),
            ("TABLE orders", "TABLE orders"),
            (
                "TABLE orders_by_id",
                "SELECT orders.id, keyspace_id FROM orders
                 JOIN vitess.keyspace_ids owners ON owners.id = customer_id",
            ),
        ],
        sharded: &[
            ("customers", &["id"]),
            ("orders", &["customer_id"]),
            ("orders_by_id", &["id"]),
        ],
        remarks: &["sharding.unique-in-shards"],
    },
    Example {
        plan: "vitess-merged",
        targets: &[(
            "TABLE all_orders",
            "SELECT *, 'orders' FROM orders UNION ALL SELECT *, 'order_archive' FROM order_archive",
        )],
        sharded: &[("all_orders", &["customer_id"])],
        remarks: &[],
    },
    example(
        "vitess-reference-tables",
        &[("TABLE countries", "TABLE countries"), ("TABLE currencies", "TABLE currencies")],
    ),
    Example {
        plan: "vitess-foreign-keys",
        targets: &[
            ("TABLE invoices", "TABLE invoices"),
            ("TABLE invoice_lines", "TABLE invoice_lines"),
        ],
        sharded: &[("invoices", &["id"]), ("invoice_lines", &["invoice_id"])],
        remarks: &[],
    },
    Example {
        plan: "vitess-tenants",
        targets: &[
            ("TABLE customers", "SELECT tenant_id, id, name, email, country FROM customers"),
            ("TABLE orders", "TABLE orders"),
        ],
        sharded: &[("customers", &["tenant_id", "id"]), ("orders", &["tenant_id", "id"])],
        remarks: &[],
    },
];
