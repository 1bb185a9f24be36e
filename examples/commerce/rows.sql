-- Rows for the tables of schema.sql: 2,000 customers, 20,000 orders, 40,000 lines.

SET SESSION cte_max_recursion_depth = 100000;

INSERT INTO customers (name, country, created_at)
  WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
  SELECT CONCAT('Customer ', i), ELT(1 + i % 4, 'DE', 'AT', 'FR', 'JP'), '2024-01-01' + INTERVAL i MINUTE FROM n;

INSERT INTO orders (customer_id, status, total, placed_at)
  WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
  SELECT 1 + i % 2000, 1 + i % 3, i / 8, '2025-01-01' + INTERVAL i MINUTE FROM n;

INSERT INTO order_lines
  SELECT id, line, customer_id, CONCAT('SKU-', id % 50), line FROM orders JOIN (SELECT 1 AS line UNION SELECT 2) both_lines;
