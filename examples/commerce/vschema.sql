-- How the tables are sharded: by the customer, so that what belongs together is on one shard.

ALTER VSCHEMA ON commerce.customers ADD VINDEX xxhash(id) USING xxhash;
ALTER VSCHEMA ON commerce.orders ADD VINDEX xxhash(customer_id) USING xxhash;
ALTER VSCHEMA ON commerce.order_lines ADD VINDEX xxhash(customer_id) USING xxhash;
