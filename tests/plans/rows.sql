-- Rows for the tables of plans/shop.sql. Customers and merchants have the numbers of `keyspace_ids`.

SET SESSION cte_max_recursion_depth = 10000;

-- Where Vitess's vindex `hash` keeps 1 to 120: DES under a key of zeros, as `openssl enc -des-ede3 -nopad -K 000…`
-- gives it for these numbers of eight bytes each.
CREATE DATABASE vitess;
CREATE TABLE vitess.keyspace_ids (id BIGINT UNSIGNED NOT NULL PRIMARY KEY, keyspace_id BINARY(8) NOT NULL);
SET @ids = CONCAT(
'166b40b44aba4bd606e7ea22ce92708f4eb190c9a2fa169cd2fd8867d50d2dfe70bb023c810ca87af098480ac4c4be71fb8baaad918119b8',
'cc083f1e6d9e85f6692bb9bf752b0f58594764e1a2b2d98eaefc44491cfe474cd3748269b7058a0e62dce203c602f358acbfda0d70613fc4',
'6a8b56ed414942b85b711bc4ceebf2ee799a09fb40df6019affa05c77cbe3c45b4b0f64464d8426d8b9f06ebafced45c52cb7b1b31b2222e',
'8d6a621892afb854b93a886167cc1dcb1af5c17d37c71782c371281545e5de8a3ec83c3ec62c49a0784e93b518e56912b59610e04d0470a4',
'd296bfd39d97e83276eac150b2dc014e1190738fb1e598fd0953e2258e8e90a1066f2c398914e77dfa43da2b2e6c6b5b974efc571166eb19',
'8af4612b653324fce087855a76a1856274746d35c277f6f42af3baa357ed950eaf13f20969e919b44d8131ce2877728761f0f4f610d0a79a',
'1501da7e21a739dfb8bf97d0b237756000fa475613c85720b55b5353af3c397e878d8056230c6187e6dee1b3a9426ea871e6317fd7495875',
'b8214c7b5c89ed5679d6ac13eb292f637fb77c69f29141ab112e24a89d54df8d74ebabb25c3ee48e6b1fe8309772fc677c61ebad0c68cb77',
'af5152b8c8a3e08d1c49b3dd711e82c050ae7982d857644037b690da8f4d8d19f200ff8a827323d74e86b29ee84a727f7cae1bdf9c98e26e',
'e07c30d7e4e26e126745371d339023333fe17c39b15394602e31a493f4527709eba45b11dec5260eb6eebd952d1a744e90711098e354bce1',
'140b90e6104c2d698b8cb06d2b70fe9d26da3dc4d0d75faac408b3aeeae145c2b556a35fc26b5e8ce21096af085e1241bd6f0490f3830497',
'f0996cfdea4beb621b7a3adab05cac7d0071dbe26553650587b18e267a28a00aceceeba2fbce6d43c4aea26a3bc55d4196835dbdff62d144',
'6718d7c16ac7bd30826ccf810e83de987643f7ce1bf265d0852f1f8f269d66cc20c5a58f87a1f235071269ebf826298b379b53002b0a0069',
'db6f010af59a4f8b70713117c5bd170b28c50a9f88b6651d574b70bff1d0bff878e572ae870bc19cf211d9a6f61c90dadc33669ca801d634',
'2c40ad56f4593c4783aab1569cbe1b08edb77d7f8d6d9ab1282f3dd94d0baf7f46ff557cf6f925504259eb89efc61e3254d9622de2488ba9',
'8f0ac1218930b99d4c3d056e0d1d649be6f527bd83ce6ad6218404157ae57ff3da6d43d5fba02dc031ea51024eb7ee3fc663c986b6843051',
'7f1b9a9f9f58ce3a239b5e2e5154a83ab14f3b5cb4e382001e1788ff0fde093cdedd500653eae20ac7938eacf4c2cb115e1d1e30aba7cccd',
'1aaeecadbd87c315');
INSERT INTO vitess.keyspace_ids
  WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120)
  SELECT i, UNHEX(SUBSTR(@ids, i * 16 - 15, 16)) FROM n;

INSERT INTO countries VALUES ('DE', 'Deutschland'), ('AT', 'Österreich'), ('FR', 'France'), ('IT', 'Italia'), ('JP', '日本');
INSERT INTO currencies VALUES ('EUR', 'Euro', 2), ('JPY', '円', 0), ('KWD', 'Dinar', 3);

INSERT INTO customers
  WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 97)
  SELECT i, i % 10, CONCAT(ELT(1 + i % 4, 'Ann', 'Björn', 'Cem', 'Dora'), IF(i % 5, '', ' von'), ' Name', i),
    CONCAT(IF(i % 2, 'P', 'p'), i, '@Example.org'), IF(i % 3, CONCAT('+49 30 ', 100000 + i), NULL),
    IF(i % 4, '1970-01-31' + INTERVAL i MONTH, NULL), ELT(1 + i % 5, 'DE', 'AT', 'FR', 'IT', 'JP'),
    '2023-01-01 10:00:00' + INTERVAL i HOUR FROM n;

INSERT INTO orders
  WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600)
  SELECT i, i % 10, 1 + i % 97, 1 + i % 37, CONCAT('sku-', i % 23), i % 11, IF(i % 7, i / 3, NULL), 1 + i % 4,
    IF(i % 3, CONCAT('  Straße ', i, ' '), NULL), '2024-11-15 23:30:00' + INTERVAL i * 3 HOUR FROM n;

INSERT INTO order_archive
  WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 80)
  SELECT i, i % 10, 1 + i % 97, 1 + i % 37, CONCAT('old-', i % 5), i % 11, i / 3, 3, NULL,
    '2019-01-01' + INTERVAL i DAY FROM n;

INSERT INTO products
  WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60)
  SELECT CONCAT('sku-', i), CONCAT(ELT(1 + i % 3, 'Käse', 'Œuvre', 'Größe'), ' zu ', i, ' €'),
    IF(i % 4, REPEAT('é', i), NULL), IF(i % 5, i, NULL) FROM n;

INSERT INTO events
  WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
  SELECT i, i % 10, IF(i % 6, 1 + i % 97, NULL), IF(i % 5, JSON_OBJECT('n', i, 'half', i / 2.0e0), NULL),
    '2024-12-31 23:59:59.5' + INTERVAL i SECOND FROM n;

INSERT INTO requests
  WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
  SELECT i, IF(i % 5, i % 4, NULL), IF(i % 50, 1735600000 + i * 400, -1), '2024-12-31 12:00:00' + INTERVAL i * 10 MINUTE
  FROM n;

INSERT INTO invoices
  WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50)
  SELECT i, 1 + i % 97, IF(i % 3, '2025-01-01' + INTERVAL i DAY, NULL) FROM n;
INSERT INTO invoice_lines
  WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150)
  SELECT 1 + i % 50, i, CONCAT('sku-', i % 23), i / 3 FROM n;
