-- The tables of a shop that one MySQL server has. What belongs to a customer says so.

CREATE TABLE customers (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name VARCHAR(80) NOT NULL,
  country CHAR(2) NOT NULL,
  created_at DATETIME NOT NULL
);

CREATE TABLE orders (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  customer_id INT UNSIGNED NOT NULL,
  status ENUM('open', 'paid', 'sent') NOT NULL,
  total DECIMAL(12,2) NOT NULL,
  placed_at DATETIME NOT NULL,
  KEY customer (customer_id)
);

CREATE TABLE order_lines (
  order_id INT UNSIGNED NOT NULL,
  line SMALLINT UNSIGNED NOT NULL,
  customer_id INT UNSIGNED NOT NULL,
  sku VARCHAR(24) NOT NULL,
  quantity INT NOT NULL,
  PRIMARY KEY (order_id, line),
  KEY customer (customer_id)
);
