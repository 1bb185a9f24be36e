-- What the application does again and again, in one transaction, of which `@n` is the number: a customer comes, orders
-- and moves; an order is given to another customer, on another shard perhaps; an old one goes.

BEGIN;
INSERT INTO customers (name, country, created_at) VALUES (CONCAT('New ', @n), 'DE', NOW());
INSERT INTO orders (customer_id, status, total, placed_at) VALUES (LAST_INSERT_ID(), 'open', @n, NOW());
INSERT INTO order_lines SELECT id, 1, customer_id, 'SKU-new', 1 FROM orders WHERE id = LAST_INSERT_ID();
UPDATE customers SET country = ELT(1 + @n % 4, 'DE', 'AT', 'FR', 'JP') WHERE id = 1 + @n % 2000;
UPDATE orders SET status = 'sent' WHERE customer_id = 1 + @n % 2000;
UPDATE orders SET customer_id = 1 + @n % 2000 WHERE id = 1 + @n * 7 % 20000;
UPDATE order_lines SET customer_id = 1 + @n % 2000 WHERE order_id = 1 + @n * 7 % 20000;
DELETE FROM order_lines WHERE order_id = 1 + @n * 13 % 20000;
DELETE FROM orders WHERE id = 1 + @n * 13 % 20000;
COMMIT;
