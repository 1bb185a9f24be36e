-- The tables of the application that these plans are about. Of your own: mysqldump --no-data shop > shop.sql

CREATE TABLE countries (
  code CHAR(2) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  name VARCHAR(80) NOT NULL,
  PRIMARY KEY (code)
);

CREATE TABLE currencies (
  code CHAR(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  name VARCHAR(80) NOT NULL,
  digits TINYINT NOT NULL,
  PRIMARY KEY (code)
);

CREATE TABLE customers (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  tenant_id INT NOT NULL,
  name VARCHAR(80) NOT NULL,
  email VARCHAR(120) NOT NULL,
  phone VARCHAR(32) NULL,
  birthday DATE NULL,
  country CHAR(2) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  created_at DATETIME NOT NULL,
  PRIMARY KEY (id),
  UNIQUE KEY by_email (email),
  KEY by_tenant (tenant_id)
);

CREATE TABLE orders (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  tenant_id INT NOT NULL,
  customer_id BIGINT UNSIGNED NOT NULL,
  merchant_id INT UNSIGNED NOT NULL,
  sku VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  quantity SMALLINT NOT NULL,
  price DECIMAL(10,2) NULL,
  status ENUM('new','paid','shipped','void') NOT NULL,
  note VARCHAR(200) NULL,
  placed_at DATETIME NOT NULL,
  PRIMARY KEY (id),
  KEY by_customer (customer_id),
  KEY by_sku (sku)
);

CREATE TABLE order_archive (
  id BIGINT UNSIGNED NOT NULL,
  tenant_id INT NOT NULL,
  customer_id BIGINT UNSIGNED NOT NULL,
  merchant_id INT UNSIGNED NOT NULL,
  sku VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  quantity SMALLINT NOT NULL,
  price DECIMAL(10,2) NULL,
  status ENUM('new','paid','shipped','void') NOT NULL,
  note VARCHAR(200) NULL,
  placed_at DATETIME NOT NULL,
  PRIMARY KEY (id)
);

CREATE TABLE products (
  sku VARCHAR(40) CHARACTER SET latin1 COLLATE latin1_bin NOT NULL,
  title VARCHAR(120) CHARACTER SET latin1 COLLATE latin1_swedish_ci NOT NULL,
  description TEXT CHARACTER SET latin1 COLLATE latin1_swedish_ci NULL,
  weight_grams INT UNSIGNED NULL,
  PRIMARY KEY (sku)
);

CREATE TABLE events (
  id BIGINT UNSIGNED NOT NULL,
  event_type INT NOT NULL,
  customer_id BIGINT UNSIGNED NULL,
  detail JSON NULL,
  happened_at DATETIME(3) NOT NULL,
  PRIMARY KEY (id)
);

CREATE TABLE requests (
  id BIGINT UNSIGNED NOT NULL,
  workspace_id INT NULL,
  requested BIGINT NOT NULL COMMENT 'seconds since 1970',
  created_at DATETIME NOT NULL,
  PRIMARY KEY (id)
);

CREATE TABLE invoices (
  id BIGINT UNSIGNED NOT NULL,
  customer_id BIGINT UNSIGNED NOT NULL,
  sent_at DATETIME NULL,
  PRIMARY KEY (id)
);

CREATE TABLE invoice_lines (
  invoice_id BIGINT UNSIGNED NOT NULL,
  line SMALLINT NOT NULL,
  sku VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  price DECIMAL(10,2) NOT NULL,
  PRIMARY KEY (invoice_id, line),
  CONSTRAINT line_invoice FOREIGN KEY (invoice_id) REFERENCES invoices (id)
);
