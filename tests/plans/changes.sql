-- One round of the application's changes, of which `@n` is the number: rows come to fit the plans' conditions and
-- no longer do, change their keys and groups, become NULL, and go; groups get their first row and lose their last.
-- As many rows come as go, however many rounds there are.

UPDATE orders SET status = 1 + (id + @n) % 4 WHERE id % 13 = @n % 13;
UPDATE orders SET merchant_id = 1 + (merchant_id + @n) % 37 WHERE id % 17 = @n % 17;
UPDATE orders SET customer_id = 1 + (customer_id * 7 + @n) % 97, tenant_id = (tenant_id + 1) % 10 WHERE id % 19 = @n % 19;
UPDATE orders SET quantity = (quantity + @n) % 11, price = IF(price IS NULL, id / 7, IF(id % 3, LEAST(price + 1, 99999999), NULL)),
  placed_at = placed_at + INTERVAL @n HOUR WHERE id % 11 = @n % 11;
UPDATE orders SET note = IF(note IS NULL, CONCAT(' ß', @n, ' '), NULL), customer_id = IF(id % 2, 1, customer_id)
  WHERE id % 23 = @n % 23;
UPDATE IGNORE orders SET id = id + 1000000 WHERE id % 37 = @n % 37 AND id < 100000 LIMIT 3;
UPDATE IGNORE orders SET id = id - 1000000 WHERE id > 1000000 AND id % 2 = @n % 2;
INSERT INTO orders (tenant_id, customer_id, merchant_id, sku, quantity, price, status, note, placed_at)
  SELECT tenant_id, customer_id, merchant_id, sku, @n % 11, price, status, note, placed_at FROM order_archive
  WHERE id <= 80 AND id % 7 = @n % 7;
DELETE FROM orders WHERE id % 29 = @n % 29 LIMIT 12;
INSERT INTO orders (tenant_id, customer_id, merchant_id, sku, quantity, price, status, note, placed_at)
  VALUES (7, 1 + @n % 97, 1 + @n % 37, CONCAT('once-', @n), 1, 99999999.99, 'paid', NULL, '2025-01-01');
DELETE FROM orders WHERE sku = CONCAT('once-', @n - 2);

INSERT IGNORE INTO order_archive SELECT id + 10000 * @n, tenant_id, customer_id, merchant_id, sku, quantity, price, status, note,
  placed_at FROM orders WHERE id % 41 = @n % 41 AND id < 1000 LIMIT 3;
DELETE FROM order_archive WHERE id > 10000 ORDER BY id % 43 LIMIT 2;

UPDATE customers SET country = ELT(1 + (id + @n) % 5, 'DE', 'AT', 'FR', 'IT', 'JP'), tenant_id = (id + @n) % 10,
  name = CONCAT(name, ' ', @n % 3) WHERE id % 7 = @n % 7 AND CHAR_LENGTH(name) < 70;
UPDATE customers SET phone = IF(phone IS NULL, CONCAT('+43 1 ', 550000 + @n), NULL), birthday = IF(birthday IS NULL, '2000-02-29', NULL),
  email = CONCAT('É', id, '.', @n, '@Example.org') WHERE id % 5 = @n % 5;
UPDATE IGNORE customers SET id = 98 + @n % 23 WHERE id = 1 + @n * 5 % 97;
DELETE FROM customers WHERE id IN (1 + @n * 13 % 97, 98 + (@n + 11) % 23);
INSERT IGNORE INTO customers VALUES
  (1 + @n * 29 % 97, 7, 'Eve', CONCAT('new', @n, '@example.org'), NULL, NULL, 'DE', '2024-01-01 00:00:00'),
  (1 + @n * 31 % 97, 5, 'Fritz de Gouda', CONCAT('newer', @n, '@example.org'), '1', '2001-01-01', 'FR', '2024-01-02 00:00:00');

UPDATE products SET title = CONCAT('ÿ“', @n, '”'), description = IF(description IS NULL, 'ñ', NULL) WHERE weight_grams % 3 = @n % 3;
UPDATE IGNORE products SET sku = CONCAT('SKU-', @n % 60) WHERE sku = CONCAT('sku-', @n % 60);
DELETE FROM products WHERE sku = CONCAT('SKU-', (@n + 50) % 60);
INSERT IGNORE INTO products VALUES (CONCAT('näu-', @n), 'Ž', '', 0);

UPDATE events SET event_type = (event_type + @n) % 10 WHERE id % 7 = @n % 7;
UPDATE IGNORE events SET detail = IF(detail IS NULL, '{"a": [1, 2.50, "ü"]}', NULL), id = id + 1000000 WHERE id % 53 = @n % 53;
INSERT INTO events SELECT 10000 + MAX(id) + 1, 3, NULL, CAST(@n AS JSON), '2025-01-01' FROM events;
DELETE FROM events WHERE id % 31 = @n % 31 LIMIT 1;

UPDATE requests SET workspace_id = IF(workspace_id IS NULL, @n % 4, NULL) WHERE id % 7 = @n % 7;
UPDATE requests SET requested = IF(id % 3, requested + 86400, -@n), created_at = created_at + INTERVAL 1 DAY
  WHERE id % 11 = @n % 11;
INSERT INTO requests VALUES (100000 + @n, 1000 + @n, 1700000000, '2024-01-01'), (200000 + @n, NULL, @n, '2024-01-02');
DELETE FROM requests WHERE workspace_id = 998 + @n;
DELETE FROM requests WHERE id % 59 = @n % 59 LIMIT 1;

UPDATE countries SET name = CONCAT(name, '.') WHERE CHAR_LENGTH(name) < 60;
REPLACE INTO currencies VALUES (CONCAT('X', CHAR(65 + @n % 26), 'Y'), CONCAT('n', @n), @n % 4);
DELETE FROM currencies WHERE code = CONCAT('X', CHAR(65 + (@n + 20) % 26), 'Y');

INSERT INTO invoices VALUES (1000 + @n, 1 + @n % 97, NULL);
INSERT INTO invoice_lines VALUES (1000 + @n, 1, CONCAT('sku-', @n % 23), @n), (1000 + @n, 2, 'sku-1', 2.5);
UPDATE invoices SET sent_at = IF(sent_at IS NULL, '2025-02-01' + INTERVAL @n HOUR, NULL) WHERE id % 7 = @n % 7;
UPDATE invoice_lines SET invoice_id = 1 + (invoice_id * 7 + @n) % 50, price = price + 1
  WHERE invoice_id <= 50 AND line % 11 = @n % 11;
DELETE FROM invoice_lines WHERE invoice_id = 998 + @n;
DELETE FROM invoices WHERE id = 998 + @n;
