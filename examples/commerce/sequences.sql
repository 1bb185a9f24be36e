-- What numbers new rows instead of AUTO_INCREMENT, which every shard would count for itself: a table of one row each in
-- a keyspace that is not sharded. From the highest number onwards it gives out blocks of a thousand.

CREATE TABLE main.customers_seq (id INT NOT NULL PRIMARY KEY, next_id BIGINT NOT NULL, cache BIGINT NOT NULL) COMMENT 'vitess_sequence';
CREATE TABLE main.orders_seq (id INT NOT NULL PRIMARY KEY, next_id BIGINT NOT NULL, cache BIGINT NOT NULL) COMMENT 'vitess_sequence';
ALTER VSCHEMA ADD SEQUENCE main.customers_seq;
ALTER VSCHEMA ADD SEQUENCE main.orders_seq;
INSERT INTO main.customers_seq (id, next_id, cache) SELECT 0, MAX(id) + 1, 1000 FROM commerce.customers;
INSERT INTO main.orders_seq (id, next_id, cache) SELECT 0, MAX(id) + 1, 1000 FROM commerce.orders;
ALTER VSCHEMA ON commerce.customers ADD AUTO_INCREMENT id USING main.customers_seq;
ALTER VSCHEMA ON commerce.orders ADD AUTO_INCREMENT id USING main.orders_seq;
