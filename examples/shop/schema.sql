-- A small shop: an automatic key, a text key, a composite key, a binary key, unique values that move between rows.

CREATE TABLE customers (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  email VARCHAR(80) NOT NULL,
  name VARCHAR(80) NOT NULL,
  country CHAR(2) NOT NULL,
  notes TEXT NULL,
  created_at DATETIME(3) NOT NULL,
  UNIQUE KEY email (email),
  KEY country (country, created_at)
);

CREATE TABLE products (
  sku VARCHAR(24) NOT NULL PRIMARY KEY,
  title VARCHAR(120) NOT NULL,
  price DECIMAL(10,2) NOT NULL,
  stock INT NOT NULL,
  attributes JSON NOT NULL
);

CREATE TABLE orders (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  customer_id BIGINT UNSIGNED NOT NULL,
  status ENUM('open', 'paid', 'sent', 'returned') NOT NULL,
  total DECIMAL(12,2) NOT NULL,
  placed_at TIMESTAMP(6) NOT NULL,
  KEY customer (customer_id),
  KEY status (status, placed_at)
);

CREATE TABLE order_lines (
  order_id BIGINT UNSIGNED NOT NULL,
  line SMALLINT UNSIGNED NOT NULL,
  sku VARCHAR(24) NOT NULL,
  quantity INT NOT NULL,
  price DECIMAL(10,2) NOT NULL,
  discount FLOAT NULL,
  PRIMARY KEY (order_id, line),
  KEY sku (sku)
);

CREATE TABLE carts (
  id BINARY(16) NOT NULL PRIMARY KEY,
  customer_id BIGINT UNSIGNED NULL,
  voucher VARCHAR(16) NULL,
  options SET('gift', 'express', 'invoice') NOT NULL,
  content JSON NULL,
  UNIQUE KEY voucher (voucher)
);

CREATE TABLE order_archive (
  id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
  document JSON NOT NULL
);
