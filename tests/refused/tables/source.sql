CREATE TABLE users (
  id INT UNSIGNED NOT NULL AUTO_INCREMENT,
  email VARCHAR(120) NULL,
  name VARCHAR(80) NOT NULL,
  country CHAR(2) NOT NULL,
  home POINT NULL,
  PRIMARY KEY (id),
  KEY by_email (email)
);
CREATE TABLE orders (
  id BIGINT NOT NULL,
  user_id INT UNSIGNED NOT NULL,
  sku VARCHAR(64) COLLATE utf8mb4_0900_bin NOT NULL,
  status ENUM('open','paid','sent') NOT NULL,
  quantity SMALLINT NOT NULL,
  price DECIMAL(10,2) NOT NULL,
  total DECIMAL(16,2) AS (price * quantity) VIRTUAL,
  created_at DATETIME NOT NULL,
  PRIMARY KEY (id)
);
CREATE TABLE countries (
  code VARCHAR(3) COLLATE utf8mb4_0900_bin NOT NULL,
  label VARCHAR(40) NOT NULL,
  PRIMARY KEY (code)
);
CREATE TABLE events_2024 (id INT NOT NULL PRIMARY KEY, at DATETIME NOT NULL, what VARCHAR(40) NULL);
CREATE TABLE events_2025 (id INT NOT NULL PRIMARY KEY, at DATETIME NOT NULL, what VARCHAR(40) NULL);
CREATE TABLE stock (
  id INT NOT NULL,
  country CHAR(2) NOT NULL,
  label VARCHAR(40) NOT NULL,
  secret VARCHAR(40) NOT NULL,
  pieces INT NOT NULL,
  price DECIMAL(10,2) NOT NULL,
  worth DECIMAL(20,2) AS (pieces * price) VIRTUAL,
  PRIMARY KEY (id),
  UNIQUE KEY by_label (label),
  KEY by_price (price),
  KEY by_secret (secret),
  KEY by_double ((pieces * 2)),
  CONSTRAINT in_a_country FOREIGN KEY (country) REFERENCES countries (code),
  CONSTRAINT some CHECK (pieces >= 0)
);
CREATE TABLE visits (id INT NOT NULL PRIMARY KEY, at DATETIME NOT NULL)
PARTITION BY HASH (id) PARTITIONS 4;
CREATE TABLE log_lines (line TEXT NULL);
CREATE TABLE labels_2024 (label VARCHAR(40) NOT NULL PRIMARY KEY, at DATETIME NOT NULL);
CREATE TABLE labels_2025 (label VARCHAR(40) NOT NULL PRIMARY KEY, at DATETIME NOT NULL);
