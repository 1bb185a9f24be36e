-- Rows for the demo: 725,000 in all. Each statement counts to 1,000 twice over.

INSERT INTO customers (email, name, country, notes, created_at)
WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 999)
SELECT CONCAT('c', a.i * 1000 + b.i, '@example.com'), CONCAT('Customer ', a.i, ' é日 ', b.i),
  ELT(1 + b.i % 4, 'DE', 'AT', 'FR', 'NL'), IF(b.i % 3 = 0, REPEAT('note ', b.i % 40), NULL),
  '2020-01-01' + INTERVAL a.i * 1000 + b.i MINUTE
FROM n a JOIN n b WHERE a.i < 100;

INSERT INTO products
WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 999)
SELECT CONCAT('SKU-', a.i, '-', b.i), CONCAT('Product ', b.i), 0.99 + b.i, b.i % 50,
  JSON_OBJECT('size', ELT(1 + b.i % 3, 'S', 'M', 'L'), 'weight', b.i / 8, 'tags', JSON_ARRAY('new', a.i, TRUE))
FROM n a JOIN n b WHERE a.i < 5;

INSERT INTO orders (customer_id, status, total, placed_at)
WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 999)
SELECT 1 + (a.i * 1000 + b.i) % 100000, 1 + b.i % 4, 10.5 + b.i, '2021-01-01' + INTERVAL a.i * 1000 + b.i SECOND
FROM n a JOIN n b WHERE a.i < 200;

INSERT INTO order_lines
WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 999)
SELECT 1 + (a.i * 1000 + b.i) DIV 2, 1 + b.i % 2, CONCAT('SKU-', a.i % 5, '-', b.i), 1 + b.i % 9, 0.99 + b.i,
  IF(b.i % 5 = 0, b.i / 7, NULL)
FROM n a JOIN n b WHERE a.i < 400;

INSERT INTO carts
WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 999)
SELECT UNHEX(LEFT(SHA2(a.i * 1000 + b.i, 256), 32)), IF(b.i % 2 = 0, b.i, NULL), IF(b.i % 4 = 0, CONCAT('V', a.i * 1000 + b.i), NULL),
  b.i % 8, IF(b.i % 10 = 0, NULL, JSON_ARRAY(JSON_OBJECT('sku', CONCAT('SKU-', a.i % 5, '-', b.i), 'n', 1 + b.i % 3)))
FROM n a JOIN n b WHERE a.i < 20;
